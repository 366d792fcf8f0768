/* Pids → processes that are measured: who belongs to the recording, where the interpreter's lock
 * is, and the probes at it. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "probes/procfs.h"
#include "probes/recorder.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"

#define FORGET_NS (2 * NS_PER_S) /* after its end: all of it has been written by then */
#define LISTED_AGE_NS (200 * NS_PER_MS)
#define LISTED_CPU_NS (10 * (int64_t)NS_PER_MS)

/* A process that has just begun is looked at often: its interpreter appears within milliseconds,
 * and what it does before the probes are there is not seen. */
static const struct {
	unsigned int looks;
	uint64_t every_ns;
} look_plan[] = {
	{60, 2 * NS_PER_MS},
	{80, 20 * NS_PER_MS},
	{100, 200 * NS_PER_MS},
	{4000, 2000 * NS_PER_MS},
};

static void tell(struct recorder *recorder, const char *what)
{
	struct record_progress progress = {
		.elapsed_ns = clock_now_ns() - recorder->start_ns,
		.processes = processes_alive(recorder),
		.threads = (int)HASH_COUNT(recorder->threads),
		.what = what,
	};

	if (recorder->options->listen)
		recorder->options->listen(&progress, recorder->options->context);
}

void recorder_tell(struct recorder *recorder, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(recorder->what, sizeof(recorder->what), format, arguments);
	va_end(arguments);
	tell(recorder, recorder->what);
}

void recorder_tell_time(struct recorder *recorder)
{
	tell(recorder, NULL);
}

struct process *process_find(const struct recorder *recorder, pid_t pid)
{
	struct process *process;

	HASH_FIND(hh, recorder->processes, &pid, sizeof(pid), process);
	return process;
}

int processes_alive(const struct recorder *recorder)
{
	int alive = 0;

	for (const struct process *p = recorder->processes; p; p = p->hh.next)
		alive += !p->end_ns;
	return alive;
}

bool process_is_listed(
	const struct recorder *recorder, const struct process *process, uint64_t now_ns)
{
	uint64_t end_ns = process->end_ns ? process->end_ns : now_ns;

	return process->is_probed || !strcmp(process->role, "main") ||
	       end_ns >= process->seen_ns + LISTED_AGE_NS ||
	       process->ended_cpu_ns + threads_cpu_ns(recorder, process->pid) >= LISTED_CPU_NS;
}

/* The sites of a file; found once for each inode. */
static int find_image(struct recorder *recorder, const struct target_image *file,
	const struct sites **ret_sites, struct err *err)
{
	struct image image = {.dev = file->dev, .inode = file->inode};
	int rc;

	vec_each (known, &recorder->images) {
		if (known->dev == file->dev && known->inode == file->inode) {
			*ret_sites = &known->sites;
			return 0;
		}
	}
	rc = sites_find(file->path, &image.sites, err);
	if (rc)
		return rc;
	if (vec_push(&recorder->images, image)) {
		sites_fini(&image.sites);
		return err_ret(err, -ENOMEM, "out of memory");
	}
	*ret_sites = &recorder->images.at[recorder->images.len - 1].sites;
	return 0;
}

static int find_layout_key(
	struct recorder *recorder, const struct layout *layout, uint32_t *ret_key)
{
	for (uint32_t i = 0; i < recorder->layouts.len; i++) {
		if (!memcmp(&recorder->layouts.at[i], layout, sizeof(*layout))) {
			*ret_key = i;
			return 0;
		}
	}
	*ret_key = (uint32_t)recorder->layouts.len;
	if (*ret_key >= EV_LAYOUTS)
		return -ENOSPC;
	if (vec_push(&recorder->layouts, *layout))
		return -ENOMEM;
	return bpf_map_update_elem(
		attach_maps(recorder->attach)->layouts, ret_key, layout, BPF_ANY);
}

static bool is_other_pidns(const struct target *target)
{
	struct stat own;

	return !stat("/proc/self/ns/pid", &own) && target->pidns_ino &&
	       own.st_ino != target->pidns_ino;
}

/* Tells the kernel side what it needs to know of the process; without a lock it still follows it.
 */
static int share_process(
	struct recorder *recorder, const struct process *process, uint64_t probed_ns)
{
	struct ev_process shared = {.probed_ns = probed_ns};
	int rc;

