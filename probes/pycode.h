/* Code pointers of a live interpreter → function, file and line, read from its memory. */
#ifndef GILSCOPE_PROBES_PYCODE_H
#define GILSCOPE_PROBES_PYCODE_H

#include <stdint.h>

#include "probes/layout.h"
#include "probes/target.h"
#include "runtime/core/run.h"

/* One frame as the BPF walker and pycode_walk() leave it. */
struct pycode_frame {
	uint64_t code;        /* code object */
	uint64_t instruction; /* f_lasti (3.8–3.10) or the instruction pointer */
};

struct pycode; /* a cache of code objects; a code object that changed under its address is re-read
		*/

int pycode_new(
	const struct target *target, const struct layout *layout, struct pycode **ret_pycode);
void pycode_free(struct pycode *pycode);

/* Writes only on success. Strings are borrowed until pycode_free(). -EFAULT: unreadable or
 * implausible (the object died, the process is gone): count it as a lost frame. */
int pycode_resolve(struct pycode *pycode, struct pycode_frame frame, struct run_frame *ret_frame);

/* Walks the frames of a thread from outside, innermost first. Returns the number of frames, or a
 * negative errno. Racy by nature while the thread runs: implausible frames end the walk. */
int pycode_walk(const struct target *target, const struct layout *layout, uint64_t tstate,
	struct pycode_frame *frames, int max_frames);

#endif
