/* Runs: what is put comes back, and what lies on disk at each moment. */
#include "run_sample.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

TestSuite(run, .init = sample_make_folder, .fini = sample_remove_folder);

static void load(const char *path, struct run *run)
{
	struct err err = {0};

	cr_assert_eq(run_load(path, run, &err), 0, "%s", err.text);
}

static void expect_states(const struct state_times *states, int64_t first)
{
	for (int lock = 0; lock < LOCK_STATES; lock++)
		for (int sched = 0; sched < SCHED_STATES; sched++)
			cr_expect_eq(states->ns[lock][sched], first++);
}

static void expect_text(const char *got, const char *wanted)
{
	if (!wanted)
		cr_expect_null(got);
	else
		cr_expect_str_eq(got, wanted);
}

Test(run, info_comes_back)
{
	struct run_info wanted = sample_info();
	size_t len;
	struct run run;

	free(sample_write(sample_path("a.run"), &len));
	load(sample_path("a.run"), &run);
	expect_text(run.info.tool_version, wanted.tool_version);
	expect_text(run.info.started, wanted.started);
	expect_text(run.info.tier, wanted.tier);
	expect_text(run.info.kernel, wanted.kernel);
	expect_text(run.info.command, wanted.command);
	cr_expect_eq(run.info.start_ns, wanted.start_ns);
	cr_expect_eq(run.info.end_ns, wanted.end_ns);
	cr_expect(run.info.is_complete);
	cr_expect_eq(run.info.cores, wanted.cores);
	cr_expect_eq(run.info.cpu_quota, wanted.cpu_quota);
	cr_expect_eq(run.info.lost_events, wanted.lost_events);
	cr_expect_eq(run.info.lost_stacks, wanted.lost_stacks);
	cr_expect_eq(run.info.probe_hits, wanted.probe_hits);
	cr_expect_eq(run.info.probe_ns, wanted.probe_ns);
	cr_expect_eq(run.info.overhead_share, wanted.overhead_share);
	cr_expect_eq(run.info.recorder_cpu_ns, wanted.recorder_cpu_ns);
	cr_expect_eq(run.info.hold_correction_ns, wanted.hold_correction_ns);
	cr_expect_eq(run.info.wait_correction_ns, wanted.wait_correction_ns);
	cr_expect_eq(run.info.sample_period_ns, wanted.sample_period_ns);
	cr_expect_eq(sample_count_files(false), 1, "nothing lies beside the run");
	run_fini(&run);
}

Test(run, unknown_info_stays_unknown)
{
	struct run_info info = sample_info();
	struct run_file *file = sample_create(sample_path("a.run"));
	struct run run;

	info.cpu_quota = info.overhead_share = RUN_UNKNOWN;
	info.probe_hits = info.probe_ns = info.recorder_cpu_ns = RUN_UNKNOWN;
	info.hold_correction_ns = info.wait_correction_ns = info.sample_period_ns = RUN_UNKNOWN;
	cr_assert_eq(run_put_info(file, &info), 0);
	cr_assert_eq(run_commit(file), 0);
	cr_assert_eq(run_finish(file, false), 0);
	load(sample_path("a.run"), &run);
	cr_expect_eq(run.info.cpu_quota, RUN_UNKNOWN);
	cr_expect_eq(run.info.overhead_share, RUN_UNKNOWN);
	cr_expect_eq(run.info.probe_hits, RUN_UNKNOWN);
	cr_expect_eq(run.info.probe_ns, RUN_UNKNOWN);
	cr_expect_eq(run.info.recorder_cpu_ns, RUN_UNKNOWN);
	cr_expect_eq(run.info.hold_correction_ns, RUN_UNKNOWN);
	cr_expect_eq(run.info.wait_correction_ns, RUN_UNKNOWN);
	cr_expect_eq(run.info.sample_period_ns, RUN_UNKNOWN);
	cr_expect_not(run.info.is_complete);
	run_fini(&run);
}

