/* /proc and the control groups → facts about processes and threads. What cannot be read is unknown.
 */
#ifndef GILSCOPE_PROBES_PROCFS_H
#define GILSCOPE_PROBES_PROCFS_H

#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/vec.h"

struct procfs_task {
	char comm[16];
	char state; /* R, S, D … */
	pid_t ppid;
	uint64_t start_ns; /* of the process or thread, CLOCK_MONOTONIC */
};

/* Of a process (tid == pid) or one of its threads; 0 or a negative errno. */
int procfs_task(pid_t pid, pid_t tid, struct procfs_task *ret_task);

struct procfs_tids {
	vec(pid_t) list;
};
int procfs_tids_of(pid_t pid, struct procfs_tids *ret_tids); /* owned: vec_fini(&ret_tids->list) */
int procfs_pids(struct procfs_tids *ret_pids); /* of all processes; owned, the same */

/* Resident, proportional and unique bytes; RUN_UNKNOWN where the kernel does not say. */
int procfs_memory(
	pid_t pid, int64_t *ret_rss_bytes, int64_t *ret_pss_bytes, int64_t *ret_uss_bytes);

/* What the process runs, and its command line with single spaces. owned; NULL: unreadable */
char *procfs_exe(pid_t pid);
char *procfs_arguments(pid_t pid);

int procfs_cores(pid_t pid); /* that it may run on */
double procfs_quota(pid_t pid); /* of its control group, in cores; RUN_UNKNOWN: no limit */

#endif
