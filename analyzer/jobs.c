/* A list of units → worker processes → outlines and reasons. The workers write their reasons into
 * memory that they share with us; each leads a process group, so that its clang dies with it. */
#include "analyzer/jobs.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analyzer/extract.h"
#include "analyzer/interrupt.h"
#include "runtime/base/err.h"

#define MAX_WORKERS 256

struct slot {
	pid_t pid; /* 0: free */
	size_t job;
};

struct pool {
	struct jobs *jobs;
	struct slot slots[MAX_WORKERS];
	struct err *reasons; /* one a slot, shared with the workers */
	size_t workers, busy;
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

_Noreturn static void work(const struct job *job, pid_t parent, struct err *reason)
{
	interrupt_reset();
	(void)setpgid(0, 0); /* the parent does it too: whoever comes first */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* best effort: the parent kills us as a rule */
	if (getppid() != parent)
		_exit(2);
	_exit(extract_unit(job->unit, job->outline, reason) ? 1 : 0);
}

static int start(struct pool *pool, size_t number)
{
	pid_t parent = getpid(), pid;
	size_t at = 0;

	while (pool->slots[at].pid)
		at++;
	pool->reasons[at].text[0] = '\0';
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		work(&pool->jobs->list.at[number], parent, &pool->reasons[at]);
	(void)setpgid(pid, pid); /* fails when the child was quicker */
	pool->slots[at] = (struct slot){pid, number};
	pool->busy++;
	return 0;
}

static int note_end(struct pool *pool, size_t at, int status)
{
	struct job *job = &pool->jobs->list.at[pool->slots[at].job];
	const struct err *reason = &pool->reasons[at];
	const char *why = NULL;

	pool->slots[at].pid = 0;
	pool->busy--;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		job->state = JOB_DONE;
	else if (WIFSIGNALED(status))
		why = arena_printf(pool->jobs->arena, "the reader was killed by signal %d (%s)",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		why = arena_strndup(pool->jobs->arena, reason->text,
			strnlen(reason->text, sizeof(reason->text)));
	job->why = why;
	return job->state == JOB_DONE || why ? 0 : -ENOMEM;
}

/* Waits for one worker; its slot in `ret_at`. */
static int wait_one(struct pool *pool, size_t *ret_at, int *ret_status)
{
	for (;;) {
		pid_t pid = waitpid(-1, ret_status, 0);

		if (interrupt_signal())
			return -EINTR;
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			return -errno;
		for (size_t at = 0; at < pool->workers; at++)
			if (pool->slots[at].pid == pid) {
				*ret_at = at;
				return 0;
			}
	}
}

static void kill_all(struct pool *pool)
{
	for (size_t at = 0; at < pool->workers; at++)
		if (pool->slots[at].pid) {
			(void)kill(-pool->slots[at].pid, SIGKILL); /* may be gone already */
			(void)waitpid(pool->slots[at].pid, NULL, 0);
		}
}

static int run_all(struct pool *pool, const struct jobs_options *options)
{
	size_t total = pool->jobs->list.len, next = 0, done = 0, at = 0;
	int rc = 0, status = 0;

	while (!rc && done < total) {
		if (interrupt_signal())
			return -EINTR;
		if (next < total && pool->busy < pool->workers) {
			rc = start(pool, next++);
			continue;
		}
		rc = wait_one(pool, &at, &status);
		if (rc)
			break;
		done++;
		if (options->progress)
			options->progress(done, total,
				pool->jobs->list.at[pool->slots[at].job].unit->file,
				options->context);
		rc = note_end(pool, at, status);
	}
	return rc;
}

int jobs_run(const struct units *units, const struct jobs_options *options, struct jobs *ret_jobs,
	struct err *err)
{
	struct jobs jobs = {.arena = arena_new()};
	struct pool pool = {
		.jobs = &jobs, .workers = worker_count(options->workers, units->list.len)};
	size_t bytes = MAX_WORKERS * sizeof(struct err);
	int rc;

	if (!jobs.arena)
		return err_ret(err, -ENOMEM, "out of memory");
	rc = add_jobs(&jobs, units, options->folder);
	pool.reasons = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (pool.reasons == MAP_FAILED)
		rc = -errno;
	else if (!rc)
		rc = run_all(&pool, options);
	if (rc)
		kill_all(&pool);
	if (pool.reasons != MAP_FAILED)
		munmap(pool.reasons, bytes);
	if (rc) {
		jobs_fini(&jobs);
		return err_ret(err, rc, "cannot extract: %s", strerror(-rc));
	}
	*ret_jobs = jobs;
	return 0;
}
