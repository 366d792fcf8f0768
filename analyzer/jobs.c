/* A list of units → worker processes → outlines and reasons.
 *
 * Every worker takes the next unit until none is left: a process a unit would pay for its first
 * touch of LLVM's memory every time. State and reasons lie in memory that the workers share with
 * us. Each leads a process group, so that its clang dies with it. */
#include "analyzer/jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analyzer/extract.h"
#include "analyzer/interrupt.h"
#include "runtime/base/err.h"

#define MAX_WORKERS 256
#define MAX_KEPT_BYTES (32 << 20) /* that a worker's malloc does not give back; its own limit */

/* A unit in the memory that all processes share. */
struct shared_job {
	atomic_int state; /* enum shared_state */
	atomic_int worker; /* who took it */
	struct err reason;
};

enum shared_state { SHARED_WAITING, SHARED_TAKEN, SHARED_DONE, SHARED_FAILED };

struct shared {
	atomic_size_t next; /* the first unit that nobody took */
	struct shared_job list[];
};

struct pool {
	struct jobs *jobs;
	struct shared *shared;
	size_t bytes; /* of `shared` */
	size_t workers, done;
	pid_t pids[MAX_WORKERS]; /* 0: not running */
	int report; /* a byte arrives here for every unit that is finished */
};

void jobs_fini(struct jobs *jobs)
{
	vec_fini(&jobs->list);
	arena_free(jobs->arena);
	jobs->arena = NULL;
}

static size_t worker_count(size_t wanted, size_t units)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (!wanted)
		wanted = cores > 0 ? (size_t)cores : 1;
	if (wanted > MAX_WORKERS)
		wanted = MAX_WORKERS;
	return wanted > units ? units : wanted;
}

static int add_jobs(struct jobs *jobs, const struct units *units, const char *folder)
{
	for (size_t i = 0; i < units->list.len; i++) {
		struct job job = {
			.unit = &units->list.at[i],
			.outline = arena_printf(jobs->arena, "%s/%zu.outline", folder, i),
		};

		if (!job.outline || vec_push(&jobs->list, job))
			return -ENOMEM;
	}
	return 0;
}

static void take_units(struct pool *pool, int number, int report)
{
	size_t total = pool->jobs->list.len, at;

	while ((at = atomic_fetch_add(&pool->shared->next, 1)) < total) {
		struct shared_job *shared = &pool->shared->list[at];
		const struct job *job = &pool->jobs->list.at[at];

		atomic_store(&shared->worker, number);
		atomic_store(&shared->state, SHARED_TAKEN);
		if (extract_unit(job->unit, job->outline, &shared->reason))
			atomic_store(&shared->state, SHARED_FAILED);
		else
			atomic_store(&shared->state, SHARED_DONE);
		if (write(report, "", 1) != 1)
			return; /* nobody listens any more */
	}
}

_Noreturn static void work(struct pool *pool, int number, pid_t parent, int report)
{
	interrupt_reset();
	(void)setpgid(0, 0); /* the parent does it too: whoever comes first */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* best effort: the parent kills us as a rule */
	/* Pages that one unit needed are there for the next. */
	(void)mallopt(M_TRIM_THRESHOLD, MAX_KEPT_BYTES);
	(void)mallopt(M_MMAP_THRESHOLD, MAX_KEPT_BYTES);
	if (getppid() == parent)
		take_units(pool, number, report);
	_exit(0);
}

static int start_workers(struct pool *pool)
{
	pid_t parent = getpid();
	int report[2];

	if (pipe2(report, O_CLOEXEC))
		return -errno;
	pool->report = report[0];
	for (size_t i = 0; i < pool->workers; i++) {
		pid_t pid = fork();

		if (pid == 0)
			work(pool, (int)i, parent, report[1]);
		if (pid < 0) {
			close(report[1]);
			return -errno;
		}
		(void)setpgid(pid, pid); /* fails when the child was quicker */
		pool->pids[i] = pid;
	}
	close(report[1]);
	return 0;
}

static void tell(struct pool *pool, const struct jobs_options *options)
{
	size_t total = pool->jobs->list.len, next = atomic_load(&pool->shared->next);

	pool->done++;
	if (options->progress && next)
		options->progress(pool->done, total,
			pool->jobs->list.at[next < total ? next - 1 : total - 1].unit->file,
			options->context);
}