Test(run, processes_come_back)
{
	size_t len;
	struct run run;

	free(sample_write(sample_path("a.run"), &len));
	load(sample_path("a.run"), &run);
	cr_assert_eq(run.processes.len, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct run_process *got = &run.processes.at[i], *w = &sample_processes[i];

		cr_expect_eq(got->pid, w->pid);
		cr_expect_eq(got->ppid, w->ppid);
		expect_text(got->role, w->role);
		expect_text(got->name, w->name);
		expect_text(got->exe, w->exe);
		expect_text(got->argv, w->argv);
		expect_text(got->interpreter, w->interpreter);
		expect_text(got->version, w->version);
		expect_text(got->lock, w->lock);
		expect_text(got->build_id, w->build_id);
		expect_text(got->why_unmeasured, w->why_unmeasured);
		cr_expect_eq(got->start_ns, w->start_ns);
		cr_expect_eq(got->seen_ns, w->seen_ns);
		cr_expect_eq(got->end_ns, w->end_ns);
		cr_expect_eq(got->cpu_ns, w->cpu_ns);
	}
	cr_expect_eq(run_process_find(&run, 20), &run.processes.at[1]);
	cr_expect_null(run_process_find(&run, 21));
	run_fini(&run);
}

Test(run, threads_come_back)
{
	size_t len;
	struct run run;
	const struct run_thread *full, *bare;

	free(sample_write(sample_path("a.run"), &len));
	load(sample_path("a.run"), &run);
	cr_assert_eq(run.threads.len, 2);
	full = run_thread_find(&run, 10);
	bare = run_thread_find(&run, 20);
	cr_assert(full && bare);
	expect_text(full->name, "main");
	cr_expect(full->pid == 10 && full->seen_ns == 1 && full->end_ns == 2 && full->cpu_ns == 3);
	cr_expect(full->waits == 4 && full->wait_ns == 5 && full->wait_max_ns == 6);
	cr_expect(full->holds == 7 && full->hold_ns == 8 && full->hold_max_ns == 9);
	expect_states(&full->states, 100);
	cr_expect(bare->end_ns == RUN_UNKNOWN && bare->cpu_ns == RUN_UNKNOWN);
	cr_expect(bare->waits == RUN_UNKNOWN && bare->wait_ns == RUN_UNKNOWN &&
		  bare->wait_max_ns == RUN_UNKNOWN);
	cr_expect(bare->holds == RUN_UNKNOWN && bare->hold_ns == RUN_UNKNOWN &&
		  bare->hold_max_ns == RUN_UNKNOWN);
	cr_expect_eq(bare->states.ns[LOCK_NONE][SCHED_RUNNING], 0, "0 is a figure");
	cr_expect_eq(bare->states.ns[LOCK_HOLDING][SCHED_RUNNING], RUN_UNKNOWN);
	run_fini(&run);
}

Test(run, details_come_back)
{
	size_t len;
	struct run run;
	const struct run_stack *stack;

	free(sample_write(sample_path("a.run"), &len));
	load(sample_path("a.run"), &run);
	cr_assert_eq(run.memory.len, 2);
	cr_expect(run.memory.at[0].rss_bytes == 1 && run.memory.at[0].pss_bytes == 2 &&
		  run.memory.at[0].uss_bytes == 3 && run.memory.at[0].at_ns == 100);
	cr_expect(run.memory.at[1].pss_bytes == RUN_UNKNOWN &&
		  run.memory.at[1].uss_bytes == RUN_UNKNOWN && run.memory.at[1].pid == 10);
	cr_assert_eq(run.slices.len, 1);
	cr_expect(run.slices.at[0].tid == 10 && run.slices.at[0].at_ns == 100 &&
		  run.slices.at[0].length_ns == 50);
	expect_states(&run.slices.at[0].states, 1);
	cr_assert_eq(run.buckets.len, 1);
	expect_text(run.buckets.at[0].kind, "handoff");
	cr_expect(run.buckets.at[0].tid == 10 && run.buckets.at[0].low_ns == 64 &&
		  run.buckets.at[0].high_ns == 72 && run.buckets.at[0].count == 5);
	stack = run_stack_find(&run, 7);
	cr_assert(stack && stack->frames.len == 3);
	expect_text(stack->frames.at[0].function, "spin");
	expect_text(stack->frames.at[0].file, "app.py");
	cr_expect(stack->frames.at[0].line == 12 && !stack->frames.at[0].is_native);
	expect_text(stack->frames.at[1].file, NULL);
	cr_expect_eq(stack->frames.at[1].line, 0);
	cr_expect(stack->frames.at[2].is_native);
	expect_text(stack->frames.at[2].module, "libc.so.6");
	expect_text(stack->frames.at[2].build_id, "ef01");
	cr_expect_null(run_stack_find(&run, 8));
	run_fini(&run);
}

