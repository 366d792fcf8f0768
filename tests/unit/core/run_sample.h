/* A run with every table and every field in use, and a folder to keep it in. */
#ifndef GILSCOPE_TESTS_RUN_SAMPLE_H
#define GILSCOPE_TESTS_RUN_SAMPLE_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/err.h"
#include "runtime/base/file.h"
#include "runtime/core/run.h"

#define SAMPLE_PATH_BYTES 400

static char sample_folder[120];

static inline void sample_make_folder(void)
{
	(void)snprintf(sample_folder, sizeof(sample_folder), "%s/gilscope-test.XXXXXX",
		getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	cr_assert(mkdtemp(sample_folder));
}

static inline const char *sample_path(const char *name)
{
	static char path[4][SAMPLE_PATH_BYTES];
	static unsigned int next;
	char *at = path[next++ % 4];

	(void)snprintf(at, SAMPLE_PATH_BYTES, "%s/%s", sample_folder, name);
	return at;
}

/* Entries of the folder; removes them when asked to. */
static inline int sample_count_files(bool remove_them)
{
	DIR *dir = opendir(sample_folder);
	struct dirent *entry;
	int count = 0;

	cr_assert(dir);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		count++;
		if (remove_them && unlink(sample_path(entry->d_name)))
			(void)rmdir(sample_path(entry->d_name));
	}
	closedir(dir);
	return count;
}

static inline void sample_remove_folder(void)
{
	(void)sample_count_files(true);
	cr_assert(!rmdir(sample_folder));
}

static inline struct run_info sample_info(void)
{
	return (struct run_info){.tool_version = "0.1.0",
		.started = "2026-01-31T12:00:00Z",
		.tier = "exact",
		.kernel = "6.18.5",
		.command = "app.py",
		.start_ns = 1000,
		.end_ns = 9000,
		.cores = 2,
		.cpu_quota = 1.5,
		.lost_events = 3,
		.lost_stacks = 4,
		.probe_hits = 5,
		.probe_ns = 6,
		.overhead_share = 0.25,
		.recorder_cpu_ns = 7,
		.hold_correction_ns = 8,
		.wait_correction_ns = 9,
		.sample_period_ns = 10};
}

static inline struct state_times sample_states(int64_t first)
{
	struct state_times states;

	for (int lock = 0; lock < LOCK_STATES; lock++)
		for (int sched = 0; sched < SCHED_STATES; sched++)
			states.ns[lock][sched] = first++;
	return states;
}

static const struct run_process sample_processes[] = {
	{.pid = 10,
		.ppid = 1,
		.role = "main",
		.name = "app",
		.exe = "/usr/bin/python3.11",
		.argv = "python3 app.py",
		.interpreter = "CPython",
		.version = "3.11.2",
		.lock = "on",
		.build_id = "abcd",
		.why_unmeasured = "…",
		.start_ns = 11,
		.seen_ns = 12,
		.end_ns = 13,
		.cpu_ns = 14},
	{.pid = 20,
		.ppid = 10,
		.role = "forked",
		.name = "sh",
		.exe = "/bin/sh",
		.start_ns = 21,
		.seen_ns = 22,
		.end_ns = RUN_UNKNOWN,
		.cpu_ns = RUN_UNKNOWN},
};

static inline void sample_put_totals(struct run_file *file)
{
	struct run_thread full = {.tid = 10,
		.pid = 10,
		.name = "main",
		.seen_ns = 1,
		.end_ns = 2,
		.cpu_ns = 3,
		.waits = 4,
		.wait_ns = 5,
		.wait_max_ns = 6,
		.holds = 7,
		.hold_ns = 8,
		.hold_max_ns = 9,
		.states = sample_states(100)};
	struct run_thread bare = {.tid = 20,
		.pid = 20,
		.name = "sh",
		.seen_ns = 1,
		.end_ns = RUN_UNKNOWN,
		.cpu_ns = RUN_UNKNOWN,
		.waits = RUN_UNKNOWN,
		.wait_ns = RUN_UNKNOWN,
		.wait_max_ns = RUN_UNKNOWN,
		.holds = RUN_UNKNOWN,
		.hold_ns = RUN_UNKNOWN,
		.hold_max_ns = RUN_UNKNOWN,
		.states = sample_states(0)};
	struct run_info info = sample_info();

	for (int sched = 0; sched < SCHED_STATES; sched++)
		bare.states.ns[LOCK_HOLDING][sched] = RUN_UNKNOWN;
	cr_assert_eq(run_put_info(file, &info), 0);
	for (size_t i = 0; i < 2; i++)
		cr_assert_eq(run_put_process(file, &sample_processes[i]), 0);
	cr_assert_eq(run_put_thread(file, &full), 0);
	cr_assert_eq(run_put_thread(file, &bare), 0);
}

static inline void sample_put_details(struct run_file *file)
{
	struct run_memory memory[] = {{10, 100, 1, 2, 3}, {10, 200, 4, RUN_UNKNOWN, RUN_UNKNOWN}};
	struct run_slice slice = {10, 100, 50, sample_states(1)};
	struct run_bucket bucket = {10, "handoff", 64, 72, 5};
	struct run_frame frames[] = {
		{"spin", "app.py", 12, false, NULL, NULL},
		{"run", NULL, 0, false, NULL, NULL},
		{"poll", "poll.c", 30, true, "libc.so.6", "ef01"},
	};
	struct run_stack stack = {.id = 7, .frames = {.at = frames, .len = 3, .cap = 3}};

	cr_assert_eq(run_put_memory(file, &memory[0]), 0);
	cr_assert_eq(run_put_memory(file, &memory[1]), 0);
	cr_assert_eq(run_put_slice(file, &slice), 0);
	cr_assert_eq(run_put_bucket(file, &bucket), 0);
	cr_assert_eq(run_put_stack(file, &stack), 0);
}

static inline void sample_put_keyless(struct run_file *file)
{
	struct run_blame blame[] = {{10, 11, 12, 7, 100, 2, 60}, {10, 11, 0, 0, 1, 1, 1}};
	struct run_longest longest[] = {{"wait", 10, 11, 12, 1000, 50, 1, true, 7},
		{"hold", 10, 12, 0, 1000, 50, RUN_UNKNOWN, false, 0}};
	struct run_activity activity[] = {{10, 11, LOCK_HOLDING, SCHED_BLOCKED, 7, 90, 9, true},
		{10, 11, LOCK_NONE, SCHED_RUNNING, 0, 80, 8, false}};

	cr_assert_eq(run_clear_tables(file), 0);
	for (size_t i = 0; i < 2; i++) {
		cr_assert_eq(run_put_blame(file, &blame[i]), 0);
		cr_assert_eq(run_put_longest(file, &longest[i]), 0);
		cr_assert_eq(run_put_activity(file, &activity[i]), 0);
	}
}

static inline struct run_file *sample_create(const char *path)
{
	struct run_file *file = NULL;
	struct err err = {0};

	cr_assert_eq(run_create(path, &file, &err), 0, "%s", err.text);
	return file;
}

/* Writes the whole sample and returns its bytes. owned by the caller */
static inline char *sample_write(const char *path, size_t *ret_len)
{
	struct run_file *file = sample_create(path);
	struct err err = {0};
	char *bytes;

	cr_assert_eq(run_begin(file), 0);
	sample_put_totals(file);
	sample_put_details(file);
	sample_put_keyless(file);
	cr_assert_eq(run_finish(file, true), 0);
	cr_assert_eq(file_load(path, 1 << 24, &bytes, ret_len, &err), 0, "%s", err.text);
	return bytes;
}

#endif
