/* One synthetic run for each kind of verdict, in both tiers where they differ, and runs on both
 * sides of the lines that verdict.def draws. */

#include "tests/unit/report/run_build.h"

#define APP "/srv/app/app.py"
#define THREADING "/usr/lib/python3.11/threading.py"

static struct run run;
static struct report report;

static void judge_run(enum verdict_kind kind)
{
	build_report(&report, &run);
	cr_expect_str_eq(verdict_kind_name(report.verdict.kind), verdict_kind_name(kind), "%s",
		report.verdict.text);
}

static void expect_says(const char *words)
{
	cr_expect(strstr(report.verdict.text, words), "\"%s\" is not in \"%s\"", words,
		report.verdict.text);
}

static void tear_down(void)
{
	report_fini(&report);
	run_fini(&run);
}

TestSuite(verdict, .fini = tear_down);

/* Four threads that share one core in `spin`. */
static void build_pure(const char *tier, int cores)
{
	int64_t spin, other;

	build_run(&run, tier, cores);
	build_process(&run, 10);
	spin = build_stack(
		&run, "spin", APP, 12, "work", APP, 30, "Thread.run", THREADING, 975, NULL);
	other = build_stack(&run, "parse", APP, 50, "work", APP, 31, NULL);
	for (int tid = 11; tid < 15; tid++) {
		build_thread(&run, 10, tid, 2480, 7400, 500);
		build_blame(&run, 10, tid, tid == 11 ? 12 : 11, spin, 4514);
		build_blame(&run, 10, tid, tid == 11 ? 12 : 11, other, 2886);
	}
}

Test(verdict, lock_bound_contention)
{
	build_pure("contention", 2);
	for (int tid = 11; tid < 15; tid++)
		build_activity(
			&run, 10, (struct spent){tid, LOCK_HOLDING, SCHED_RUNNING, 1, 2450, 245});
	judge_run(VERDICT_LOCK_BOUND);
	expect_says("4 threads, 0.99 cores used");
	expect_says("held 98 % of the time (sampled)");
	expect_says("61 % of that waiting is for `spin` at app/app.py:12");
	cr_expect_float_eq(evidence_of(&report, "wait_share"), 0.74, 0.001);
}

Test(verdict, lock_bound_without_samples_leaves_holding_unknown)
{
	build_pure("contention", 2);
	judge_run(VERDICT_LOCK_BOUND);
	cr_expect_eq(evidence_of(&report, "held_share"), RUN_UNKNOWN);
	cr_expect_null(strstr(report.verdict.text, "held"));
	expect_says("threads wait for the lock 74 % of their time");
}

Test(verdict, lock_bound_exact)
{
	build_pure("exact", 2);
	vec_each (thread, &run.threads) {
		build_states(thread, LOCK_NONE, 10, 0, 10);
		build_states(thread, LOCK_HOLDING, 2460, 20, 0);
		build_holds(thread, 500, 2480);
	}
	judge_run(VERDICT_LOCK_BOUND);
	expect_says("held 99 % of the time, and");
	cr_expect_float_eq(evidence_of(&report, "wait_for_running_share"), 2460. / 2480, 0.001);
}

Test(verdict, line_is_unknown_without_stacks)
{
	build_pure("contention", 2);
	run.blame.len = 0;
	judge_run(VERDICT_LOCK_BOUND);
	expect_says("Which line holds it is not known");
}

Test(verdict, sixteen_equal_threads_are_no_convoy)
{
	build_run(&run, "contention", 8);
	build_process(&run, 10);
	for (int tid = 11; tid < 27; tid++)
		build_thread(&run, 10, tid, 620, 9300, 125);
	judge_run(VERDICT_LOCK_BOUND);
}

