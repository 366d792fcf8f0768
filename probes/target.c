/* pid → namespaces, the file that holds the interpreter, its version and the address of
 * _PyRuntime. Everything is read from /proc, the file and the process's memory; nothing is run. */
#include "probes/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "probes/elffile.h"
#include "probes/images.h"
#include "probes/procfile.h"
#include "probes/version.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"
#include "runtime/base/file.h"

#define WRITABLE_MAX_BYTES ((uint64_t)32 << 20)

int target_read(const struct target *target, uint64_t address, void *buffer, size_t len)
{
	char *to = buffer;

	while (len) {
		struct iovec local = {to, len};
		struct iovec remote = {(void *)(uintptr_t)address, len};
		ssize_t got = process_vm_readv(target->pid, &local, 1, &remote, 1, 0);

		if (got < 0)
			return -errno;
		if (!got)
			return -EFAULT;
		to += got;
		address += (uint64_t)got;
		len -= (size_t)got;
	}
	return 0;
}

static void load_comm(pid_t pid, char comm[32])
{
	_free_ char *text = NULL;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	(void)snprintf(comm, 32, "?");
	if (file_load(path, 256, &text, NULL, NULL))
		return;
	text[strcspn(text, "\n")] = '\0';
	(void)snprintf(comm, 32, "%.31s", text);
}

/* Why the kernel refused, and who may lift it. */
static int explain_denial(pid_t pid, struct err *err)
{
	_free_ char *scope = NULL;
	uid_t uid = (uid_t)-1;

	if (!proc_uid(pid, &uid) && uid != geteuid())
		return err_ret(err, -EACCES,
			"not allowed to look into pid %d, which runs as uid %u: needs "
			"CAP_SYS_PTRACE; "
			"try: sudo gilscope ..., or run as that user",
			pid, uid);
	if (!file_load("/proc/sys/kernel/yama/ptrace_scope", 16, &scope, NULL, NULL) &&
		scope[0] != '0')
		return err_ret(err, -EACCES,
			"not allowed to look into pid %d: kernel.yama.ptrace_scope is %c, which "
			"demands CAP_SYS_PTRACE; try: sudo gilscope ...",
			pid, scope[0]);
	return err_ret(err, -EACCES,
		"not allowed to look into pid %d: needs CAP_SYS_PTRACE (the process changed its "
		"rights or sits in another container); try: sudo gilscope ...",
		pid);
}

static int explain_missing(pid_t pid, int rc, struct err *err)
{
	if (rc == -ENOENT || rc == -ESRCH)
		return err_ret(err, -ESRCH, "no such process: %d", pid);
	if (rc == -EACCES || rc == -EPERM)
		return explain_denial(pid, err);
	return err_ret(err, rc, "cannot read /proc/%d: %s", pid, strerror(-rc));
}

static int read_identity(pid_t pid, struct target *target)
{
	char path[64];
	struct stat st;
	int rc = proc_start_ns(pid, &target->start_ns);

	target->pid = pid;
	if (!rc)
		rc = proc_ns_pid(pid, &target->ns_pid);
	if (rc)
		return rc;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	if (stat(path, &st))
		return -errno;
	target->pidns_dev = st.st_dev;
	target->pidns_ino = st.st_ino;
	return 0;
}

/* Stripped of every symbol: 3.13 and later still mark the start of _PyRuntime. */
static int scan_for_cookie(const struct elf_file *elf, struct target *target)
{
	vec_each (segment, &elf->segments) {
		_free_ char *data = NULL;
		uint64_t bytes = segment->file_bytes;

		if (!segment->is_writable || bytes > WRITABLE_MAX_BYTES ||
			elf_load(elf, segment->offset, bytes, (void **)&data))
			continue;
		for (uint64_t at = 0; at + DEBUG_COOKIE_BYTES <= bytes; at += 8) {
			if (memcmp(data + at, DEBUG_COOKIE, DEBUG_COOKIE_BYTES))
				continue;
			target->runtime_address = target->image.load_bias + segment->address + at;
			return 0;
		}
	}
	return -ENOENT;
}

/* Most libraries of most processes are no interpreter: those without a telling name are only asked
 * what they export, which takes microseconds; reading all symbols of some takes 50 ms. */
static int find_symbol(
	const struct elf_file *elf, const char *name, int rank, struct elf_symbol *ret_symbol)
{
	int rc = elf_export_find(elf, name, ret_symbol);

	return rc == -EOPNOTSUPP || (rc && rank < 2) ? elf_symbol_find(elf, name, ret_symbol) : rc;
}

