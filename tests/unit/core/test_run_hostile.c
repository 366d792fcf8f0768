/* Runs that are cut, changed or made up: one sentence, no crash, nothing left beside them. */
#include "run_sample.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

TestSuite(run_hostile, .init = sample_make_folder, .fini = sample_remove_folder);

static void expect_refused(const char *path, int wanted, const char *words)
{
	int files = sample_count_files(false);
	struct err err = {0};
	struct run run = {0};

	cr_expect_eq(run_load(path, &run, &err), wanted, "'%s'", err.text);
	cr_expect(strstr(err.text, words), "'%s' does not say '%s'", err.text, words);
	cr_expect(*err.text && !strchr(err.text, '\n'));
	cr_expect_null(run.arena, "written only on success");
	cr_expect_eq(sample_count_files(false), files);
}

static void save(const char *path, const char *bytes, size_t len)
{
	struct err err = {0};

	cr_assert_eq(file_save(path, bytes, len, &err), 0, "%s", err.text);
}

Test(run_hostile, what_is_no_run)
{
	static char zeros[8192];
	size_t len;
	char *bytes;

	expect_refused(sample_path("none"), -ENOENT, "No such file");
	expect_refused(sample_folder, -EINVAL, "is not a file that");
	expect_refused("/dev/null", -EINVAL, "is not a file that");
	cr_assert(!mkfifo(sample_path("pipe"), 0600));
	expect_refused(sample_path("pipe"), -EINVAL, "is not a file that");
	save(sample_path("a"), "", 0);
	expect_refused(sample_path("a"), -EINVAL, "is not a gilscope run: it is empty");
	save(sample_path("a"), "hello", 5);
	expect_refused(sample_path("a"), -EINVAL, "is not a gilscope run");
	save(sample_path("a"), zeros, sizeof(zeros));
	expect_refused(sample_path("a"), -EINVAL, "is not a gilscope run");
	bytes = sample_write(sample_path("b"), &len);
	bytes[71]++; /* the application id */
	save(sample_path("a"), bytes, len);
	expect_refused(sample_path("a"), -EINVAL, "is not a gilscope run");
	free(bytes);
}

Test(run_hostile, headers_that_are_not_ours)
{
	static const struct {
		size_t at;
		char value;
		int wanted;
		const char *words;
	} changes[] = {
		{63, 2, -EPROTONOSUPPORT, "newer gilscope (format 2, this one reads 1)"},
		{60, 1, -EPROTONOSUPPORT, "newer gilscope"}, {63, 0, -EBADMSG, "damaged"},
		{18, 2, -EBADMSG, "damaged"}, /* write-ahead log: reading would make files */
		{19, 2, -EBADMSG, "damaged"}, {16, 0, -EBADMSG, "damaged"}, /* page size 0 */
		{59, 3, -EBADMSG, "damaged"}, /* a text encoding that does not exist */
	};
	size_t len;
	char *bytes = sample_write(sample_path("b"), &len);

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		char old = bytes[changes[i].at];

		bytes[changes[i].at] = changes[i].value;
		save(sample_path("a"), bytes, len);
		expect_refused(sample_path("a"), changes[i].wanted, changes[i].words);
		bytes[changes[i].at] = old;
	}
	free(bytes);
}

Test(run_hostile, cut_off_at_any_length)
{
	size_t len;
	char *bytes = sample_write(sample_path("b"), &len);

	for (size_t cut = 0; cut < len; cut += cut < 128 ? 13 : 1021) {
		save(sample_path("a"), bytes, cut);
		expect_refused(sample_path("a"), cut < 16 ? -EINVAL : -EBADMSG,
			cut < 16 ? "not a gilscope run" : "is cut off");
	}
	free(bytes);
}

/* The sample after `sql`, which may break whatever it likes. */
static void write_changed(const char *path, const char *sql)
{
	char *message = NULL;
	sqlite3 *db;
	size_t len;

	(void)unlink(path);
	free(sample_write(path, &len));
	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(
		sqlite3_exec(db, sql, NULL, NULL, &message), SQLITE_OK, "%s: %s", sql, message);
	cr_assert_eq(sqlite3_close(db), SQLITE_OK);
}

static void expect_damaged(const char *sql, const char *words)
{
	write_changed(sample_path("a"), sql);
	expect_refused(sample_path("a"), -EBADMSG, words);
}