/* One thread keeps the lock while it sleeps in an extension; two wait for it. */
static void build_sleeper(int running_ms, int blocked_ms, bool with_activity)
{
	int64_t stack;

	build_run(&run, "contention", 2);
	build_process(&run, 10);
	stack = build_stack(
		&run, "query", "/usr/lib/python3/dist-packages/db.py", 80, "load", APP, 77, NULL);
	build_thread(&run, 10, 11, running_ms, 100, 10);
	build_thread(&run, 10, 12, 300, 6000, 60);
	build_thread(&run, 10, 13, 300, 6000, 60);
	for (int tid = 12; tid < 14; tid++)
		build_blame(&run, 10, tid, 11, stack, 6000);
	if (!with_activity)
		return;
	build_activity(
		&run, 10, (struct spent){11, LOCK_HOLDING, SCHED_BLOCKED, stack, blocked_ms, 60});
	if (running_ms)
		build_activity(&run, 10,
			(struct spent){11, LOCK_HOLDING, SCHED_RUNNING, stack, running_ms,
				running_ms / 10});
}

Test(verdict, blocked_while_holding_contention)
{
	build_sleeper(200, 7000, true);
	judge_run(VERDICT_BLOCKED_WHILE_HOLDING);
	expect_says("97 % of the waiting is for a holder that is itself blocked");
	expect_says("`load` at app/app.py:77 (inside it `query` at dist-packages/db.py:80)");
}

Test(verdict, blocked_while_holding_exact)
{
	build_sleeper(200, 7000, false);
	run.info.tier = "exact";
	vec_each (thread, &run.threads) {
		build_states(thread, LOCK_NONE, 0, 0, 2000);
		build_states(thread, LOCK_HOLDING, 200, 0, thread->tid == 11 ? 7000 : 0);
		build_holds(thread, 60, thread->tid == 11 ? 7200 : 200);
	}
	judge_run(VERDICT_BLOCKED_WHILE_HOLDING);
}

Test(verdict, blocked_while_holding_is_inferred_from_an_idle_processor)
{
	build_sleeper(100, 0, false);
	judge_run(VERDICT_BLOCKED_WHILE_HOLDING);
	expect_says("goes with an idle processor");
}

Test(verdict, holder_that_mostly_computes)
{
	build_sleeper(3700, 3600, true);
	judge_run(VERDICT_LOCK_BOUND);
	expect_says("longer than Python code may keep the lock");
	tear_down();
	build_sleeper(3700, 3600, true);
	vec_each (thread, &run.threads)
		thread->waits = 1000;
	judge_run(VERDICT_CONVOY);
}

Test(verdict, holder_that_mostly_blocks)
{
	build_sleeper(3600, 3700, true);
	judge_run(VERDICT_BLOCKED_WHILE_HOLDING);
}

/* The same thread computes at one line and blocks at another: the line that is blamed counts. */
Test(verdict, cause_is_of_the_blamed_line)
{
	int64_t compute;

	build_sleeper(0, 3000, true);
	compute = build_stack(&run, "compute", APP, 5, NULL);
	build_activity(
		&run, 10, (struct spent){11, LOCK_HOLDING, SCHED_RUNNING, compute, 6000, 600});
	judge_run(VERDICT_BLOCKED_WHILE_HOLDING);
}

/* One thread computes; four answer requests of microseconds and queue 5 ms each time. */
static void build_convoy(int heavy_cpu_ms, int light_cpu_ms)
{
	int64_t stack;

	build_run(&run, "contention", 2);
	build_process(&run, 10);
	stack = build_stack(&run, "rebuild_index", APP, 20, NULL);
	build_thread(&run, 10, 11, heavy_cpu_ms, 300, 60)->name = "indexer";
	for (int tid = 20; tid < 24; tid++) {
		build_thread(&run, 10, tid, light_cpu_ms, 8000, 1600);
		build_blame(&run, 10, tid, 11, stack, 8000);
	}
}

Test(verdict, convoy)
{
	build_convoy(9500, 60);
	judge_run(VERDICT_CONVOY);
	expect_says("takes 5");
	expect_says("`indexer` makes 98 % of the CPU");
	expect_says("`rebuild_index` at app/app.py:20");
}

Test(verdict, threads_that_compute_as_they_wait_are_no_convoy)
{
	build_convoy(3000, 1700);
	judge_run(VERDICT_LOCK_BOUND);
}

