/* Runs a build and extracts what it compiles, while it does.
 *
 * The library preload/capture.c makes every compiler call of the build run this program instead
 * (capture_compiler()), which runs the compiler and then extracts the same sources: generated ones
 * exist then, and may be gone when the build is over. */
#ifndef GILSCOPE_ANALYZER_CAPTURE_H
#define GILSCOPE_ANALYZER_CAPTURE_H

#include <stddef.h>

#include "runtime/base/arena.h"
#include "runtime/base/vec.h"

struct err;

/* The environment of a build under capture. */
#define CAPTURE_FOLDER_VARIABLE "GILSCOPE_CAPTURE_FOLDER" /* where outlines and records go */
#define CAPTURE_SHIM_VARIABLE "GILSCOPE_CAPTURE_SHIM" /* this program */
#define CAPTURE_LIBRARY_VARIABLE "GILSCOPE_CAPTURE_LIBRARY" /* the preload library */
#define CAPTURE_COMPILER_VARIABLE "GILSCOPE_CAPTURE_COMPILER" /* one call: the compiler meant */

/* One source that the build compiled. */
struct capture_unit {
	const char *file;
	const char *outline; /* path; "" when extraction failed */
	const char *why; /* of a failure; "" when there is an outline */
};

struct capture {
	struct arena *arena; /* owned */
	vec(struct capture_unit) list; /* sorted by file, then outline */
};

/* Runs `command` (NULL-terminated) to its end, with its standard output on our standard error.
 * `err` says so when it fails. -EINTR: interrupted (interrupt.h). */
int capture_run(char *const *command, const char *folder, struct err *err);

/* What a build left in `folder`. */
int capture_load(const char *folder, struct capture *ret_capture, struct err *err);
void capture_fini(struct capture *capture);

/* In place of a compiler: runs the one that was meant, extracts what it compiled, and returns its
 * exit code. NULL-terminated argv. */
int capture_compiler(char **argv);

#endif
