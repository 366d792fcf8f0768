/* ELF file → file offsets of the instructions at which the lock changes hands. */
#ifndef GILSCOPE_PROBES_SITES_H
#define GILSCOPE_PROBES_SITES_H

#include <stdint.h>

#include "runtime/base/vec.h"

struct err;

/* Append-only. */
enum site_kind {
	SITE_SIGNAL =
		0, /* call of pthread_cond_signal: release or acquire, told apart by argument 0 */
	SITE_WAIT = 1,     /* call of pthread_cond_(timed|clock)wait: a wait slice begins */
	SITE_WAIT_END = 2, /* the instruction after such a call: the slice ends */
};

struct site {
	enum site_kind kind;
	uint64_t offset;   /* in the file */
	uint64_t address;  /* ELF virtual address */
	uint64_t function; /* start of the enclosing function; 0: unknown */
};

struct sites {
	vec(struct site) list; /* sorted by offset */
	int machine;           /* EM_X86_64 … */
	uint32_t refused;      /* candidates that were no instruction boundary */
};

/* Reads the file at `path`, hostile until checked; never executes it. -ENOENT: an ELF file without
 * such calls (no interpreter, or one with unknown lock code). */
int sites_find(const char *path, struct sites *ret_sites, struct err *err);
void sites_fini(struct sites *sites);

#endif