Test(run_hostile, impossible_figures)
{
	expect_damaged("UPDATE thread SET waits = -1 WHERE tid = 10", "thread.waits is negative");
	expect_damaged("UPDATE thread SET wait_ns = 0x7fffffffffffffff", "thread.wait_ns");
	expect_damaged("UPDATE thread SET hold_ns = 0x1000000000000000, wait_ns = hold_ns",
		"adds up to an impossible amount");
	expect_damaged("UPDATE thread SET none_blocked_ns = -5", "thread.none_blocked_ns");
	expect_damaged("UPDATE thread SET tid = -3 WHERE tid = 20", "thread.tid is negative");
	expect_damaged("UPDATE thread SET tid = 0x100000000 WHERE tid = 20", "impossibly large");
	expect_damaged("UPDATE run SET end_ns = start_ns - 1", "run.end_ns lies before");
	expect_damaged("UPDATE run SET start_ns = 0x7fffffffffffffff", "run.start_ns");
	expect_damaged("UPDATE run SET cores = -1", "run.cores");
	expect_damaged("UPDATE run SET cpu_quota = 9e999", "run.cpu_quota");
	expect_damaged("UPDATE run SET overhead_share = -0.5", "run.overhead_share");
	expect_damaged("UPDATE run SET is_complete = 2", "run.is_complete");
}

Test(run_hostile, impossible_details)
{
	expect_damaged("UPDATE memory SET rss_bytes = -1", "memory.rss_bytes");
	expect_damaged("UPDATE slice SET length_ns = -1", "slice.length_ns");
	expect_damaged("UPDATE histogram SET high_ns = low_ns - 1", "histogram.high_ns");
	expect_damaged("UPDATE histogram SET count = -1", "histogram.count");
	expect_damaged("UPDATE blame SET wait_ns = 0x1fffffffffffffff", "blame.waits adds up");
	expect_damaged("UPDATE longest SET stack = -7", "longest.stack is negative");
	expect_damaged("UPDATE activity SET lock = 3", "activity.lock");
	expect_damaged("UPDATE activity SET sched = -1", "activity.sched");
}

Test(run_hostile, unknown_words)
{
	expect_damaged("UPDATE run SET tier = 'guess'", "run.tier is a word that");
	expect_damaged("UPDATE process SET lock = 'maybe' WHERE pid = 10", "process.lock");
	expect_damaged("UPDATE histogram SET kind = ''", "histogram.kind");
	expect_damaged("UPDATE longest SET kind = 'handoff'", "longest.kind");
	expect_damaged("UPDATE frame SET kind = 'ruby'", "frame.kind");
}

Test(run_hostile, tables_of_another_shape)
{
	expect_damaged("DROP TABLE blame", "no table blame");
	expect_damaged("DROP TABLE blame; CREATE VIEW blame AS WITH RECURSIVE n(i) AS (SELECT 1 "
		       "UNION ALL SELECT i FROM n) SELECT i AS pid, i AS waiter_tid, i AS "
		       "holder_tid, i AS stack, i AS wait_ns, i AS waits, i AS max_ns FROM n",
		"no table blame");
	expect_damaged("DROP TABLE blame; CREATE TABLE blame (pid, waiter_tid, holder_tid, stack, "
		       "wait_ns, waits, max_ns)",
		"no table blame");
	expect_damaged("ALTER TABLE blame ADD COLUMN x INT AS (pid * 2)", "no table blame");
	expect_damaged("ALTER TABLE blame RENAME COLUMN waits TO wait_count",
		"table blame: no such column: waits");
	expect_damaged("DELETE FROM run", "no row in run");
	expect_damaged("DROP TABLE run; CREATE TABLE run (id INTEGER, tool_version TEXT, started "
		       "TEXT, start_ns INTEGER, end_ns INTEGER, is_complete INTEGER, tier TEXT, "
		       "cores INTEGER, cpu_quota REAL, kernel TEXT, command TEXT, lost_events "
		       "INTEGER, lost_stacks INTEGER, probe_hits INTEGER, probe_ns INTEGER, "
		       "overhead_share REAL, recorder_cpu_ns INTEGER, hold_correction_ns INTEGER, "
		       "wait_correction_ns INTEGER, sample_period_ns INTEGER) STRICT; INSERT INTO "
		       "run (tool_version) VALUES (NULL)",
		"run.tool_version is missing");
	expect_damaged(
		"DROP TABLE thread; CREATE TABLE thread (tid TEXT, pid TEXT, name TEXT, "
		"seen_ns TEXT, end_ns TEXT, cpu_ns TEXT, waits TEXT, wait_ns TEXT, "
		"wait_max_ns TEXT, holds TEXT, hold_ns TEXT, hold_max_ns TEXT, "
		"none_running_ns TEXT, none_runnable_ns TEXT, none_blocked_ns TEXT, "
		"waiting_running_ns TEXT, waiting_runnable_ns TEXT, waiting_blocked_ns TEXT, "
		"holding_running_ns TEXT, holding_runnable_ns TEXT, holding_blocked_ns TEXT) "
		"STRICT; INSERT INTO thread (tid) VALUES ('1')",
		"thread.tid is not a number");
}

