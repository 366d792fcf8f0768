/* Python strings in a live process → UTF-8. */
#ifndef GILSCOPE_PROBES_PYTEXT_H
#define GILSCOPE_PROBES_PYTEXT_H

#include <stdint.h>

#include "probes/layout.h"
#include "runtime/base/str.h"

/* Longer names are not believed. */
#define PYTEXT_MAX_CHARACTERS 4096

/* Appends the str object at `address`. Control characters and lone surrogates become "?": these
 * texts end up on terminals. -EFAULT: that is no string. */
int pytext_read(const struct target *target, const struct layout *layout, uint64_t address,
	struct str *text);

/* The same from characters of 1, 2 or 4 bytes. */
int pytext_convert(const void *characters, size_t count, unsigned int width, struct str *text);

#endif
