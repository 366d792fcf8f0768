/* Structs of run.h → rows. What is unknown (negative, 0 for an id, NULL) becomes NULL; a NULL where
 * the schema wants a value is refused by the schema. */
#include <errno.h>

#include "runtime/core/run_file.h"

/* Binds one parameter after the other; the first failure sticks. */
struct put {
	struct run_file *file;
	sqlite3_stmt *statement; /* borrowed */
	int column;
	int rc;
};

static struct put put_begin(struct run_file *file, enum query query)
{
	struct put put = {.file = file};

	put.statement = run_file_statement(file, query, &put.rc);
	return put;
}

static void note(struct put *put, int code)
{
	if (code && !put->rc)
		put->rc = query_errno(put->file->db, code);
}

static void put_null(struct put *put)
{
	if (put->statement)
		note(put, sqlite3_bind_null(put->statement, ++put->column));
}

static void put_int(struct put *put, int64_t value)
{
	if (put->statement)
		note(put, sqlite3_bind_int64(put->statement, ++put->column, value));
}

static void put_amount(struct put *put, int64_t value)
{
	if (value < 0)
		put_null(put);
	else
		put_int(put, value);
}

/* 0 and less: none. */
static void put_id(struct put *put, int64_t id)
{
	if (id <= 0)
		put_null(put);
	else
		put_int(put, id);
}

static void put_real(struct put *put, double value)
{
	if (!(value >= 0)) /* not a number is as unknown as a negative one */
		put_null(put);
	else if (put->statement)
		note(put, sqlite3_bind_double(put->statement, ++put->column, value));
}

static void put_text(struct put *put, const char *text)
{
	if (!text)
		put_null(put);
	else if (put->statement)
		note(put,
			sqlite3_bind_text(put->statement, ++put->column, text, -1, SQLITE_STATIC));
}

static void put_states(struct put *put, const struct state_times *states)
{
	for (int lock = 0; lock < LOCK_STATES; lock++)
		for (int sched = 0; sched < SCHED_STATES; sched++)
			put_amount(put, states->ns[lock][sched]);
}

static int put_end(struct put *put)
{
	if (!put->statement)
		return put->rc;
	if (!put->rc)
		note(put, sqlite3_step(put->statement) == SQLITE_DONE
				  ? SQLITE_OK
				  : sqlite3_errcode(put->file->db));
	(void)sqlite3_reset(put->statement); /* repeats the step's code */
	/* The texts were borrowed for the step only. */
	(void)sqlite3_clear_bindings(put->statement); /* cannot fail */
	return put->rc;
}

int run_put_info(struct run_file *file, const struct run_info *info)
{
	struct put put = put_begin(file, QUERY_PUT_INFO);

	put_text(&put, info->tool_version);
	put_text(&put, info->started);
	put_amount(&put, info->start_ns);
	put_amount(&put, info->end_ns);
	put_int(&put, 0); /* run_finish says when it is complete */
	put_text(&put, info->tier);
	put_int(&put, info->cores);
	put_real(&put, info->cpu_quota);
	put_text(&put, info->kernel);
	put_text(&put, info->command);
	put_amount(&put, info->lost_events);
	put_amount(&put, info->lost_stacks);
	put_amount(&put, info->probe_hits);
	put_amount(&put, info->probe_ns);
	put_real(&put, info->overhead_share);
	put_amount(&put, info->recorder_cpu_ns);
	put_amount(&put, info->hold_correction_ns);
	put_amount(&put, info->wait_correction_ns);
	put_amount(&put, info->sample_period_ns);
	return put_end(&put);
}

int run_put_process(struct run_file *file, const struct run_process *process)
{
	struct put put = put_begin(file, QUERY_PUT_PROCESS);

	put_int(&put, process->pid);
	put_int(&put, process->ppid);
	put_text(&put, process->role);
	put_text(&put, process->name);
	put_text(&put, process->exe);
	put_text(&put, process->argv);
	put_text(&put, process->interpreter);
	put_text(&put, process->version);
	put_text(&put, process->lock);
	put_text(&put, process->build_id);
	put_text(&put, process->why_unmeasured);
	put_amount(&put, process->start_ns);
	put_amount(&put, process->seen_ns);
	put_amount(&put, process->end_ns);
	put_amount(&put, process->cpu_ns);
	return put_end(&put);
}

int run_put_memory(struct run_file *file, const struct run_memory *memory)
{
	struct put put = put_begin(file, QUERY_PUT_MEMORY);

	put_int(&put, memory->pid);
	put_amount(&put, memory->at_ns);
	put_amount(&put, memory->rss_bytes);
	put_amount(&put, memory->pss_bytes);
	put_amount(&put, memory->uss_bytes);
	return put_end(&put);
}

