/* /proc/PID/{stat,task,smaps_rollup,exe,cmdline,cgroup} and /sys/fs/cgroup → plain figures. */
#include "probes/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/base/file.h"
#include "runtime/core/run.h"

#define PROC_MAX_BYTES ((size_t)1 << 20)
#define PATH_BYTES 512

/* /proc counts from boot with suspends, we count without. */
static uint64_t suspended_ns(void)
{
	struct timespec boot, mono;

	(void)clock_gettime(CLOCK_BOOTTIME, &boot); /* both cannot fail on Linux */
	(void)clock_gettime(CLOCK_MONOTONIC, &mono);
	return (uint64_t)((boot.tv_sec - mono.tv_sec) * (int64_t)NS_PER_S + boot.tv_nsec -
			  mono.tv_nsec);
}

int procfs_task(pid_t pid, pid_t tid, struct procfs_task *ret_task)
{
	char path[PATH_BYTES];
	_free_ char *text = NULL;
	unsigned long long start_ticks;
	const char *open, *close;
	size_t len, comm_len;
	char state;
	int ppid, rc;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	rc = file_load(path, PROC_MAX_BYTES, &text, &len, NULL);
	if (rc)
		return rc;
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (!open || !close || close < open)
		return -EINVAL;
	/* Fields 3, 4 and 22 of proc(5). */
	if (sscanf(close + 1,
		    " %c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		    "%llu",
		    &state, &ppid, &start_ticks) != 3)
		return -EINVAL;
	memset(ret_task, 0, sizeof(*ret_task));
	comm_len = (size_t)(close - open - 1);
	if (comm_len >= sizeof(ret_task->comm))
		comm_len = sizeof(ret_task->comm) - 1;
	memcpy(ret_task->comm, open + 1, comm_len);
	ret_task->state = state;
	ret_task->ppid = ppid;
	ret_task->start_ns = start_ticks * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
	ret_task->start_ns -= ret_task->start_ns > suspended_ns() ? suspended_ns() : 0;
	return 0;
}

/* The entries of a folder that are numbers. */
static int list_numbers(const char *path, struct procfs_tids *ret_tids)
{
	_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	int rc = 0;

	dir = opendir(path);
	if (!dir)
		return -errno;
	memset(ret_tids, 0, sizeof(*ret_tids));
	while (!rc && (entry = readdir(dir))) {
		int tid = atoi(entry->d_name);

		if (tid > 0)
			rc = vec_push(&ret_tids->list, tid);
	}
	if (rc)
		vec_fini(&ret_tids->list);
	return rc;
}

int procfs_tids_of(pid_t pid, struct procfs_tids *ret_tids)
{
	char path[PATH_BYTES];

	(void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
	return list_numbers(path, ret_tids);
}

int procfs_pids(struct procfs_tids *ret_pids)
{
	return list_numbers("/proc", ret_pids);
}

/* "Name:   123 kB" lines. */
static int64_t find_bytes(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? strtoll(line + strlen(name), NULL, 10) * 1024 : RUN_UNKNOWN;
}

int procfs_memory(pid_t pid, int64_t *ret_rss_bytes, int64_t *ret_pss_bytes, int64_t *ret_uss_bytes)
{
	char path[PATH_BYTES];
	_free_ char *text = NULL;
	size_t len;
	int64_t clean, dirty;
	int rc;

	(void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	rc = file_load(path, PROC_MAX_BYTES, &text, &len, NULL);
	if (rc)
		return rc;
	if (!strstr(text, "Rss:"))
		return -ESRCH; /* a dying process shows an empty file */
	clean = find_bytes(text, "Private_Clean:");
	dirty = find_bytes(text, "Private_Dirty:");
	*ret_rss_bytes = find_bytes(text, "Rss:");
	*ret_pss_bytes = find_bytes(text, "Pss:");
	*ret_uss_bytes = clean < 0 || dirty < 0 ? RUN_UNKNOWN : clean + dirty;
	return 0;
}

char *procfs_exe(pid_t pid)
{
	char path[PATH_BYTES], target[PATH_MAX];
	ssize_t len;

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return NULL;
	target[len] = '\0';
	return strdup(target);
}

char *procfs_arguments(pid_t pid)
{
	char path[PATH_BYTES], *text;
	size_t len;

	(void)snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	if (file_load(path, PROC_MAX_BYTES, &text, &len, NULL))
		return NULL;
	while (len && !text[len - 1])
		len--;
	for (size_t i = 0; i < len; i++)
		if (!text[i])
			text[i] = ' ';
	return text;
}

int procfs_cores(pid_t pid)
{
	cpu_set_t set;

	if (!sched_getaffinity(pid, sizeof(set), &set))
		return CPU_COUNT(&set);
	return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

/* The group of one controller ("" for version 2) in /proc/PID/cgroup; "" when there is none. */
static void find_group(const char *text, const char *controller, char *ret_group, size_t size)
{
	*ret_group = '\0';
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		const char *names, *path;
		size_t path_len;

		line += *line == '\n';
		names = strchr(line, ':');
		path = names ? strchr(names + 1, ':') : NULL;
		if (!path)
			return;
		names++;
		path_len = strcspn(path + 1, "\n");
		if ((*controller ? strncmp(names, controller, strlen(controller)) != 0
				 : names != path) ||
			path_len >= size)
			continue;
		memcpy(ret_group, path + 1, path_len);
		ret_group[path_len] = '\0';
		return;
	}
}

static double read_number(const char *folder, const char *group, const char *name)
{
	char path[PATH_BYTES + PATH_MAX];
	_fclose_ FILE *file = NULL;
	double value;

	(void)snprintf(path, sizeof(path), "%s%s/%s", folder, group, name);
	file = fopen(path, "re");
	return file && fscanf(file, "%lf", &value) == 1 ? value : -1;
}

static double read_quota_v2(const char *group)
{
	static const char *const folders[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
	char path[PATH_BYTES + PATH_MAX];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		_fclose_ FILE *file = NULL;
		double quota_us, period_us;

		(void)snprintf(path, sizeof(path), "%s%s/cpu.max", folders[i], group);
		file = fopen(path, "re");
		if (file && fscanf(file, "%lf %lf", &quota_us, &period_us) == 2 && period_us > 0)
			return quota_us / period_us;
	}
	return RUN_UNKNOWN;
}

static double lower_limit(double a, double b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

/* A limit of any group above counts as well. */
double procfs_quota(pid_t pid)
{
	char path[PATH_BYTES], group[PATH_MAX];
	_free_ char *text = NULL;
	double limit = RUN_UNKNOWN, quota_us, period_us;
	size_t len;

	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	if (file_load(path, PROC_MAX_BYTES, &text, &len, NULL))
		return RUN_UNKNOWN;
	find_group(text, "", group, sizeof(group));
	for (char *end = group + strlen(group); end; end = strrchr(group, '/')) {
		*end = '\0';
		limit = lower_limit(limit, read_quota_v2(group));
	}
	find_group(text, "cpu", group, sizeof(group));
	for (char *end = group + strlen(group); end; end = strrchr(group, '/')) {
		*end = '\0';
		quota_us = read_number("/sys/fs/cgroup/cpu", group, "cpu.cfs_quota_us");
		period_us = read_number("/sys/fs/cgroup/cpu", group, "cpu.cfs_period_us");
		if (quota_us > 0 && period_us > 0)
			limit = lower_limit(limit, quota_us / period_us);
	}
	return limit;
}