/* Until every worker has closed its end. */
static int listen(struct pool *pool, const struct jobs_options *options)
{
	char finished[64];

	for (;;) {
		ssize_t got = read(pool->report, finished, sizeof(finished));

		if (interrupt_signal())
			return -EINTR;
		if (got == 0)
			return 0;
		if (got < 0 && errno != EINTR)
			return -errno;
		for (ssize_t i = 0; i < got; i++)
			tell(pool, options);
	}
}

/* A worker that a signal ended takes its unit along, and only that. */
static void note_death(struct pool *pool, int number, int status)
{
	for (size_t i = 0; i < pool->jobs->list.len; i++) {
		struct shared_job *shared = &pool->shared->list[i];

		if (atomic_load(&shared->state) != SHARED_TAKEN ||
			atomic_load(&shared->worker) != number)
			continue;
		atomic_store(&shared->state, SHARED_FAILED);
		pool->done++;
		if (WIFSIGNALED(status))
			err_set(&shared->reason, "the reader was killed by signal %d (%s)",
				WTERMSIG(status), strsignal(WTERMSIG(status)));
		else
			err_set(&shared->reason, "the reader ended with exit code %d",
				WEXITSTATUS(status));
	}
}

static void reap(struct pool *pool, bool is_killed)
{
	for (size_t i = 0; i < pool->workers; i++) {
		int status = 0;

		if (!pool->pids[i])
			continue;
		if (is_killed)
			(void)kill(-pool->pids[i], SIGKILL); /* may be gone already */
		while (waitpid(pool->pids[i], &status, 0) < 0 && errno == EINTR)
			;
		pool->pids[i] = 0;
		note_death(pool, (int)i, status);
	}
	if (pool->report >= 0)
		close(pool->report);
	pool->report = -1;
}

/* One round is enough unless every worker died on the way. */
static int run_all(struct pool *pool, const struct jobs_options *options)
{
	size_t before, next = 0;

	while (next < pool->jobs->list.len) {
		int rc = start_workers(pool);

		if (!rc)
			rc = listen(pool, options);
		reap(pool, rc != 0);
		if (rc)
			return rc;
		before = next;
		next = atomic_load(&pool->shared->next);
		if (next == before)
			return -EIO; /* they die before they begin */
	}
	return 0;
}

static int note_ends(struct pool *pool)
{
	for (size_t i = 0; i < pool->jobs->list.len; i++) {
		struct shared_job *shared = &pool->shared->list[i];
		struct job *job = &pool->jobs->list.at[i];

		job->state = atomic_load(&shared->state) == SHARED_DONE ? JOB_DONE : JOB_FAILED;
		if (job->state == JOB_FAILED)
			job->why = arena_strndup(pool->jobs->arena, shared->reason.text,
				strnlen(shared->reason.text, sizeof(shared->reason.text)));
		if (job->state == JOB_FAILED && !job->why)
			return -ENOMEM;
	}
	return 0;
}

static int map_shared(struct pool *pool)
{
	void *at;

	pool->bytes = sizeof(struct shared) + pool->jobs->list.len * sizeof(struct shared_job);
	at = mmap(NULL, pool->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return -errno;
	pool->shared = at;
	return 0;
}

int jobs_run(const struct units *units, const struct jobs_options *options, struct jobs *ret_jobs,
	struct err *err)
{
	struct jobs jobs = {.arena = arena_new()};
	struct pool pool = {
		.jobs = &jobs,
		.workers = worker_count(options->workers, units->list.len),
		.report = -1,
	};
	int rc = jobs.arena ? add_jobs(&jobs, units, options->folder) : -ENOMEM;

	if (!rc)
		rc = map_shared(&pool);
	if (!rc)
		rc = run_all(&pool, options);
	if (!rc)
		rc = note_ends(&pool);
	if (pool.shared)
		munmap(pool.shared, pool.bytes);
	if (rc) {
		jobs_fini(&jobs);
		return err_ret(err, rc, "cannot extract: %s", strerror(-rc));
	}
	*ret_jobs = jobs;
	return 0;
}