/* The typical wait counts, not the mean that a few long ones make. */
Test(verdict, convoy_with_a_few_long_waits)
{
	struct run_bucket buckets[] = {{20, "wait", 5000000, 5500000, 1500},
		{20, "wait", 30000000, 32000000, 400}, {99, "wait", 90000000, 95000000, 9000}};

	build_convoy(9500, 60);
	vec_each (thread, &run.threads)
		thread->waits = 400;
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(vec_push(&run.buckets, buckets[i]), 0);
	judge_run(VERDICT_CONVOY);
	tear_down();
	build_convoy(9500, 60);
	run.threads.at[1].wait_max_ns = 32 * MS;
	buckets[1].count = 1600;
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(vec_push(&run.buckets, buckets[i]), 0);
	judge_run(VERDICT_LOCK_BOUND);
	expect_says("release the lock in the native code");
}

Test(verdict, overlapping)
{
	int64_t stack;

	build_run(&run, "contention", 2);
	build_process(&run, 10);
	stack = build_stack(&run, "ask", APP, 44, NULL);
	for (int tid = 11; tid < 19; tid++) {
		build_thread(&run, 10, tid, 30, 8, 20);
		build_activity(
			&run, 10, (struct spent){tid, LOCK_NONE, SCHED_BLOCKED, stack, 9900, 500});
	}
	judge_run(VERDICT_OVERLAPPING);
	expect_says("8 threads, 0.02 cores used");
	expect_says("`ask` at app/app.py:44");
}

/* Two seconds a query and hardly any CPU are still at work; one poll a second each is not. */
Test(verdict, slow_queries_overlap)
{
	build_run(&run, "contention", 2);
	build_process(&run, 10);
	for (int tid = 11; tid < 15; tid++) {
		build_thread(&run, 10, tid, 6, 0, 0);
		build_activity(&run, 10, (struct spent){tid, LOCK_NONE, SCHED_BLOCKED, 0, 9990, 5});
	}
	judge_run(VERDICT_OVERLAPPING);
}

Test(verdict, idle_server)
{
	build_run(&run, "contention", 2);
	build_process(&run, 10);
	for (int tid = 11; tid < 13; tid++) {
		build_thread(&run, 10, tid, 2, 0, 0);
		build_activity(
			&run, 10, (struct spent){tid, LOCK_NONE, SCHED_BLOCKED, 0, 9990, 20});
	}
	judge_run(VERDICT_IDLE);
}

Test(verdict, sleeping_single_thread_is_idle)
{
	build_run(&run, "contention", 2);
	build_process(&run, 10);
	build_thread(&run, 10, 10, 480, 0, 0);
	judge_run(VERDICT_IDLE);
}

Test(verdict, single_thread_just_above_idle)
{
	build_run(&run, "contention", 2);
	build_process(&run, 10);
	build_thread(&run, 10, 10, 520, 0, 0);
	judge_run(VERDICT_SINGLE_THREAD);
}

static void build_numpy(int cpu_ms, int wait_ms, bool with_activity)
{
	int64_t stack;

	build_run(&run, "contention", 2);
	build_process(&run, 10);
	stack = build_stack(&run, "multiply", APP, 27, NULL);
	for (int tid = 11; tid < 15; tid++) {
		build_thread(&run, 10, tid, cpu_ms, wait_ms, 100);
		if (with_activity)
			build_activity(&run, 10,
				(struct spent){tid, LOCK_NONE, SCHED_RUNNING, stack,
					cpu_ms * 9 / 10, cpu_ms / 10});
		if (with_activity)
			build_activity(&run, 10,
				(struct spent){tid, LOCK_HOLDING, SCHED_RUNNING, stack, cpu_ms / 10,
					cpu_ms / 100});
	}
}

Test(verdict, parallel_native)
{
	build_numpy(4800, 50, true);
	judge_run(VERDICT_PARALLEL_NATIVE);
	expect_says("1.92 of 2 cores used");
	expect_says("90 % of the running time");
	expect_says("the cores are the limit");
	expect_says("`multiply` at app/app.py:27");
}

Test(verdict, parallel_native_without_samples)
{
	build_numpy(4800, 50, false);
	judge_run(VERDICT_PARALLEL_NATIVE);
	cr_expect_eq(evidence_of(&report, "outside_lock_running_share"), RUN_UNKNOWN);
}

