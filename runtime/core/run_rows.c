/* Rows of a hostile database → structs of run.h. Whoever gets them may rely on: no negative figure
 * but RUN_UNKNOWN, no NULL name, known enumerations, no time later than TIME_MAX_NS, and amounts of
 * one table whose sum does not overflow. */
#include "runtime/core/run_rows.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "runtime/base/err.h"
#include "runtime/base/utf8.h"
#include "runtime/core/query.h"

#define TIME_MAX_NS ((int64_t)1 << 61) /* 73 years: a start plus a length stays in range */
#define AMOUNT_MAX ((int64_t)1 << 61) /* all amounts of one table together */
#define FRAMES_MAX 4096 /* of one stack */

/* Reads one column after the other; the first wrong one sticks. */
struct rows {
	sqlite3 *db;
	sqlite3_stmt *statement; /* owned */
	struct arena *arena; /* borrowed, as are the next three */
	const char *path, *table;
	struct err *err;
	int column;
	int64_t total; /* of all amounts so far */
	int rc;
};

static const char *const lock_names[] = {"on", "off"};
static const char *const tier_names[] = {"contention", "exact", "sample", "inproc"};
static const char *const bucket_kinds[] = {"wait", "hold", "handoff"};
static const char *const longest_kinds[] = {"wait", "hold"};
static const char *const frame_kinds[] = {"python", "native"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void refuse(struct rows *rows, int column, const char *why)
{
	if (rows->rc)
		return;
	rows->rc = err_ret(rows->err, -EBADMSG, "%s is damaged: %s.%s %s", rows->path, rows->table,
		sqlite3_column_name(rows->statement, column), why);
}

static int64_t integer(struct rows *rows, int64_t least, int64_t most)
{
	int column = rows->column++;
	int64_t value;

	if (rows->rc)
		return least;
	if (sqlite3_column_type(rows->statement, column) != SQLITE_INTEGER) {
		refuse(rows, column, "is not a number");
		return least;
	}
	value = sqlite3_column_int64(rows->statement, column);
	if (value >= least && value <= most)
		return value;
	refuse(rows, column, value < least ? "is negative or too small" : "is impossibly large");
	return least;
}

static bool skip_null(struct rows *rows)
{
	if (sqlite3_column_type(rows->statement, rows->column) != SQLITE_NULL)
		return false;
	rows->column++;
	return true;
}

static int64_t time_of(struct rows *rows)
{
	return integer(rows, 0, TIME_MAX_NS);
}

static int64_t time_or_unknown(struct rows *rows)
{
	return skip_null(rows) ? RUN_UNKNOWN : time_of(rows);
}

static int64_t amount(struct rows *rows)
{
	int64_t value = integer(rows, 0, AMOUNT_MAX);

	if (value > AMOUNT_MAX - rows->total)
		refuse(rows, rows->column - 1, "adds up to an impossible amount");
	else
		rows->total += value;
	return value;
}

static int64_t amount_or_unknown(struct rows *rows)
{
	return skip_null(rows) ? RUN_UNKNOWN : amount(rows);
}

static int id(struct rows *rows)
{
	return (int)integer(rows, 0, INT_MAX);
}

static int id_or_none(struct rows *rows)
{
	return skip_null(rows) ? 0 : id(rows);
}

static int64_t stack_or_none(struct rows *rows)
{
	return skip_null(rows) ? 0 : integer(rows, 1, INT64_MAX);
}

static double real_or_unknown(struct rows *rows)
{
	int column = rows->column;
	double value;

	if (skip_null(rows))
		return RUN_UNKNOWN;
	rows->column++;
	value = sqlite3_column_double(rows->statement, column);
	if (sqlite3_column_type(rows->statement, column) != SQLITE_FLOAT || !isfinite(value) ||
		value < 0 || value > 1e9) {
		refuse(rows, column, "is not a possible figure");
		return RUN_UNKNOWN;
	}
	return value;
}

static const char *text_or_null(struct rows *rows)
{
	int column = rows->column++;
	const char *text, *copy;

	if (rows->rc || sqlite3_column_type(rows->statement, column) == SQLITE_NULL)
		return NULL;
	if (sqlite3_column_type(rows->statement, column) != SQLITE_TEXT) {
		refuse(rows, column, "is not text");
		return NULL;
	}
	text = (const char *)sqlite3_column_text(rows->statement, column);
	copy = text ? utf8_clean(rows->arena, text,
			      (size_t)sqlite3_column_bytes(rows->statement, column))
		    : NULL;
	if (!copy)
		rows->rc = err_ret(rows->err, -ENOMEM, "cannot read %s: out of memory", rows->path);
	return copy;
}

static const char *text(struct rows *rows)
{
	const char *value = text_or_null(rows);

	if (value)
		return value;
	refuse(rows, rows->column - 1, "is missing");
	return "";
}

static int word(struct rows *rows, const char *const *names, size_t count)
{
	const char *value = text(rows);

	for (size_t i = 0; i < count; i++)
		if (!strcmp(value, names[i]))
			return (int)i;
	refuse(rows, rows->column - 1, "is a word that this version does not know");
	return 0;
}

static void states(struct rows *rows, struct state_times *ret_states)
{
	for (int lock = 0; lock < LOCK_STATES; lock++)
		for (int sched = 0; sched < SCHED_STATES; sched++)
			ret_states->ns[lock][sched] = amount_or_unknown(rows);
}

/* The statements are right: a plain error means columns that are not there. */
static int query_failure(struct rows *rows, int code)
{
	int rc = code == SQLITE_ERROR ? -EBADMSG : query_errno(rows->db, code);

	return err_ret(rows->err, rc,
		rc == -EBADMSG ? "%s is damaged: table %s: %s" : "cannot read %s: table %s: %s",
		rows->path, rows->table, sqlite3_errmsg(rows->db));
}

typedef int row_reader(struct rows *rows, struct run *run);

static int each_row(struct rows *rows, enum query query, row_reader *read, struct run *run)
{
	int code = query_prepare(rows->db, query, &rows->statement);

	rows->total = 0;
	while (!code && (code = sqlite3_step(rows->statement)) == SQLITE_ROW) {
		int rc;

		rows->column = 0;
		rc = read(rows, run);
		if (rc && !rows->rc)
			rows->rc = err_ret(
				rows->err, rc, "cannot read %s: %s", rows->path, strerror(-rc));
		code = rows->rc ? SQLITE_ABORT : SQLITE_OK;
	}
	if (code != SQLITE_DONE && !rows->rc)
		rows->rc = query_failure(rows, code);
	(void)sqlite3_finalize(rows->statement); /* repeats the step's code */
	rows->statement = NULL;
	return rows->rc;
}

static int read_info(struct rows *rows, struct run *run)
{
	struct run_info info = {.tool_version = text(rows)};

	info.started = text(rows);
	info.start_ns = time_of(rows);
	info.end_ns = time_of(rows);
	info.is_complete = integer(rows, 0, 1) == 1;
	info.tier = tier_names[word(rows, tier_names, COUNT(tier_names))];
	info.cores = id(rows);
	info.cpu_quota = real_or_unknown(rows);
	info.kernel = text(rows);
	info.command = text(rows);
	info.lost_events = amount(rows);
	info.lost_stacks = amount(rows);
	info.probe_hits = amount_or_unknown(rows);
	info.probe_ns = amount_or_unknown(rows);
	info.overhead_share = real_or_unknown(rows);
	info.recorder_cpu_ns = amount_or_unknown(rows);
	info.hold_correction_ns = amount_or_unknown(rows);
	info.wait_correction_ns = amount_or_unknown(rows);
	info.sample_period_ns = amount_or_unknown(rows);
	if (info.end_ns < info.start_ns)
		refuse(rows, 3, "lies before its start");
	if (run->info.tier)
		refuse(rows, 0, "is there twice");
	run->info = info;
	return 0;
}

static int read_process(struct rows *rows, struct run *run)
{
	struct run_process process = {.pid = id(rows), .ppid = id(rows)};

	process.role = text(rows);
	process.name = text(rows);
	process.exe = text(rows);
	process.argv = text_or_null(rows);
	process.interpreter = text_or_null(rows);
	process.version = text_or_null(rows);
	if (!skip_null(rows))
		process.lock = lock_names[word(rows, lock_names, COUNT(lock_names))];
	process.build_id = text_or_null(rows);
	process.why_unmeasured = text_or_null(rows);
	process.start_ns = time_of(rows);
	process.seen_ns = time_of(rows);
	process.end_ns = time_or_unknown(rows);
	process.cpu_ns = amount_or_unknown(rows);
	return vec_push(&run->processes, process);
}

static int read_memory(struct rows *rows, struct run *run)
{
	struct run_memory memory = {.pid = id(rows)};

	memory.at_ns = time_of(rows);
	memory.rss_bytes = amount_or_unknown(rows);
	memory.pss_bytes = amount_or_unknown(rows);
	memory.uss_bytes = amount_or_unknown(rows);
	return vec_push(&run->memory, memory);
}

static int read_thread(struct rows *rows, struct run *run)
{
	struct run_thread thread = {.tid = id(rows)};

	thread.pid = id(rows);
	thread.name = text(rows);
	thread.seen_ns = time_of(rows);
	thread.end_ns = time_or_unknown(rows);
	thread.cpu_ns = amount_or_unknown(rows);
	thread.waits = amount_or_unknown(rows);
	thread.wait_ns = amount_or_unknown(rows);
	thread.wait_max_ns = amount_or_unknown(rows);
	thread.holds = amount_or_unknown(rows);
	thread.hold_ns = amount_or_unknown(rows);
	thread.hold_max_ns = amount_or_unknown(rows);
	states(rows, &thread.states);
	return vec_push(&run->threads, thread);
}

static int read_slice(struct rows *rows, struct run *run)
{
	struct run_slice slice = {.tid = id(rows)};

	slice.at_ns = time_of(rows);
	slice.length_ns = amount(rows);
	states(rows, &slice.states);
	return vec_push(&run->slices, slice);
}

static int read_bucket(struct rows *rows, struct run *run)
{
	struct run_bucket bucket = {.tid = id(rows)};

	bucket.kind = bucket_kinds[word(rows, bucket_kinds, COUNT(bucket_kinds))];
	bucket.low_ns = time_of(rows);
	bucket.high_ns = time_of(rows);
	bucket.count = amount(rows);
	if (bucket.high_ns < bucket.low_ns)
		refuse(rows, 3, "lies below low_ns");
	return vec_push(&run->buckets, bucket);
}

static int read_frame(struct rows *rows, struct run *run)
{
	int64_t stack = integer(rows, 1, INT64_MAX);
	int64_t depth = integer(rows, 0, FRAMES_MAX - 1);
	struct run_frame frame = {0};
	struct run_stack *last;

	frame.is_native = word(rows, frame_kinds, COUNT(frame_kinds)) == 1;
	frame.function = text(rows);
	frame.file = text_or_null(rows);
	frame.line = id_or_none(rows);
	frame.module = text_or_null(rows);
	frame.build_id = text_or_null(rows);
	if (rows->rc)
		return rows->rc;
	last = run->stacks.len ? &run->stacks.at[run->stacks.len - 1] : NULL;
	if (!last || last->id != stack) {
		if (vec_push(&run->stacks, (struct run_stack){.id = stack}))
			return -ENOMEM;
		last = &run->stacks.at[run->stacks.len - 1];
	}
	if (depth != (int64_t)last->frames.len)
		refuse(rows, 1, "leaves a frame out");
	return vec_push(&last->frames, frame);
}

static int read_blame(struct rows *rows, struct run *run)
{
	struct run_blame blame = {.pid = id(rows)};

	blame.waiter_tid = id(rows);
	blame.holder_tid = id_or_none(rows);
	blame.stack = stack_or_none(rows);
	blame.wait_ns = amount(rows);
	blame.waits = amount(rows);
	blame.max_ns = amount(rows);
	return vec_push(&run->blame, blame);
}

static int read_longest(struct rows *rows, struct run *run)
{
	struct run_longest longest = {0};

	longest.kind = longest_kinds[word(rows, longest_kinds, COUNT(longest_kinds))];
	longest.pid = id(rows);
	longest.tid = id(rows);
	longest.other_tid = id_or_none(rows);
	longest.start_ns = time_of(rows);
	longest.length_ns = amount(rows);
	longest.cpu_ns = amount_or_unknown(rows);
	longest.is_open = integer(rows, 0, 1) == 1;
	longest.stack = stack_or_none(rows);
	return vec_push(&run->longest, longest);
}

static int read_activity(struct rows *rows, struct run *run)
{
	struct run_activity activity = {.pid = id(rows)};

	activity.tid = id(rows);
	activity.lock = (enum lock_state)integer(rows, 0, LOCK_STATES - 1);
	activity.sched = (enum sched_state)integer(rows, 0, SCHED_STATES - 1);
	activity.stack = stack_or_none(rows);
	activity.ns = amount(rows);
	activity.count = amount(rows);
	activity.is_sampled = integer(rows, 0, 1) == 1;
	return vec_push(&run->activity, activity);
}

static const struct {
	const char *table;
	enum query query;
	row_reader *read;
} tables[] = {
	{"run", QUERY_EACH_INFO, read_info},
	{"process", QUERY_EACH_PROCESS, read_process},
	{"memory", QUERY_EACH_MEMORY, read_memory},
	{"thread", QUERY_EACH_THREAD, read_thread},
	{"slice", QUERY_EACH_SLICE, read_slice},
	{"histogram", QUERY_EACH_BUCKET, read_bucket},
	{"frame", QUERY_EACH_FRAME, read_frame},
	{"blame", QUERY_EACH_BLAME, read_blame},
	{"longest", QUERY_EACH_LONGEST, read_longest},
	{"activity", QUERY_EACH_ACTIVITY, read_activity},
};

int run_rows_load(sqlite3 *db, const char *path, struct run *run, struct err *err)
{
	struct rows rows = {.db = db, .arena = run->arena, .path = path, .err = err};

	for (size_t i = 0; i < COUNT(tables) && !rows.rc; i++) {
		rows.table = tables[i].table;
		(void)each_row(&rows, tables[i].query, tables[i].read, run); /* kept in rows.rc */
	}
	if (!rows.rc && !run->info.tier)
		rows.rc = err_ret(err, -EBADMSG, "%s is damaged: it has no row in run", path);
	return rows.rc;
}
