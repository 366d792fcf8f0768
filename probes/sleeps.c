/* A thread's files in /proc → what it does this moment: runs, or sleeps in which system call on
 * which address. The files of one thread are read one after another, so a thread that wakes up
 * between them shows some of both; what it sleeps in is believed first. */
#include "probes/sleeps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "probes/procfs.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/file.h"

#define SMALL_MAX_BYTES 4096

struct call {
	long number;
	const char *words;
};

static const struct call calls[] = {
#define CALL(name, words) {SYS_##name, words},
#include "probes/sleeps.def"
#undef CALL
};

const char *sleeps_words(long call)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].number == call)
			return calls[i].words;
	return NULL;
}

/* "running", "-1 SP PC" (asleep outside any call: a page fault), or "NUMBER 0xARGUMENT … SP PC". */
int sleeps_parse(const char *text, struct sleeps *sleeps)
{
	unsigned long long argument;
	long call;
	int fields;

	sleeps->call = SLEEPS_NO_CALL;
	sleeps->is_known = sleeps->is_on_cpu = false;
	if (!strncmp(text, "running", strlen("running"))) {
		sleeps->is_known = sleeps->is_on_cpu = true;
		return 0;
	}
	fields = sscanf(text, "%ld 0x%llx", &call, &argument);
	if (fields != 2 || call < -1)
		return -EINVAL;
	sleeps->is_known = true;
	sleeps->call = call;
	sleeps->argument = call == SLEEPS_NO_CALL ? 0 : argument;
	return 0;
}

bool sleeps_in_futex(const struct sleeps *sleeps, uint64_t first, uint64_t end)
{
	return sleeps->is_known && sleeps->call == SYS_futex && sleeps->argument >= first &&
	       sleeps->argument < end;
}

static int load(pid_t pid, pid_t tid, const char *name, char **ret_text)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, tid, name);
	return file_load(path, SMALL_MAX_BYTES, ret_text, NULL, NULL);
}

/* "0" stands for nothing, or for what we may not know. */
static void read_wchan(pid_t pid, pid_t tid, struct sleeps *sleeps)
{
	_free_ char *text = NULL;

	if (load(pid, tid, "wchan", &text) || !strcmp(text, "0"))
		return;
	(void)snprintf(sleeps->wchan, sizeof(sleeps->wchan), "%.31s", text);
}

int sleeps_read(pid_t pid, pid_t tid, struct sleeps *ret_sleeps)
{
	struct sleeps sleeps = {.call = SLEEPS_NO_CALL};
	struct procfs_task task;
	_free_ char *text = NULL;

	if (!load(pid, tid, "syscall", &text) && sleeps_parse(text, &sleeps))
		sleeps.is_known = false;
	if (procfs_task(pid, tid, &task))
		return -ENOENT;
	sleeps.state = task.state == 'Z' || task.state == 'X' ? 0 : task.state;
	memcpy(sleeps.comm, task.comm, sizeof(sleeps.comm));
	/* Where the call says enough, a thousand threads are spared one file each. */
	if (!sleeps.is_on_cpu && (sleeps.state == 'D' || !sleeps_words(sleeps.call)))
		read_wchan(pid, tid, &sleeps);
	*ret_sleeps = sleeps;
	return 0;
}