Test(run, keyless_tables_come_back)
{
	size_t len;
	struct run run;

	free(sample_write(sample_path("a.run"), &len));
	load(sample_path("a.run"), &run);
	cr_assert(run.blame.len == 2 && run.longest.len == 2 && run.activity.len == 2);
	cr_expect(run.blame.at[0].pid == 10 && run.blame.at[0].waiter_tid == 11 &&
		  run.blame.at[0].holder_tid == 12 && run.blame.at[0].stack == 7);
	cr_expect(run.blame.at[0].wait_ns == 100 && run.blame.at[0].waits == 2 &&
		  run.blame.at[0].max_ns == 60);
	cr_expect(run.blame.at[1].holder_tid == 0 && run.blame.at[1].stack == 0);
	expect_text(run.longest.at[0].kind, "wait");
	cr_expect(run.longest.at[0].pid == 10 && run.longest.at[0].tid == 11 &&
		  run.longest.at[0].other_tid == 12 && run.longest.at[0].start_ns == 1000);
	cr_expect(run.longest.at[0].length_ns == 50 && run.longest.at[0].cpu_ns == 1 &&
		  run.longest.at[0].is_open && run.longest.at[0].stack == 7);
	expect_text(run.longest.at[1].kind, "hold");
	cr_expect(run.longest.at[1].cpu_ns == RUN_UNKNOWN && !run.longest.at[1].is_open);
	cr_expect(run.activity.at[0].lock == LOCK_HOLDING &&
		  run.activity.at[0].sched == SCHED_BLOCKED && run.activity.at[0].stack == 7);
	cr_expect(run.activity.at[0].ns == 90 && run.activity.at[0].count == 9 &&
		  run.activity.at[0].is_sampled && run.activity.at[0].tid == 11);
	cr_expect(run.activity.at[1].lock == LOCK_NONE && !run.activity.at[1].is_sampled);
	run_fini(&run);
}

Test(run, puts_replace_the_row_of_the_same_key)
{
	struct run_file *file = sample_create(sample_path("a.run"));
	struct run_frame frame = {"later", NULL, 0, false, NULL, NULL};
	struct run_stack stack = {.id = 7, .frames = {.at = &frame, .len = 1, .cap = 1}};
	struct run run;

	for (int flush = 0; flush < 3; flush++) {
		cr_assert_eq(run_begin(file), 0);
		sample_put_totals(file);
		sample_put_details(file);
		sample_put_keyless(file);
		cr_assert_eq(run_commit(file), 0);
	}
	cr_assert_eq(run_put_stack(file, &stack), 0);
	cr_assert_eq(run_finish(file, true), 0);
	load(sample_path("a.run"), &run);
	cr_expect(run.processes.len == 2 && run.threads.len == 2 && run.memory.len == 2);
	cr_expect(run.slices.len == 1 && run.buckets.len == 1 && run.blame.len == 2);
	cr_assert_eq(run.stacks.len, 1);
	cr_assert_eq(run.stacks.at[0].frames.len, 1);
	expect_text(run.stacks.at[0].frames.at[0].function, "later");
	run_fini(&run);
}

Test(run, nothing_on_disk_before_the_first_commit)
{
	struct run_file *file = sample_create(sample_path("a.run"));

	cr_assert_eq(run_begin(file), 0);
	sample_put_totals(file);
	cr_expect_eq(sample_count_files(false), 0);
	cr_assert_eq(run_finish(file, false), 0);
	cr_expect_eq(sample_count_files(false), 0, "a refused recording leaves nothing");
	cr_expect_eq(run_finish(NULL, true), 0);
}

Test(run, what_was_committed_is_readable_while_recording)
{
	struct run_file *file = sample_create(sample_path("a.run"));
	struct run run;

	cr_assert_eq(run_begin(file), 0);
	sample_put_totals(file);
	cr_assert_eq(run_commit(file), 0);
	cr_expect_eq(sample_count_files(false), 1);
	cr_assert_eq(run_begin(file), 0);
	sample_put_keyless(file);
	load(sample_path("a.run"), &run);
	cr_expect_not(run.info.is_complete);
	cr_expect_eq(run.threads.len, 2);
	cr_expect_eq(run.blame.len, 0, "not committed yet");
	run_fini(&run);
	cr_assert_eq(run_finish(file, false), 0);
	load(sample_path("a.run"), &run);
	cr_expect_eq(run.blame.len, 0, "dropped");
	cr_expect_eq(sample_count_files(false), 1);
	run_fini(&run);
}