int run_put_thread(struct run_file *file, const struct run_thread *thread)
{
	struct put put = put_begin(file, QUERY_PUT_THREAD);

	put_int(&put, thread->tid);
	put_int(&put, thread->pid);
	put_text(&put, thread->name);
	put_amount(&put, thread->seen_ns);
	put_amount(&put, thread->end_ns);
	put_amount(&put, thread->cpu_ns);
	put_amount(&put, thread->waits);
	put_amount(&put, thread->wait_ns);
	put_amount(&put, thread->wait_max_ns);
	put_amount(&put, thread->holds);
	put_amount(&put, thread->hold_ns);
	put_amount(&put, thread->hold_max_ns);
	put_states(&put, &thread->states);
	return put_end(&put);
}

int run_put_slice(struct run_file *file, const struct run_slice *slice)
{
	struct put put = put_begin(file, QUERY_PUT_SLICE);

	put_int(&put, slice->tid);
	put_amount(&put, slice->at_ns);
	put_amount(&put, slice->length_ns);
	put_states(&put, &slice->states);
	return put_end(&put);
}

int run_put_bucket(struct run_file *file, const struct run_bucket *bucket)
{
	struct put put = put_begin(file, QUERY_PUT_BUCKET);

	put_int(&put, bucket->tid);
	put_text(&put, bucket->kind);
	put_amount(&put, bucket->low_ns);
	put_amount(&put, bucket->high_ns);
	put_amount(&put, bucket->count);
	return put_end(&put);
}

static int put_frame(struct run_file *file, int64_t stack, size_t depth, const struct run_frame *f)
{
	struct put put = put_begin(file, QUERY_PUT_FRAME);

	put_int(&put, stack);
	put_int(&put, (int64_t)depth);
	put_text(&put, f->is_native ? "native" : "python");
	put_text(&put, f->function);
	put_text(&put, f->file);
	put_id(&put, f->line);
	put_text(&put, f->module);
	put_text(&put, f->build_id);
	return put_end(&put);
}

int run_put_stack(struct run_file *file, const struct run_stack *stack)
{
	struct put clear;
	int rc;

	if (stack->id <= 0)
		return -EINVAL;
	clear = put_begin(file, QUERY_CLEAR_STACK);
	put_int(&clear, stack->id);
	rc = put_end(&clear);
	for (size_t i = 0; !rc && i < stack->frames.len; i++)
		rc = put_frame(file, stack->id, i, &stack->frames.at[i]);
	return rc;
}

int run_clear_tables(struct run_file *file)
{
	int rc = run_file_execute(file, QUERY_CLEAR_BLAME);

	if (!rc)
		rc = run_file_execute(file, QUERY_CLEAR_LONGEST);
	return rc ? rc : run_file_execute(file, QUERY_CLEAR_ACTIVITY);
}

int run_put_blame(struct run_file *file, const struct run_blame *blame)
{
	struct put put = put_begin(file, QUERY_PUT_BLAME);

	put_int(&put, blame->pid);
	put_int(&put, blame->waiter_tid);
	put_id(&put, blame->holder_tid);
	put_id(&put, blame->stack);
	put_amount(&put, blame->wait_ns);
	put_amount(&put, blame->waits);
	put_amount(&put, blame->max_ns);
	return put_end(&put);
}

int run_put_longest(struct run_file *file, const struct run_longest *longest)
{
	struct put put = put_begin(file, QUERY_PUT_LONGEST);

	put_text(&put, longest->kind);
	put_int(&put, longest->pid);
	put_int(&put, longest->tid);
	put_id(&put, longest->other_tid);
	put_amount(&put, longest->start_ns);
	put_amount(&put, longest->length_ns);
	put_amount(&put, longest->cpu_ns);
	put_int(&put, longest->is_open);
	put_id(&put, longest->stack);
	return put_end(&put);
}

int run_put_activity(struct run_file *file, const struct run_activity *activity)
{
	struct put put = put_begin(file, QUERY_PUT_ACTIVITY);

	put_int(&put, activity->pid);
	put_int(&put, activity->tid);
	put_int(&put, activity->lock);
	put_int(&put, activity->sched);
	put_id(&put, activity->stack);
	put_amount(&put, activity->ns);
	put_amount(&put, activity->count);
	put_int(&put, activity->is_sampled);
	return put_end(&put);
}