Test(run_hostile, stacks_that_no_recorder_takes)
{
	expect_damaged("WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < "
		       "5000) INSERT INTO frame SELECT 7, i, 'python', 'f', 'a.py', 1, NULL, NULL "
		       "FROM n",
		"frame.depth is impossibly large");
	expect_damaged("DELETE FROM frame WHERE depth = 1", "frame.depth leaves a frame out");
	expect_damaged("UPDATE frame SET depth = -depth", "frame.depth is negative");
	expect_damaged("UPDATE frame SET line = 99999999999", "frame.line is impossibly large");
	expect_damaged("UPDATE frame SET stack = 0", "frame.stack");
	expect_damaged("UPDATE frame SET function = printf('%.*c', 2000000, 'x')", "");
}

Test(run_hostile, text_comes_out_as_utf8)
{
	struct err err = {0};
	struct run run;

	write_changed(sample_path("a"), "UPDATE thread SET name = CAST(x'61ff00' AS TEXT)");
	cr_assert_eq(run_load(sample_path("a"), &run, &err), 0, "%s", err.text);
	cr_expect_str_eq(run.threads.at[0].name, "a\xef\xbf\xbd\xef\xbf\xbd");
	run_fini(&run);
}

Test(run_hostile, dangling_ids_are_not_found)
{
	struct err err = {0};
	struct run run;

	write_changed(sample_path("a"), "UPDATE blame SET stack = 99; DELETE FROM process");
	cr_assert_eq(run_load(sample_path("a"), &run, &err), 0, "%s", err.text);
	cr_expect_eq(run.blame.at[0].stack, 99);
	cr_expect_null(run_stack_find(&run, 99));
	cr_expect_null(run_process_find(&run, 10));
	run_fini(&run);
}

/* Follows the parents of each process and counts; a circle would never end. */
static void expect_no_circle(const struct run *run)
{
	vec_each (process, &run->processes) {
		size_t steps = 0;

		for (const struct run_process *at = process; at;
			at = run_process_find(run, at->ppid))
			cr_assert(steps++ <= run->processes.len, "pid %d", process->pid);
	}
}

Test(run_hostile, circles_of_parents_are_broken_where_they_began)
{
	struct err err = {0};
	struct run run;

	write_changed(sample_path("a"), "UPDATE process SET ppid = 20 WHERE pid = 10");
	cr_assert_eq(run_load(sample_path("a"), &run, &err), 0, "%s", err.text);
	expect_no_circle(&run);
	cr_expect_eq(run_process_find(&run, 10)->ppid, 0, "it started first");
	cr_expect_eq(run_process_find(&run, 20)->ppid, 10);
	run_fini(&run);
	write_changed(sample_path("a"),
		"UPDATE process SET ppid = pid; WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL "
		"SELECT i + 1 FROM n WHERE i < 400) INSERT INTO process SELECT i, CASE WHEN i % 50 "
		"= 49 THEN i - 49 ELSE i + 1 END, 'x', 'x', 'x', NULL, NULL, NULL, NULL, NULL, "
		"NULL, 5, 5, NULL, 0 FROM n");
	cr_assert_eq(run_load(sample_path("a"), &run, &err), 0, "%s", err.text);
	cr_expect_eq(run.processes.len, 303);
	expect_no_circle(&run);
	run_fini(&run);
}