Test(run, mandatory_text_and_figures_are_wanted)
{
	struct run_file *file = sample_create(sample_path("a.run"));
	struct run_info info = sample_info();
	struct run_stack no_id = {.id = 0};

	info.tier = NULL;
	cr_expect_eq(run_put_info(file, &info), -EINVAL);
	info = sample_info();
	info.lost_events = RUN_UNKNOWN;
	cr_expect_eq(run_put_info(file, &info), -EINVAL);
	cr_expect_eq(run_put_stack(file, &no_id), -EINVAL);
	cr_expect_eq(run_finish(file, true), -EINVAL, "no info: nothing to complete");
	cr_expect_eq(sample_count_files(false), 0);
}

static void expect_refused(const char *path, int wanted, const char *words)
{
	struct run_file *file = NULL;
	struct err err = {0};

	cr_expect_eq(run_create(path, &file, &err), wanted);
	cr_expect_null(file);
	cr_expect(strstr(err.text, words), "'%s' does not say '%s'", err.text, words);
	cr_expect(strchr(err.text, '\n') == NULL);
}

Test(run, create_refuses_what_it_would_destroy)
{
	struct err err = {0};

	cr_assert_eq(file_save(sample_path("notes"), "precious", 8, &err), 0);
	cr_assert_eq(file_save(sample_path("empty"), "", 0, &err), 0);
	expect_refused(sample_path("notes"), -EEXIST, "is not a gilscope run");
	expect_refused(sample_path("empty"), -EEXIST, "is not a gilscope run");
	expect_refused(sample_folder, -EISDIR, "folder");
	expect_refused("/dev/null", -EEXIST, "not a regular file");
	expect_refused(sample_path("none/a.run"), -ENOENT, "No such file");
	expect_refused("", -EINVAL, "empty");
	cr_expect_eq(sample_count_files(false), 2);
}

Test(run, create_replaces_a_run_only_at_the_first_commit)
{
	struct run_file *file;
	struct run run;
	size_t len;

	free(sample_write(sample_path("a.run"), &len));
	file = sample_create(sample_path("a.run"));
	load(sample_path("a.run"), &run);
	cr_expect_eq(run.threads.len, 2, "the old run is still there");
	run_fini(&run);
	sample_put_totals(file);
	cr_assert_eq(run_commit(file), 0);
	load(sample_path("a.run"), &run);
	cr_expect(run.threads.len == 2 && run.blame.len == 0 && !run.info.is_complete);
	run_fini(&run);
	expect_refused(sample_path("a.run"), -EBUSY, "being recorded");
	cr_assert_eq(run_finish(file, true), 0);
	cr_expect_eq(sample_count_files(false), 1);
}

Test(run, a_reader_delays_a_commit_and_loses_nothing)
{
	struct run_file *file = sample_create(sample_path("a.run"));
	struct run run;
	sqlite3 *reader;

	sample_put_totals(file);
	cr_assert_eq(run_commit(file), 0);
	cr_assert_eq(sqlite3_open(sample_path("a.run"), &reader), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(reader, "BEGIN; SELECT * FROM run", NULL, NULL, NULL), SQLITE_OK);
	cr_assert_eq(run_begin(file), 0);
	sample_put_details(file);
	cr_expect_eq(run_commit(file), -EBUSY);
	cr_assert_eq(run_begin(file), 0, "the next flush goes on with it");
	sample_put_keyless(file);
	cr_assert_eq(sqlite3_close(reader), SQLITE_OK);
	cr_assert_eq(run_commit(file), 0);
	cr_assert_eq(run_finish(file, false), 0);
	load(sample_path("a.run"), &run);
	cr_expect(run.memory.len == 2 && run.blame.len == 2);
	run_fini(&run);
}

Test(run, an_image_on_a_read_only_path_is_still_readable)
{
	struct run run;
	size_t len;

	free(sample_write(sample_path("a.run"), &len));
	cr_assert(!chmod(sample_path("a.run"), 0400) && !chmod(sample_folder, 0500));
	load(sample_path("a.run"), &run);
	cr_expect_eq(run.threads.len, 2);
	run_fini(&run);
	cr_assert(!chmod(sample_folder, 0700));
}
