/* Any bytes as a run file: refused with a sentence, or loaded with what run.h promises. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/err.h"
#include "runtime/core/run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void expect(int is_true)
{
	if (!is_true)
		abort();
}

/* Sums as a report does (the sanitizer sees an overflow), and walks up from every process. */
static void use(const struct run *run)
{
	int64_t wait_ns = 0;

	vec_each (thread, &run->threads) {
		expect(thread->name && thread->wait_ns >= RUN_UNKNOWN);
		wait_ns += thread->wait_ns + thread->seen_ns / 1000;
	}
	vec_each (longest, &run->longest)
		expect(longest->start_ns + longest->length_ns >= 0);
	vec_each (process, &run->processes) {
		size_t steps = 0;

		for (const struct run_process *at = process; at;
			at = run_process_find(run, at->ppid))
			expect(steps++ <= run->processes.len);
	}
	vec_each (blame, &run->blame) {
		const struct run_stack *stack = run_stack_find(run, blame->stack);

		expect(!stack || stack->frames.len > 0);
		wait_ns += blame->wait_ns;
	}
	expect(wait_ns >= RUN_UNKNOWN * (int64_t)(run->threads.len + 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char path[] = "/dev/shm/gilscope-fuzz.XXXXXX";
	int fd = mkstemp(path);
	struct err err = {0};
	struct run run;

	expect(fd >= 0 && write(fd, data, len) == (ssize_t)len && !close(fd));
	if (run_load(path, &run, &err)) {
		expect(*err.text && !strchr(err.text, '\n'));
	} else {
		use(&run);
		run_fini(&run);
	}
	expect(!unlink(path));
	return 0;
}
