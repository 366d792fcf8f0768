/* pid → what runs there: namespaces, mapped files, interpreter, version. */
#ifndef GILSCOPE_PROBES_TARGET_H
#define GILSCOPE_PROBES_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

/* One file that holds (or may hold) an interpreter, as mapped into the process. */
struct target_image {
	char path[4096];   /* as the recorder opens it, in /proc/PID/root or map_files */
	char name[256];    /* base name, for people */
	char build_id[65]; /* lower-case hex; "" when the file has none */
	dev_t dev;
	ino_t inode;
	uint64_t load_bias; /* add to an ELF virtual address */
};

struct target {
	pid_t pid;         /* as the recorder sees it */
	pid_t ns_pid;      /* as the target sees itself */
	uint64_t start_ns; /* of the process, CLOCK_MONOTONIC; tells a reused pid apart */
	uint64_t pidns_dev, pidns_ino; /* for bpf_get_ns_current_pid_tgid */
	bool has_interpreter;
	char interpreter[16]; /* "CPython" */
	char version[32];     /* "3.11.2"; from the image, checked against the live process */
	int version_hex;      /* 0x030b02f0 */
	bool is_free_threaded_build;
	struct target_image image; /* the file that holds the lock's code */
	uint64_t runtime_address;  /* of _PyRuntime in the process */
};

/* 0; -ESRCH no such process; -EACCES not allowed; -ENOENT no interpreter found there (yet: a
 * process that has just been started may still be loading it). `err` says which and what to do. */
int target_open(pid_t pid, struct target *ret_target, struct err *err);

/* Reads the target's memory; the whole range or a negative errno. */
int target_read(const struct target *target, uint64_t address, void *buffer, size_t len);

#endif
