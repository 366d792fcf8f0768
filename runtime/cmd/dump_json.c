/* Snapshots → JSON (schema gilscope-dump/1). What is not known is null. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/base/utf8.h"
#include "runtime/cmd/dump_render.h"

#define NAME_MAX_BYTES 65536

/* Bytes that are no UTF-8 become visible: jansson would refuse the text. */
static json_t *text_json(const char *text)
{
	_str_fini_ struct str visible = STR_INIT(NAME_MAX_BYTES);

	if (!text || !*text)
		return json_null();
	if (utf8_is_valid(text, strlen(text)))
		return json_string(text);
	(void)str_add_visible(&visible, text); /* cut when too long */
	return json_string(str_text(&visible));
}

static json_t *hex_json(uint64_t number)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "0x%" PRIx64, number);
	return json_string(text);
}

static json_t *tid_json(pid_t tid)
{
	return tid ? json_integer(tid) : json_null();
}

static json_t *stack_json(const struct snapshot_thread *thread)
{
	json_t *stack = json_array();

	vec_each (frame, &thread->frames)
		(void)json_array_append_new(stack, /* NULL is refused */
			json_pack("{s:o, s:o, s:o}", "function", text_json(frame->function), "file",
				text_json(frame->file), "line",
				frame->line > 0 ? json_integer(frame->line) : json_null()));
	return stack;
}

static const char *const doing_names[] = {
	[SNAPSHOT_UNKNOWN] = "unknown",
	[SNAPSHOT_RUNS] = "runs",
	[SNAPSHOT_WAITS] = "waits",
	[SNAPSHOT_SLEEPS] = "sleeps",
	[SNAPSHOT_STOPPED] = "stopped",
};

static json_t *index_json(int index)
{
	return index >= 0 ? json_integer(index) : json_null();
}

static json_t *thread_json(const struct snapshot *snapshot, const struct snapshot_thread *thread)
{
	_str_fini_ struct str words = STR_INIT(256);
	const char state[2] = {thread->sleeps.state, '\0'};

	dump_doing(snapshot, thread, &words);
	return json_pack("{s:o, s:b, s:o, s:o, s:b, s:o, s:o, s:b, s:s, s:o, s:o, s:o, s:o, s:o, "
			 "s:i, s:b, s:o}",
		"tid", tid_json(thread->tid), "tid_is_shared", (int)thread->is_shared, "ns_tid",
		tid_json(thread->ns_tid), "name", text_json(thread->sleeps.comm), "python",
		(int)(thread->tstate != 0), "interpreter",
		thread->tstate && thread->interpreter >= 0 ? json_integer(thread->interpreter)
							   : json_null(),
		"lock", index_json(thread->lock), "is_holder", (int)thread->is_holder, "state",
		doing_names[thread->doing], "says", text_json(str_text(&words)), "waits_for",
		index_json(thread->waits_for), "kernel_state", text_json(state), "syscall",
		thread->tid && thread->sleeps.call >= 0 ? json_integer(thread->sleeps.call)
							: json_null(),
		"wchan", text_json(thread->sleeps.wchan), "lost_frames", thread->lost_frames,
		"is_deeper", (int)thread->is_deeper, "stack", stack_json(thread));
}

static json_t *lock_json(const struct snapshot *snapshot, int index)
{
	const struct snapshot_lock *lock = &snapshot->locks.at[index];
	bool is_held = lock->state.is_enabled && lock->state.locked == 1;
	json_t *waiters = json_array();

	vec_each (thread, &snapshot->threads)
		if (thread->waits_for == index && !thread->is_holder)
			(void)json_array_append_new(waiters, tid_json(thread->tid));
	/* No look can tell since when: only a recording knows. */
	return json_pack("{s:o, s:b, s:b, s:o, s:n, s:o, s:I, s:I}", "address",
		hex_json(lock->address), "enabled", (int)lock->state.is_enabled, "held",
		(int)is_held, "holder_tid",
		lock->holder >= 0 ? tid_json(snapshot->threads.at[lock->holder].tid) : json_null(),
		"held_since", "waiter_tids", waiters, "interval_us",
		(json_int_t)lock->state.interval_us, "switches",
		(json_int_t)lock->state.switch_number);
}

static json_t *snapshot_json(const struct snapshot *snapshot)
{
	json_t *locks = json_array(), *threads = json_array();
	char hint[96];

	for (int i = 0; i < (int)snapshot->locks.len; i++)
		(void)json_array_append_new(locks, lock_json(snapshot, i));
	vec_each (thread, &snapshot->threads)
		(void)json_array_append_new(threads, thread_json(snapshot, thread));
	(void)snprintf(hint, sizeof(hint), "gilscope record -p %d -d 10s", snapshot->target.pid);
	return json_pack("{s:i, s:i, s:{s:s, s:s, s:b}, s:i, s:I, s:b, s:b, s:s, s:o, s:o}", "pid",
		(int)snapshot->target.pid, "ns_pid", (int)snapshot->target.ns_pid, "interpreter",
		"name", snapshot->target.interpreter, "version", snapshot->target.version,
		"free_threaded_build", (int)snapshot->target.is_free_threaded_build, "interpreters",
		snapshot->interpreters, "took_ns", (json_int_t)snapshot->took_ns,
		"changed_meanwhile", (int)snapshot->has_changed, "incomplete",
		(int)snapshot->is_torn, "held_since_needs", hint, "locks", locks, "threads",
		threads);
}

int dump_json(const struct snapshot *snapshots, size_t count, const struct dump_style *style,
	struct str *out)
{
	json_t *targets = json_array(), *all;
	char now[CLOCK_ISO_BYTES], *text;
	int rc;

	(void)style; /* JSON holds everything */
	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(targets, snapshot_json(&snapshots[i]))) {
			json_decref(targets);
			return -ENOMEM;
		}
	all = json_pack("{s:s, s:s, s:o}", "schema", "gilscope-dump/1", "taken", clock_iso_now(now),
		"targets", targets);
	text = all ? json_dumps(all, JSON_INDENT(2)) : NULL;
	json_decref(all);
	if (!text)
		return -ENOMEM;
	rc = str_add(out, text);
	free(text);
	return rc ? rc : str_add(out, "\n");
}