Test(verdict, parallel_on_both_sides_of_its_line)
{
	build_numpy(3300, 0, true);
	judge_run(VERDICT_PARALLEL_NATIVE);
	tear_down();
	build_numpy(3200, 0, true);
	judge_run(VERDICT_OVERLAPPING);
}

/* Many small native calls: some parallelism, but the threads wait most of the time. */
Test(verdict, small_native_calls_are_lock_bound)
{
	build_numpy(3400, 6000, true);
	run.info.cores = 4;
	judge_run(VERDICT_LOCK_BOUND);
	tear_down();
	build_numpy(3400, 3000, true);
	run.info.cores = 4;
	judge_run(VERDICT_PARALLEL_NATIVE);
}

Test(verdict, single_thread)
{
	int64_t stack;

	build_run(&run, "contention", 2);
	build_process(&run, 10);
	stack = build_stack(&run, "spin", APP, 12, NULL);
	build_thread(&run, 10, 10, 9900, 0, 0)->name = "main";
	build_thread(&run, 10, 11, 5, 0, 0);
	build_activity(&run, 10, (struct spent){10, LOCK_HOLDING, SCHED_RUNNING, stack, 9800, 980});
	judge_run(VERDICT_SINGLE_THREAD);
	expect_says("`main`, makes 100 % of the CPU (0.99 cores used)");
	expect_says("`spin` at app/app.py:12");
}

static void build_async(int loop_ms, int other_ms)
{
	int64_t loop, other;

	build_run(&run, "contention", 2);
	build_process(&run, 10);
	loop = build_stack(&run, "summarise", APP, 20, "summarise_often", APP, 40, "Handle._run",
		"/usr/lib/python3.11/asyncio/events.py", 80, "_run_once",
		"/usr/lib/python3.11/asyncio/base_events.py", 1920, NULL);
	other = build_stack(&run, "setup", APP, 3, NULL);
	build_thread(&run, 10, 10, loop_ms + other_ms, 0, 0);
	build_activity(&run, 10,
		(struct spent){10, LOCK_HOLDING, SCHED_RUNNING, loop, loop_ms, loop_ms / 10});
	build_activity(&run, 10,
		(struct spent){10, LOCK_HOLDING, SCHED_RUNNING, other, other_ms, other_ms / 10});
}

Test(verdict, async_loop)
{
	build_async(6000, 100);
	judge_run(VERDICT_ASYNC);
	expect_says("`summarise` at app/app.py:20");
}

Test(verdict, loop_that_ran_for_a_moment_is_not_async)
{
	build_async(2900, 3000);
	judge_run(VERDICT_SINGLE_THREAD);
	tear_down();
	build_async(3000, 2900);
	judge_run(VERDICT_ASYNC);
}

static void build_pool(int workers, int cpu_ms)
{
	build_run(&run, "contention", 2);
	build_process(&run, 10);
	build_thread(&run, 10, 10, 50, 0, 0);
	for (int pid = 20; pid < 20 + workers; pid++) {
		build_process(&run, pid)->role = "forked";
		build_thread(&run, pid, pid, cpu_ms, 0, 0);
	}
}

Test(verdict, multi_process)
{
	build_pool(4, 4900);
	judge_run(VERDICT_MULTI_PROCESS);
	expect_says("4 busy processes");
	expect_says("1.97 of 2 cores used");
}

Test(verdict, large_pool_is_multi_process)
{
	build_pool(60, 1100);
	run.info.cores = 8;
	judge_run(VERDICT_MULTI_PROCESS);
	expect_says("60 busy processes");
}

Test(verdict, one_worker_is_the_program)
{
	build_pool(1, 9000);
	judge_run(VERDICT_SINGLE_THREAD);
	expect_says("process 20 (python3)");
}

/* A contended process among quiet ones is what the verdict is about, if it weighs enough. */
Test(verdict, contended_process_among_others)
{
	build_pool(2, 5000);
	build_process(&run, 40);
	build_thread(&run, 40, 41, 4000, 5500, 500);
	build_thread(&run, 40, 42, 4000, 5500, 500);
	judge_run(VERDICT_LOCK_BOUND);
	expect_says("process 40 (python3): 2 threads");
}