	if (process->pycode) {
		rc = find_layout_key(recorder, &process->layout, &shared.layout);
		if (rc)
			return rc;
		shared.locks[0] = process->lock;
		shared.flags = EV_HAS_LOCK;
		if (recorder->tier == TIER_EXACT)
			shared.flags |= EV_EXACT;
		if (is_other_pidns(&process->target))
			shared.flags |= EV_OTHER_PIDNS;
	}
	return bpf_map_update_elem(
		attach_maps(recorder->attach)->processes, &process->pid, &shared, BPF_ANY);
}

static int probe_process(struct recorder *recorder, struct process *process, struct err *err)
{
	const struct sites *sites = NULL;
	int rc = find_image(recorder, &process->target.image, &sites, err);

	if (rc)
		return rc;
	rc = pycode_new(&process->target, &process->layout, &process->pycode);
	if (rc)
		return err_ret(err, rc, "out of memory");
	rc = share_process(recorder, process, 0);
	if (!rc)
		rc = attach_process(recorder->attach, process->pid, process->target.image.path,
			sites, recorder->tier == TIER_EXACT, &process->links);
	process->probed_ns = clock_now_ns();
	if (!rc)
		rc = share_process(recorder, process, process->probed_ns);
	if (rc) {
		err_set(err, "cannot attach to pid %d (%s): %s", process->pid,
			process->target.image.name, strerror(-rc));
		attach_links_fini(&process->links);
		pycode_free(process->pycode);
		process->pycode = NULL;
		(void)share_process(recorder, process, 0); /* it goes on being followed */
		return rc;
	}
	process->is_probed = true;
	scan_tstates(recorder, process);
	return 0;
}

/* Free-threaded builds put a switch before everything else; others have nothing to switch. */
static bool is_lock_off(const struct process *process)
{
	int32_t enabled;

	return process->target.is_free_threaded_build &&
	       !target_read(&process->target, process->lock, &enabled, sizeof(enabled)) && !enabled;
}

static int look(struct recorder *recorder, struct process *process, struct err *err)
{
	const char *how;
	int rc = target_open(process->pid, &process->target, err);

	if (!rc)
		rc = layout_find(&process->target, &process->layout, &process->lock, &how, err);
	if (!rc)
		rc = probe_process(recorder, process, err);
	if (rc)
		return rc;
	process->why[0] = '\0';
	if (!strcmp(process->role, "other"))
		process->role = "spawned";
	process->is_lock_off = is_lock_off(process);
	recorder_tell(recorder, "%s %s (pid %d): lock found, %s", process->target.interpreter,
		process->target.version, process->pid, how);
	return 0;
}

static void look_again(struct process *process, uint64_t now_ns)
{
	process->look_ns = 0;
	process->looks++;
	for (size_t i = 0; i < sizeof(look_plan) / sizeof(look_plan[0]); i++) {
		if (process->looks < look_plan[i].looks) {
			process->look_ns = now_ns + look_plan[i].every_ns;
			return;
		}
	}
}

uint64_t processes_look(struct recorder *recorder, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX;

	for (struct process *p = recorder->processes; p; p = p->hh.next) {
		struct err err = {0};

		if (!p->look_ns || p->is_probed || p->end_ns)
			continue;
		if (p->look_ns <= now_ns) {
			if (!look(recorder, p, &err))
				continue;
			(void)snprintf(p->why, sizeof(p->why), "%s", err.text);
			look_again(p, now_ns);
		}
		if (p->look_ns && p->look_ns < next_ns)
			next_ns = p->look_ns;
	}
	return next_ns;
}

/* What /proc says about it; called again after an exec. */
static void describe(struct recorder *recorder, struct process *process)
{
	struct procfs_task task;

	free(process->exe);
	free(process->argv);
	process->argv = NULL;
	process->exe = procfs_exe(process->pid);
	if (recorder->options->with_arguments)
		process->argv = procfs_arguments(process->pid);
	if (procfs_task(process->pid, process->pid, &task))
		return;
	memcpy(process->name, task.comm, sizeof(process->name));
	process->ppid = task.ppid;
	process->start_ns = task.start_ns;
}

