/* /proc/PID/task/TID/{stat,syscall,wchan} → what a thread does this moment, without stopping it. */
#ifndef GILSCOPE_PROBES_SLEEPS_H
#define GILSCOPE_PROBES_SLEEPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Of a system call that is no number: not readable, none at all, or not asleep. */
#define SLEEPS_NO_CALL (-1L)

struct sleeps {
	char state; /* R, S, D, T … as the kernel says; 0: the thread has ended */
	bool is_known; /* the kernel let us see the system call */
	bool is_on_cpu; /* running or waiting for a processor, when the call was read */
	long call; /* that it sleeps in */
	uint64_t argument; /* the call's first */
	char wchan[32]; /* function of the kernel, where the call says too little; "" unknown */
	char comm[16];
};

/* 0; a thread that has ended is known to have. -ENOENT: no such thread. */
int sleeps_read(pid_t pid, pid_t tid, struct sleeps *ret_sleeps);

/* The text of /proc/PID/task/TID/syscall; -EINVAL leaves the call unknown. */
int sleeps_parse(const char *text, struct sleeps *sleeps);

/* "poll", "a sleep"; NULL for calls without a name here. static */
const char *sleeps_words(long call);

/* Whether it sleeps in a futex of first <= address < end. */
bool sleeps_in_futex(const struct sleeps *sleeps, uint64_t first, uint64_t end);

#endif