static int find_runtime(const struct elf_file *elf, int rank, struct target *target)
{
	const struct elf_section *section = elf_section_find(elf, ".PyRuntime");
	struct elf_symbol symbol;

	if (!find_symbol(elf, "_PyRuntime", rank, &symbol)) {
		target->runtime_address = target->image.load_bias + symbol.address;
		return 0;
	}
	if (section && section->address) {
		target->runtime_address = target->image.load_bias + section->address;
		return 0;
	}
	return rank < 2 ? scan_for_cookie(elf, target) : -ENOENT;
}

/* 0: the interpreter is in this file. `is_old`: an interpreter without _PyRuntime is. */
static int try_image(const struct image_ref *ref, struct target *target, bool *is_old)
{
	_elf_close_ struct elf_file elf = {.fd = -1};
	struct elf_symbol symbol;
	int rc = image_open(target, ref->map, &target->image, &elf);

	if (!rc)
		rc = find_runtime(&elf, ref->rank, target);
	if (rc) {
		if (elf.fd >= 0 && !find_symbol(&elf, "PyEval_SaveThread", ref->rank, &symbol))
			*is_old = true;
		return rc;
	}
	rc = version_find(&elf, target);
	/* It is there, but has not started, or is not even mapped in full. */
	return rc == -ENOENT || rc == -EFAULT ? -EAGAIN : rc;
}

static int explain_image(
	int rc, const struct target *target, const struct proc_map *map, struct err *err)
{
	if (rc == -EPERM || rc == -EACCES)
		return explain_denial(target->pid, err);
	if (rc == -EAGAIN)
		return err_ret(err, -ENOENT,
			"pid %d has loaded %s but its interpreter has not started yet; try again",
			target->pid, target->image.name);
	if (rc == -ESTALE)
		return err_ret(err, rc,
			"pid %d runs %s, which was replaced since, and the old file cannot be "
			"opened: "
			"needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE; or restart the program",
			target->pid, map->path);
	return err_ret(err, rc, "cannot look into %s of pid %d: %s", map->path, target->pid,
		strerror(-rc));
}

/* Failures that mean "not this file", unlike missing rights or a vanished process. */
static bool is_other_file(int rc)
{
	return rc == -ENOENT || rc == -ENOEXEC || rc == -ERANGE || rc == -ENAMETOOLONG;
}

/* -ENODATA: none of them has it. */
static int search_images(
	const struct images *images, struct target *target, bool *is_old, struct err *err)
{
	int failure = -ENODATA;

	vec_each (ref, &images->list) {
		int rc = try_image(ref, target, is_old);

		if (!rc)
			return 0;
		/* A file that cannot be opened matters only when it may be the interpreter. */
		if (failure == -ENODATA && !is_other_file(rc) && (ref->rank < 2 || rc == -EAGAIN))
			failure = explain_image(rc, target, ref->map, err);
		target->image = (struct target_image){0};
		target->runtime_address = 0;
	}
	return failure;
}

static int explain_absence(
	const struct target *target, const struct images *images, bool is_old, struct err *err)
{
	char comm[32];
	const char *program = images->list.len ? images->list.at[0].map->path : NULL;

	load_comm(target->pid, comm);
	if (!program)
		return err_ret(err, -ENOENT,
			"pid %d (%s) is not Python: it has no program mapped "
			"(a kernel thread, or one that is just starting)",
			target->pid, comm);
	if (is_old)
		return err_ret(err, -ENOENT,
			"pid %d (%s) runs a Python without _PyRuntime, older than 3.7; 3.8 to 3.15 "
			"are "
			"supported",
			target->pid, comm);
	return err_ret(err, -ENOENT,
		"pid %d (%s) is not Python: no _PyRuntime in %s or its libraries", target->pid,
		comm, program);
}

static int find_interpreter(struct target *target, struct err *err)
{
	__attribute__((cleanup(proc_maps_fini))) struct proc_maps maps = {0};
	__attribute__((cleanup(images_fini))) struct images images = {0};
	bool is_old = false;
	int rc = proc_maps_load(target->pid, &maps);

	if (rc)
		return explain_missing(target->pid, rc, err);
	rc = images_list(target->pid, &maps, &images);
	if (rc)
		return rc;
	rc = search_images(&images, target, &is_old, err);
	return rc == -ENODATA ? explain_absence(target, &images, is_old, err) : rc;
}

int target_open(pid_t pid, struct target *ret_target, struct err *err)
{
	struct target target = {0};
	int rc = pid > 0 ? read_identity(pid, &target) : -ESRCH;

	if (rc)
		return explain_missing(pid, rc, err);
	if (proc_is_zombie(pid))
		return err_ret(err, -ESRCH, "process %d has ended already", pid);
	rc = find_interpreter(&target, err);
	if (!rc) {
		target.has_interpreter = true;
		(void)snprintf(target.interpreter, sizeof(target.interpreter), "CPython");
	}
	if (!rc || rc == -ENOENT)
		*ret_target = target;
	return rc;
}