/* A recorder that dies with half a commit on disk: pages are written, the journal is there. */
static void die_in_commit(const char *path)
{
	pid_t child = fork();
	int status;

	cr_assert(child >= 0);
	if (!child) {
		sqlite3 *db;
		int rc = sqlite3_open(path, &db);

		rc = rc ? rc : sqlite3_exec(db, "PRAGMA cache_size = 1; BEGIN", NULL, NULL, NULL);
		rc = rc ? rc
			: sqlite3_exec(db,
				  "UPDATE run SET tier = 'sample'; DELETE FROM thread; WITH "
				  "RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE "
				  "i "
				  "< 2000) INSERT INTO memory SELECT 1, i, 1, 1, 1 FROM n",
				  NULL, NULL, NULL);
		_exit(rc);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

Test(run_hostile, a_recorder_killed_in_a_commit_leaves_its_last_one)
{
	struct err err = {0};
	struct stat before, after;
	struct run run;
	size_t len;

	free(sample_write(sample_path("a"), &len));
	die_in_commit(sample_path("a"));
	cr_assert(!stat(sample_path("a-journal"), &before) && before.st_size > 512);
	cr_assert_eq(run_load(sample_path("a"), &run, &err), 0, "%s", err.text);
	cr_expect_str_eq(run.info.tier, "exact");
	cr_expect(run.threads.len == 2 && run.memory.len == 2);
	cr_assert(!stat(sample_path("a-journal"), &after), "the file is not touched");
	cr_expect_eq(after.st_size, before.st_size);
	cr_expect_eq(sample_count_files(false), 2);
	run_fini(&run);
}

#define SLICES 100 /* in each flush */

/* Commits as fast as it can and tells of each by one byte. */
static void record_for_ever(const char *path, int tell)
{
	struct run_file *file = NULL;
	struct run_info info = sample_info();

	if (run_create(path, &file, NULL))
		_exit(1);
	for (int flush = 1;; flush++) {
		int rc = run_begin(file);

		info.end_ns = info.start_ns + flush;
		rc = rc ? rc : run_put_info(file, &info);
		for (int i = 0; !rc && i < SLICES; i++) {
			struct run_slice slice = {.tid = i + 1, .at_ns = flush, .length_ns = 1};

			rc = run_put_slice(file, &slice);
		}
		rc = rc ? rc : run_commit(file);
		if (rc || write(tell, "x", 1) != 1)
			_exit(2);
	}
}

static void record_and_kill(const char *path, int commits)
{
	int ends[2], status;
	pid_t child;
	char told;

	cr_assert(!pipe(ends));
	child = fork();
	cr_assert(child >= 0);
	if (!child)
		record_for_ever(path, ends[1]);
	for (int i = 0; i < commits; i++)
		cr_assert_eq(read(ends[0], &told, 1), 1);
	cr_assert(!kill(child, SIGKILL));
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFSIGNALED(status));
	close(ends[0]);
	close(ends[1]);
}

Test(run_hostile, a_recorder_killed_at_any_moment_leaves_whole_commits)
{
	for (int commits = 1; commits <= 6; commits++) {
		struct err err = {0};
		int64_t flushes;
		struct run run;

		(void)sample_count_files(true);
		record_and_kill(sample_path("a"), commits);
		cr_assert_eq(run_load(sample_path("a"), &run, &err), 0, "%s", err.text);
		flushes = run.info.end_ns - run.info.start_ns;
		cr_expect_geq(flushes, commits);
		cr_expect_eq(run.slices.len, (size_t)flushes * SLICES);
		cr_expect_not(run.info.is_complete);
		cr_expect_leq(sample_count_files(false), 2, "the run, and perhaps its journal");
		run_fini(&run);
	}
}

Test(run_hostile, a_journal_that_names_another_file_to_delete_is_refused)
{
	static const char tail[] = "\0\0\0\1victim\0\0\0\x06\0\0\x02\x8c"
				   "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7";
	size_t len;
	int fd;

	free(sample_write(sample_path("a"), &len));
	die_in_commit(sample_path("a"));
	fd = open(sample_path("a-journal"), O_WRONLY | O_APPEND);
	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, tail, sizeof(tail) - 1), sizeof(tail) - 1);
	close(fd);
	expect_refused(sample_path("a"), -EBADMSG, "is not gilscope's");
}

Test(run_hostile, a_new_recording_is_not_rolled_back_by_an_old_journal)
{
	struct run_info info = sample_info();
	struct err err = {0};
	struct run_file *file;
	struct run run;
	size_t len;

	free(sample_write(sample_path("a"), &len));
	die_in_commit(sample_path("a"));
	file = sample_create(sample_path("a"));
	info.command = "other.py";
	cr_assert_eq(run_put_info(file, &info), 0);
	cr_assert_eq(run_commit(file), 0);
	cr_assert_eq(run_finish(file, false), 0);
	cr_assert_eq(run_load(sample_path("a"), &run, &err), 0, "%s", err.text);
	cr_expect_str_eq(run.info.command, "other.py");
	cr_expect(run.memory.len == 0 && run.threads.len == 0 && !run.info.is_complete);
	run_fini(&run);
	cr_expect_eq(sample_count_files(false), 1);
}

/* xorshift: the same changes on every machine. */
static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	return *state ^= *state << 5;
}

Test(run_hostile, random_changes_never_crash)
{
	uint32_t state = 0x9e3779b9;
	int loaded = 0, refused = 0;
	size_t len;
	char *bytes = sample_write(sample_path("b"), &len), *changed = malloc(len);

	cr_assert(changed);
	for (int round = 0; round < 40; round++) {
		struct err err = {0};
		struct run run;

		memcpy(changed, bytes, len);
		for (uint32_t i = 0; i < 1 + round % 8u; i++)
			changed[next_random(&state) % len] = (char)next_random(&state);
		save(sample_path("a"), changed, len);
		if (run_load(sample_path("a"), &run, &err)) {
			cr_expect(*err.text && !strchr(err.text, '\n'));
			refused++;
		} else {
			loaded++;
			run_fini(&run);
		}
	}
	cr_expect(loaded > 0 && refused > 0, "%d loaded, %d refused", loaded, refused);
	cr_expect_eq(sample_count_files(false), 2);
	free(changed);
	free(bytes);
}
