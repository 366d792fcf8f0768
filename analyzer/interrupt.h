/* Ctrl-C and its kin: noted, so that whoever waits can clean up before the program goes. */
#ifndef GILSCOPE_ANALYZER_INTERRUPT_H
#define GILSCOPE_ANALYZER_INTERRUPT_H

#include <sys/types.h>

/* From now on SIGINT, SIGTERM, SIGHUP and SIGPIPE are noted instead of killing; they interrupt
 * waits. A signal that was ignored stays ignored. */
void interrupt_catch(void);

/* The signal that came, or 0. */
int interrupt_signal(void);

/* Waits for a child to end, and passes on to it the signal that comes, or came before. 0 or a
 * negative errno. */
int interrupt_wait(pid_t pid, int *ret_status);

/* In a child: the signals kill again. */
void interrupt_reset(void);

/* Ends the program as the noted signal would have. Returns when there was none. */
void interrupt_obey(void);

#endif
