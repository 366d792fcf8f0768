/* Targets → the processes that descend from them already: the kernel tells of forks from now on,
 * not of those that were. */
#include <string.h>

#include "probes/procfs.h"
#include "probes/recorder.h"
#include "runtime/base/cleanup.h"

static bool is_alive(const struct recorder *recorder, pid_t pid)
{
	const struct process *process = process_find(recorder, pid);

	return process && !process->end_ns;
}

/* A fork still has its parent's command line. */
static const char *role_of(const struct process *process, pid_t ppid)
{
	_free_ char *own = procfs_arguments(process->pid);
	_free_ char *parents = procfs_arguments(ppid);

	return own && parents && !strcmp(own, parents) ? "forked" : process_exec_role(process);
}

static int adopt(struct recorder *recorder, pid_t pid, pid_t ppid, struct err *err)
{
	struct process *process;
	struct err no_interpreter = {0};
	int rc = process_add(recorder, pid, "other", err);

	if (rc)
		return rc;
	process = process_find(recorder, pid);
	process->role = role_of(process, ppid);
	/* What is no interpreter (yet) is followed all the same. */
	if (process_require(recorder, process, &no_interpreter))
		(void)scan_threads(recorder, process); /* it may have just ended */
	return 0;
}

/* One generation, or several where pids ascend. */
static int adopt_children(
	struct recorder *recorder, const struct procfs_tids *pids, bool *ret_found, struct err *err)
{
	*ret_found = false;
	vec_each (pid, &pids->list) {
		struct procfs_task task;
		int rc;

		if (process_find(recorder, *pid) || procfs_task(*pid, *pid, &task) ||
			!is_alive(recorder, task.ppid))
			continue;
		rc = adopt(recorder, *pid, task.ppid, err);
		if (rc)
			return rc;
		*ret_found = true;
	}
	return 0;
}

int family_add(struct recorder *recorder, struct err *err)
{
	bool found = true;
	int rc = 0;

	while (found && !rc) {
		struct procfs_tids pids;

		rc = procfs_pids(&pids);
		if (rc)
			return err_ret(err, rc, "cannot list processes: %s", strerror(-rc));
		rc = adopt_children(recorder, &pids, &found, err);
		vec_fini(&pids.list);
	}
	return rc;
}