Test(verdict, small_contended_process_is_not_the_program)
{
	build_pool(2, 9900);
	build_process(&run, 40);
	build_thread(&run, 40, 41, 500, 1000, 500);
	build_thread(&run, 40, 42, 500, 1000, 500);
	judge_run(VERDICT_MULTI_PROCESS);
}

Test(verdict, cpu_limited_by_quota)
{
	build_numpy(1230, 20, true);
	run.info.cpu_quota = 0.5;
	for (int i = 0; i < 4; i++)
		run.threads.at[i].cpu_ns = 123 * MS * 10;
	vec_each (thread, &run.threads) {
		build_states(thread, LOCK_NONE, 1100, 8000, 500);
		build_states(thread, LOCK_HOLDING, 130, 0, 0);
	}
	judge_run(VERDICT_CPU_LIMITED);
	expect_says("the limit of 0.50 cores (cgroup) is used up");
}

Test(verdict, cpu_limited_on_one_core)
{
	build_numpy(2450, 20, true);
	run.info.cores = 1;
	vec_each (thread, &run.threads)
		build_states(thread, LOCK_NONE, 2300, 7000, 200);
	judge_run(VERDICT_CPU_LIMITED);
	expect_says("all of the 1 cores are in use");
}

Test(verdict, cpu_limited_by_neighbours)
{
	build_run(&run, "contention", 2);
	build_process(&run, 10);
	build_states(build_thread(&run, 10, 10, 4900, 0, 0), LOCK_HOLDING, 4900, 5000, 0);
	judge_run(VERDICT_CPU_LIMITED);
	expect_says("other programs");
	tear_down();
	build_run(&run, "contention", 2);
	build_process(&run, 10);
	build_states(build_thread(&run, 10, 10, 5100, 0, 0), LOCK_HOLDING, 5100, 4800, 0);
	judge_run(VERDICT_SINGLE_THREAD);
	expect_says("The machine is busy");
}

Test(verdict, short_delays_of_many_threads_are_no_limit)
{
	build_run(&run, "contention", 2);
	build_process(&run, 10);
	for (int tid = 11; tid < 19; tid++) {
		build_states(build_thread(&run, 10, tid, 80, 8, 20), LOCK_NONE, 80, 600, 9300);
		build_activity(
			&run, 10, (struct spent){tid, LOCK_NONE, SCHED_BLOCKED, 0, 9300, 500});
	}
	judge_run(VERDICT_OVERLAPPING);
}

Test(verdict, parallel_on_a_busy_machine)
{
	build_numpy(1100, 20, true);
	vec_each (thread, &run.threads) {
		build_states(thread, LOCK_NONE, 1000, 8000, 200);
		build_states(thread, LOCK_HOLDING, 100, 100, 0);
	}
	judge_run(VERDICT_PARALLEL_NATIVE);
	expect_says("The machine is busy: on average 3.2 more threads were ready to run");
}

/* The pool of an asyncio program forks its workers out of the loop: they are not on it. */
Test(verdict, worker_that_was_forked_from_a_loop)
{
	int64_t stack;

	build_run(&run, "contention", 2);
	build_process(&run, 10);
	stack = build_stack(&run, "summarise", APP, 20, "BaseProcess._bootstrap",
		"/usr/lib/python3.11/multiprocessing/process.py", 314, "Popen._launch",
		"/usr/lib/python3.11/multiprocessing/popen_fork.py", 71, "BaseEventLoop._run_once",
		"/usr/lib/python3.11/asyncio/base_events.py", 1920, NULL);
	build_thread(&run, 10, 10, 6000, 0, 0);
	build_activity(&run, 10, (struct spent){10, LOCK_HOLDING, SCHED_RUNNING, stack, 6000, 600});
	judge_run(VERDICT_SINGLE_THREAD);
	tear_down();
	build_run(&run, "contention", 2);
	build_process(&run, 10);
	stack = build_stack(&run, "summarise", APP, 20, "BaseEventLoop._run_once",
		"/usr/lib/python3.11/asyncio/base_events.py", 1920, "Popen._launch",
		"/usr/lib/python3.11/multiprocessing/popen_fork.py", 71, NULL);
	build_thread(&run, 10, 10, 6000, 0, 0);
	build_activity(&run, 10, (struct spent){10, LOCK_HOLDING, SCHED_RUNNING, stack, 6000, 600});
	judge_run(VERDICT_ASYNC);
}

