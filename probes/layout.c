/* A target → its layout and lock, proved against the live process: what it publishes, else the
 * table's row, else a search for the lock's shape. A process that runs may be caught between two
 * writes, so each is tried for a moment before it is refused. */
#include "probes/layout.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "probes/layout_row.h"
#include "runtime/base/err.h"

#define TRIES 20
#define TRY_PAUSE_NS 500000L

#if defined(__aarch64__)
#define NATIVE_MACHINE EM_AARCH64
#else
#define NATIVE_MACHINE EM_X86_64
#endif

struct candidate {
	struct layout_row row;
	const char *how;
};

static int check_for_a_moment(const struct target *target, const struct layout_row *row,
	uint64_t *ret_lock_address, const char **ret_why)
{
	const struct timespec pause = {.tv_nsec = TRY_PAUSE_NS};
	int rc = -EPROTO;

	for (int i = 0; i < TRIES && rc == -EPROTO; i++) {
		if (i)
			(void)nanosleep(&pause, NULL); /* woken early: tried early */
		rc = layout_row_check(target, row, ret_lock_address, ret_why);
	}
	return rc;
}

static int refuse(const struct target *target, const char *why, struct err *err)
{
	return err_ret(err, -EPROTO,
		"the lock of pid %d (CPython %s) is not where this version keeps it (%s): a build "
		"with other options; report its build id %s",
		target->pid, target->version, why,
		target->image.build_id[0] ? target->image.build_id : "(none)");
}

/* The process may have ended, or our rights with it, while it was looked at. */
static int explain(const struct target *target, int rc, const char *why, struct err *err)
{
	uint64_t word;
	int read_rc = target_read(target, target->runtime_address, &word, sizeof(word));

	if (read_rc == -ESRCH)
		return err_ret(err, -ESRCH, "process %d has ended", target->pid);
	if (read_rc == -EFAULT)
		return err_ret(
			err, -ENOENT, "pid %d runs another program by now; try again", target->pid);
	if (read_rc)
		return err_ret(err, read_rc, "cannot read the memory of pid %d: %s", target->pid,
			strerror(-read_rc));
	if (rc == -ENOENT)
		return err_ret(err, rc, "the interpreter of pid %d has not started yet (%s)",
			target->pid, why);
	return refuse(target, why, err);
}

int layout_find(const struct target *target, struct layout *ret_layout, uint64_t *ret_lock_address,
	const char **ret_how, struct err *err)
{
	int minor = target->version_hex >> 16 & 0xff, rc;
	const struct layout_row *row =
		layout_row_find(minor, NATIVE_MACHINE, target->is_free_threaded_build);
	struct candidate candidate;
	const char *why = "";
	uint64_t address = 0;

	if (!row)
		return err_ret(err, -EOPNOTSUPP,
			"pid %d runs CPython %s%s, which this gilscope does not know (3.8 to 3.15)",
			target->pid, target->version,
			target->is_free_threaded_build ? " (free-threaded)" : "");
	candidate.row = *row;
	candidate.how = layout_row_publish(target, &candidate.row) ? row->how : "debug offsets";
	rc = check_for_a_moment(target, &candidate.row, &address, &why);
	/* A lock elsewhere leaves zeros or anything else at the row's place. */
	if (rc && !layout_row_scan(target, &candidate.row, &address)) {
		candidate.how = "scan";
		rc = 0;
	}
	if (rc)
		return explain(target, rc, why, err);
	*ret_layout = candidate.row.layout;
	*ret_lock_address = address;
	*ret_how = candidate.how;
	return 0;
}

int layout_interpreter_lock(const struct target *target, uint64_t interpreter, uint64_t *ret_lock)
{
	const struct layout_row *found = layout_row_find(
		target->version_hex >> 16 & 0xff, NATIVE_MACHINE, target->is_free_threaded_build);
	struct layout_row row;

	if (!found)
		return -EOPNOTSUPP;
	row = *found;
	(void)layout_row_publish(target, &row); /* what it does not publish is as the row says */
	if (row.runtime_gil != LAYOUT_ABSENT) {
		*ret_lock = target->runtime_address + row.runtime_gil;
		return 0;
	}
	return target_read(target, interpreter + row.interp_gil, ret_lock, sizeof(*ret_lock));
}