static void drop_interpreter(struct process *process)
{
	attach_links_fini(&process->links);
	pycode_free(process->pycode);
	process->pycode = NULL;
	process->is_probed = false;
}

static void free_process(struct recorder *recorder, struct process *process)
{
	HASH_DEL(recorder->processes, process);
	drop_interpreter(process);
	free(process->exe);
	free(process->argv);
	free(process);
}

static int add(struct recorder *recorder, pid_t pid, const char *role, struct process **ret_process)
{
	struct process *process = process_find(recorder, pid);

	*ret_process = process;
	if (process && !process->end_ns)
		return 0;
	if (process) /* a pid that is used again: its row becomes the new process's */
		free_process(recorder, process);
	process = calloc(1, sizeof(*process));
	if (!process)
		return -ENOMEM;
	process->pid = pid;
	process->role = role;
	process->seen_ns = process->start_ns = clock_now_ns();
	describe(recorder, process);
	HASH_ADD(hh, recorder->processes, pid, sizeof(pid), process);
	if (map_has_failed(process)) {
		free(process);
		return -ENOMEM;
	}
	recorder->processes_seen++;
	*ret_process = process;
	return 0;
}

int process_add(struct recorder *recorder, pid_t pid, const char *role, struct err *err)
{
	struct process *process;
	int rc = add(recorder, pid, role, &process);

	if (!rc)
		rc = share_process(recorder, process, 0);
	if (rc)
		return err_ret(err, rc, "cannot record pid %d: %s", pid, strerror(-rc));
	process->look_ns = 1;
	return 0;
}

int process_require(struct recorder *recorder, struct process *process, struct err *err)
{
	int rc = look(recorder, process, err);

	return rc ? rc : scan_threads(recorder, process);
}

static int on_fork(struct recorder *recorder, const struct ev_life *life)
{
	struct process *process;
	int rc = add(recorder, (pid_t)life->tgid, "forked", &process);

	if (rc)
		return rc;
	process->ppid = (pid_t)life->other;
	process->seen_ns = process->start_ns = life->at_ns;
	process->look_ns = 1;
	return 0;
}

const char *process_exec_role(const struct process *process)
{
	_free_ char *arguments = procfs_arguments(process->pid);

	if (!strcmp(process->role, "main"))
		return "main";
	if (arguments && strstr(arguments, "multiprocessing"))
		return "spawned";
	return "other";
}

static int on_exec(struct recorder *recorder, const struct ev_life *life)
{
	struct process *process = process_find(recorder, (pid_t)life->tgid);

	if (!process)
		return 0;
	describe(recorder, process);
	process->role = process_exec_role(process);
	if (process->is_probed && process->probed_ns > life->at_ns)
		return 0; /* what was found is the new program */
	drop_interpreter(process);
	process->look_ns = 1;
	process->looks = 0;
	return share_process(recorder, process, 0);
}

static void on_end(struct recorder *recorder, const struct ev_life *life)
{
	struct process *process = process_find(recorder, (pid_t)life->tgid);

	if (!process || process->end_ns)
		return;
	process->end_ns = life->at_ns;
	attach_links_fini(&process->links);
	(void)bpf_map_delete_elem( /* gone is what we want */
		attach_maps(recorder->attach)->processes, &process->pid);
	if (process->is_probed)
		recorder_tell(recorder, "%s (pid %d) ended", process->name, process->pid);
}

int process_on_life(struct recorder *recorder, const struct ev_life *life)
{
	switch (life->kind) {
	case EV_FORK:
		return on_fork(recorder, life);
	case EV_EXEC:
		return on_exec(recorder, life);
	case EV_EXIT:
		on_end(recorder, life);
		return 0;
	default:
		return 0;
	}
}

void processes_forget(struct recorder *recorder, uint64_t now_ns)
{
	struct process *process, *next;

	HASH_ITER (hh, recorder->processes, process, next)
		if (process->end_ns && now_ns > process->end_ns + FORGET_NS)
			free_process(recorder, process);
}

void processes_free(struct recorder *recorder)
{
	struct process *process, *next;

	HASH_ITER (hh, recorder->processes, process, next)
		free_process(recorder, process);
	vec_each (image, &recorder->images)
		sites_fini(&image->sites);
	vec_fini(&recorder->images);
	vec_fini(&recorder->layouts);
}