Test(verdict, preempted_holder)
{
	build_pure("exact", 2);
	vec_each (thread, &run.threads) {
		thread->cpu_ns = 400 * MS;
		build_states(thread, LOCK_HOLDING, 400, 2000, 0);
	}
	judge_run(VERDICT_CPU_LIMITED);
	tear_down();
	build_pure("exact", 2);
	vec_each (thread, &run.threads) {
		thread->cpu_ns = 1000 * MS;
		build_states(thread, LOCK_HOLDING, 1000, 1480, 0);
	}
	judge_run(VERDICT_LOCK_BOUND);
	expect_says("The machine is busy: 60 %");
}

Test(verdict, lock_bound_under_a_quota_of_more_than_a_core)
{
	build_pure("contention", 4);
	run.info.cpu_quota = 1.0;
	judge_run(VERDICT_LOCK_BOUND);
	tear_down();
	build_pure("contention", 4);
	run.info.cpu_quota = 0.5;
	vec_each (thread, &run.threads)
		thread->cpu_ns = 1240 * MS;
	judge_run(VERDICT_CPU_LIMITED);
}

Test(verdict, free_threaded)
{
	struct run_process *process;

	build_run(&run, "contention", 4);
	process = build_process(&run, 10);
	process->lock = "off";
	process->version = "3.13.1t";
	for (int tid = 11; tid < 15; tid++)
		build_thread(&run, 10, tid, 9000, 0, 0);
	judge_run(VERDICT_FREE_THREADED);
	expect_says("CPython 3.13.1t runs with its lock off");
}

Test(verdict, unmeasured_lock_is_said)
{
	build_run(&run, "contention", 2);
	build_process(&run, 10)->why_unmeasured = "no row for CPython 3.7";
	vec_each (thread, &run.threads)
		thread->wait_ns = RUN_UNKNOWN;
	build_thread(&run, 10, 10, 9900, RUN_UNKNOWN, 0)->wait_ns = RUN_UNKNOWN;
	judge_run(VERDICT_SINGLE_THREAD);
	expect_says("Its lock was not measured: no row for CPython 3.7");
	expect_says("waiting for the lock is not known");
	cr_expect_eq(evidence_of(&report, "wait_share"), RUN_UNKNOWN);
}

Test(verdict, a_little_waiting_is_not_contention)
{
	build_run(&run, "contention", 2);
	build_process(&run, 10);
	build_thread(&run, 10, 11, 700, 240, 50);
	build_thread(&run, 10, 12, 700, 240, 50);
	judge_run(VERDICT_OVERLAPPING);
	tear_down();
	build_run(&run, "contention", 2);
	build_process(&run, 10);
	build_thread(&run, 10, 11, 700, 260, 50);
	build_thread(&run, 10, 12, 700, 260, 50);
	judge_run(VERDICT_LOCK_BOUND);
}

Test(verdict, nothing_was_recorded)
{
	build_run(&run, "contention", 2);
	judge_run(VERDICT_IDLE);
	expect_says("nothing was measured: the run has no process");
	tear_down();
	build_run(&run, "contention", 2);
	run.info.end_ns = run.info.start_ns;
	build_process(&run, 10);
	build_thread(&run, 10, 10, 0, 0, 0);
	judge_run(VERDICT_IDLE);
	expect_says("no duration");
}

Test(verdict, threads_of_a_pid_that_is_no_row)
{
	build_run(&run, "contention", 2);
	build_process(&run, 10);
	build_thread(&run, 99, 99, 9000, 0, 0);
	build_thread(&run, 5, 100, 10, 0, 0);
	run.threads.at[0].pid = 99;
	judge_run(VERDICT_SINGLE_THREAD);
	expect_says("process 99 (?)");
}
