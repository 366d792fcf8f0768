/* One try of a snapshot: the lists that it goes through. Private to snapshot.c and look.c. */
#ifndef GILSCOPE_PROBES_LOOK_H
#define GILSCOPE_PROBES_LOOK_H

#include "probes/snapshot.h"

struct task {
	pid_t tid, ns_tid;
};

struct look {
	struct snapshot *snapshot;
	uint64_t main_lock, main_pointer; /* as proved; as the main interpreter says */
	vec(struct task) tasks;
	vec(uint64_t) pthreads; /* of each of the threads; what pthread_self() says there */
};

/* Each 0 or a negative errno; what comes and goes meanwhile sets is_torn. In this order: */
int look_list_tasks(struct look *look); /* from /proc */
int look_list_interpreters(struct look *look); /* and their threads, from memory */
int look_match_pthreads(struct look *look); /* where thread states know no thread numbers */
int look_join_tasks(struct look *look); /* both lists into one */

/* The lock's place in the list, added when new; -1 when it is none. */
int look_find_lock(struct look *look, uint64_t address, bool is_proved);

#endif
