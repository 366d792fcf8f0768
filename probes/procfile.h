/* What /proc tells about one process, read with bounds. */
#ifndef GILSCOPE_PROBES_PROCFILE_H
#define GILSCOPE_PROBES_PROCFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/vec.h"

/* One line of /proc/PID/maps. */
struct proc_map {
	uint64_t start, end, offset;
	dev_t dev;
	ino_t inode;
	bool is_executable, is_writable, is_deleted;
	char *path; /* owned; without " (deleted)"; NULL: anonymous */
};

struct proc_maps {
	vec(struct proc_map) list; /* by address */
};

/* The errors of these are those of the kernel: -ENOENT or -ESRCH when the process is gone. */
int proc_maps_load(pid_t pid, struct proc_maps *ret_maps);
void proc_maps_fini(struct proc_maps *maps);

/* -ENOENT too when the kernel names no such thread in the process's own namespace. */
int proc_ns_pid(pid_t pid, pid_t *ret_ns_pid);
int proc_start_ns(pid_t pid, uint64_t *ret_start_ns); /* CLOCK_MONOTONIC */
int proc_uid(pid_t pid, uid_t *ret_uid);
bool proc_is_zombie(pid_t pid);

#endif
