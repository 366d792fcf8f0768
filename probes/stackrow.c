/* Stacks of (code, instruction) pairs → rows with function, file and line; equal ones share a row.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probes/recorder.h"

#define STACK_ROWS_MAX 200000 /* what a run file may hold */
#define STACK_IDS_MAX 1000000U /* different instructions in the same lines */

static void hash_add(uint64_t hash[2], const void *bytes, size_t len)
{
	const unsigned char *byte = bytes;

	for (size_t i = 0; i < len; i++) {
		hash[0] = (hash[0] ^ byte[i]) * 0x100000001b3ULL;
		hash[1] = (hash[1] + byte[i]) * 0x9e3779b97f4a7c15ULL;
		hash[1] ^= hash[1] >> 31;
	}
}

static void hash_text(uint64_t hash[2], const char *text)
{
	hash_add(hash, text ? text : "", text ? strlen(text) + 1 : 1);
}

static int64_t find_or_put(struct recorder *recorder, const struct run_stack *frames)
{
	uint64_t hash[2] = {0xcbf29ce484222325ULL, 0x84222325cbf29ce4ULL};
	struct stack_content *content;
	struct run_stack stack = *frames;

	vec_each (frame, &frames->frames) {
		hash_text(hash, frame->function);
		hash_text(hash, frame->file);
		hash_add(hash, &frame->line, sizeof(frame->line));
	}
	HASH_FIND(hh, recorder->stack_contents, hash, sizeof(hash), content);
	if (content)
		return content->row_id;
	if (recorder->stack_count >= STACK_ROWS_MAX)
		return -ENOSPC;
	content = calloc(1, sizeof(*content));
	if (!content)
		return -ENOMEM;
	memcpy(content->hash, hash, sizeof(hash));
	stack.id = content->row_id = recorder->stack_count + 1;
	HASH_ADD(hh, recorder->stack_contents, hash, sizeof(hash), content);
	if (map_has_failed(content)) {
		free(content);
		return -ENOMEM;
	}
	recorder->stack_count++;
	if (run_put_stack(recorder->file, &stack))
		return -EIO;
	return stack.id;
}

/* A frame whose code object cannot be read any more keeps its place: the frames around it are
 * right. */
static int64_t resolve(struct recorder *recorder, const struct ev_stack *stack)
{
	const struct process *process = process_find(recorder, (pid_t)stack->tgid);
	struct run_stack row = {0};
	int known = 0;
	int64_t id;

	if (!process || !process->pycode)
		return -ESRCH;
	for (uint32_t i = 0; i < stack->depth && i < EV_STACK_DEPTH; i++) {
		struct pycode_frame frame = {
			.code = stack->frames[i].code,
			.instruction = stack->frames[i].instruction,
		};
		struct run_frame resolved = {.function = "(unreadable)"};

		known += !pycode_resolve(process->pycode, frame, &resolved);
		if (vec_push(&row.frames, resolved)) {
			vec_fini(&row.frames);
			return -ENOMEM;
		}
	}
	id = known ? find_or_put(recorder, &row) : -EFAULT;
	vec_fini(&row.frames);
	return id;
}

static int visit_stack(struct recorder *recorder, const void *key, const void *value)
{
	const struct ev_stack *stack = value;
	struct stack_id *known;
	uint64_t id;
	int64_t row;

	memcpy(&id, key, sizeof(id));
	HASH_FIND(hh, recorder->stack_ids, &id, sizeof(id), known);
	if (known && known->row_id)
		return 0;
	row = resolve(recorder, stack);
	if (row < 0) {
		recorder->lost_stacks++;
		row = 0;
	}
	if (!known && HASH_COUNT(recorder->stack_ids) >= STACK_IDS_MAX) {
		recorder->lost_stacks++;
		return 0;
	}
	if (!known) {
		known = calloc(1, sizeof(*known));
		if (!known)
			return -ENOMEM;
		known->kernel_id = id;
		HASH_ADD(hh, recorder->stack_ids, kernel_id, sizeof(id), known);
		if (map_has_failed(known)) {
			free(known);
			return -ENOMEM;
		}
	}
	known->row_id = row;
	return 0;
}

int stacks_drain(struct recorder *recorder)
{
	const struct map_shape shape = {
		.fd = attach_maps(recorder->attach)->stacks,
		.key_bytes = sizeof(uint64_t),
		.value_bytes = sizeof(struct ev_stack),
		.is_taken = true,
	};

	return map_each(recorder, &shape, visit_stack);
}

int64_t stack_row(const struct recorder *recorder, uint64_t kernel_id)
{
	struct stack_id *known;

	if (!kernel_id)
		return 0;
	HASH_FIND(hh, recorder->stack_ids, &kernel_id, sizeof(kernel_id), known);
	return known ? known->row_id : 0;
}

void stacks_free(struct recorder *recorder)
{
	struct stack_id *id, *next_id;
	struct stack_content *content, *next_content;

	HASH_ITER (hh, recorder->stack_ids, id, next_id) {
		HASH_DEL(recorder->stack_ids, id);
		free(id);
	}
	HASH_ITER (hh, recorder->stack_contents, content, next_content) {
		HASH_DEL(recorder->stack_contents, content);
		free(content);
	}
}
