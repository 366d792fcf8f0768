/* Which CPython an image is. */
#ifndef GILSCOPE_PROBES_VERSION_H
#define GILSCOPE_PROBES_VERSION_H

#include <stddef.h>

#include "probes/elffile.h"
#include "probes/target.h"

/* Where 3.13 and later say what they are: the start of _PyRuntime. */
#define DEBUG_COOKIE "xdebugpy"
#define DEBUG_COOKIE_BYTES 8

/* Sets version, version_hex and is_free_threaded_build of a target whose image and runtime_address
 * are known. -ENOENT: the process has not come that far yet. */
int version_find(const struct elf_file *elf, struct target *target);

/* 0x030b02f0 → "3.11.2", 0x030f00a1 → "3.15.0a1". */
void version_format(int hex, char *text, size_t bytes);

/* Finds "3.N.P[abrc…] (" as Py_GetVersion() keeps it. 0 or -ENOENT. */
int version_scan(const char *text, size_t len, int *ret_hex);

#endif
