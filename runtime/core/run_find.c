/* An id → its row, in the sorted arrays of a loaded run. */
#include <stdlib.h>

#include "runtime/core/run.h"

static int compare_stack(const void *key, const void *element)
{
	int64_t id = *(const int64_t *)key, other = ((const struct run_stack *)element)->id;

	return id < other ? -1 : id > other;
}

static int compare_process(const void *key, const void *element)
{
	int pid = *(const int *)key, other = ((const struct run_process *)element)->pid;

	return pid < other ? -1 : pid > other;
}

static int compare_thread(const void *key, const void *element)
{
	int tid = *(const int *)key, other = ((const struct run_thread *)element)->tid;

	return tid < other ? -1 : tid > other;
}

#define FIND(array, key, compare)                                                                  \
	((array).len ? bsearch(&(key), (array).at, (array).len, sizeof(*(array).at), (compare))    \
		     : NULL)

const struct run_stack *run_stack_find(const struct run *run, int64_t id)
{
	return FIND(run->stacks, id, compare_stack);
}

const struct run_process *run_process_find(const struct run *run, int pid)
{
	return FIND(run->processes, pid, compare_process);
}

const struct run_thread *run_thread_find(const struct run *run, int tid)
{
	return FIND(run->threads, tid, compare_thread);
}
