/* A live process and a row of offsets → the address of its lock, or why it is not there. The
 * process runs meanwhile: whatever is read may be half-written, so nothing here is final alone. */
#include "probes/layout_row.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "probes/version.h"
#include "runtime/base/cleanup.h"

#define INTERPRETERS_MAX 1024
#define INTERVAL_MAX_US 10000000000ULL /* sys.setswitchinterval() takes any number of seconds */
#define LOCK_BYTES 64 /* enough of the lock for the fields read here */
#define SCAN_MAX_BYTES ((size_t)1 << 20)

#define LAYOUT_FIELDS (sizeof(struct layout) / sizeof(uint16_t))
_Static_assert(sizeof(struct layout) % sizeof(uint16_t) == 0, "an array of offsets");

static const struct layout_row rows[] = {
#include "probes/layouts.inc"
};

/* Here the numbers are places in _Py_DebugOffsets; 0: not published. */
static const struct layout_row published[] = {
#include "probes/debug_offsets.inc"
};

const struct layout_row *layout_row_find(int minor, int machine, bool is_free_threaded)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].minor == minor && rows[i].machine == machine &&
			rows[i].is_free_threaded == is_free_threaded)
			return &rows[i];
	return NULL;
}

const struct layout_row *layout_row_at(size_t index)
{
	return index < sizeof(rows) / sizeof(rows[0]) ? &rows[index] : NULL;
}

static const struct layout_row *find_published(int minor)
{
	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++)
		if (published[i].minor == minor)
			return &published[i];
	return NULL;
}

/* Takes the 8-byte number at `place` of the table over into *field. */
static int take_offset(const uint8_t *table, size_t len, uint16_t place, uint16_t *field)
{
	uint64_t number;

	if (!place)
		return 0;
	if ((size_t)place + sizeof(number) > len)
		return -EPROTO;
	memcpy(&number, table + place, sizeof(number));
	if (number >= LAYOUT_ABSENT)
		return -EPROTO;
	*field = (uint16_t)number;
	return 0;
}

int layout_row_publish(const struct target *target, struct layout_row *row)
{
	const struct layout_row *places = find_published(row->minor);
	struct layout_row filled = *row;
	uint16_t place[LAYOUT_FIELDS], field[LAYOUT_FIELDS];
	uint8_t table[0x400];
	int rc;

	if (!places)
		return -ENOENT;
	rc = target_read(target, target->runtime_address, table, sizeof(table));
	if (rc)
		return rc;
	if (memcmp(table, DEBUG_COOKIE, DEBUG_COOKIE_BYTES))
		return -ENOENT;
	memcpy(place, &places->layout, sizeof(place));
	memcpy(field, &filled.layout, sizeof(field));
	for (size_t i = 0; !rc && i < LAYOUT_FIELDS; i++)
		rc = take_offset(table, sizeof(table), place[i], &field[i]);
	if (!rc)
		rc = take_offset(table, sizeof(table), places->interp_gil, &filled.interp_gil);
	if (rc)
		return rc;
	memcpy(&filled.layout, field, sizeof(field));
	*row = filled;
	return 0;
}

static int read_pointer(const struct target *target, uint64_t address, uint64_t *ret_pointer)
{
	return target_read(target, address, ret_pointer, sizeof(*ret_pointer));
}

int layout_main_interpreter(
	const struct target *target, const struct layout *layout, uint64_t *ret_interpreter)
{
	return read_pointer(target,
		target->runtime_address + layout->runtime_interp_head + sizeof(uint64_t),
		ret_interpreter);
}

static bool is_lock_layout(const struct layout *layout)
{
	return layout->gil_switch_number + 8U <= LOCK_BYTES && layout->gil_last_holder >= 8 &&
	       layout->gil_last_holder + 8U <= LOCK_BYTES && layout->gil_locked + 4U <= LOCK_BYTES;
}

int layout_lock_read(const struct target *target, const struct layout *layout,
	uint64_t lock_address, struct layout_lock *ret_lock)
{
	uint8_t data[LOCK_BYTES];
	struct layout_lock lock = {.is_enabled = true};
	int32_t locked, enabled;
	int rc;

	if (!is_lock_layout(layout))
		return -EPROTO;
	rc = target_read(target, lock_address, data, sizeof(data));
	if (rc)
		return rc;
	/* In every version the interval comes right before the holder. */
	memcpy(&lock.interval_us, data + layout->gil_last_holder - 8, 8);
	memcpy(&lock.last_holder, data + layout->gil_last_holder, 8);
	memcpy(&lock.switch_number, data + layout->gil_switch_number, 8);
	memcpy(&locked, data + layout->gil_locked, 4);
	lock.locked = locked;
	if (layout->gil_enabled + 4U <= sizeof(data)) {
		memcpy(&enabled, data + layout->gil_enabled, 4);
		lock.is_enabled = enabled != 0;
	}
	*ret_lock = lock;
	return 0;
}

/* Whether `address` is in the runtime's list of interpreters. */
static bool is_interpreter(
	const struct target *target, const struct layout *layout, uint64_t address)
{
	uint64_t interpreter;
	int rc = read_pointer(
		target, target->runtime_address + layout->runtime_interp_head, &interpreter);

	for (int i = 0; !rc && interpreter && i < INTERPRETERS_MAX; i++) {
		if (interpreter == address)
			return true;
		rc = read_pointer(target, interpreter + layout->interp_next, &interpreter);
	}
	return false;
}

/* Whether this is a thread state of an interpreter of this runtime. */
static bool is_thread(const struct target *target, const struct layout *layout, uint64_t tstate)
{
	uint64_t interpreter;

	return tstate && !read_pointer(target, tstate + layout->tstate_interp, &interpreter) &&
	       is_interpreter(target, layout, interpreter);
}

/* The main interpreter's threads lead back to it. -ENOENT: it has none yet, or none any more. */
static int check_threads(const struct target *target, const struct layout *layout,
	uint64_t interpreter, const char **ret_why)
{
	uint64_t tstate, back;

	*ret_why = "the main interpreter has no thread that leads back to it";
	if (read_pointer(target, interpreter + layout->interp_threads_head, &tstate))
		return -EPROTO;
	if (!tstate) {
		*ret_why = "the main interpreter has no thread yet";
		return -ENOENT;
	}
	if (read_pointer(target, tstate + layout->tstate_interp, &back) || back != interpreter)
		return -EPROTO;
	return 0;
}

static int locate(const struct target *target, const struct layout_row *row, uint64_t interpreter,
	uint64_t *ret_lock_address)
{
	if (row->runtime_gil != LAYOUT_ABSENT) {
		*ret_lock_address = target->runtime_address + row->runtime_gil;
		return 0;
	}
	return read_pointer(target, interpreter + row->interp_gil, ret_lock_address);
}

static int judge(const struct target *target, const struct layout *layout,
	const struct layout_lock *lock, const char **ret_why)
{
	if (lock->locked == -1 || (!lock->interval_us && !lock->last_holder && !lock->locked)) {
		*ret_why = "the lock does not exist yet";
		return -ENOENT;
	}
	*ret_why = "the switch interval there is not plausible";
	if (!lock->interval_us || lock->interval_us > INTERVAL_MAX_US)
		return -EPROTO;
	*ret_why = "the word that says whether it is held is neither 0 nor 1";
	if (lock->locked != 0 && lock->locked != 1)
		return -EPROTO;
	*ret_why = "its holder is no thread of this interpreter";
	if (is_thread(target, layout, lock->last_holder))
		return 0;
	/* The last holder may have ended since, or there never was one. */
	return lock->locked ? -EPROTO : 0;
}

int layout_row_check(const struct target *target, const struct layout_row *row,
	uint64_t *ret_lock_address, const char **ret_why)
{
	uint64_t interpreter, address;
	struct layout_lock lock;
	int rc;

	*ret_why = "its memory cannot be read there";
	if (layout_main_interpreter(target, &row->layout, &interpreter))
		return -EPROTO;
	if (!interpreter) {
		*ret_why = "no interpreter exists yet";
		return -ENOENT;
	}
	rc = check_threads(target, &row->layout, interpreter, ret_why);
	if (rc)
		return rc;
	*ret_why = "its memory cannot be read there";
	if (locate(target, row, interpreter, &address))
		return -EPROTO;
	if (!address) {
		*ret_why = "the lock does not exist yet";
		return -ENOENT;
	}
	if (layout_lock_read(target, &row->layout, address, &lock)) {
		*ret_why = "its memory cannot be read there";
		return -EPROTO;
	}
	*ret_lock_address = address;
	return judge(target, &row->layout, &lock, ret_why);
}

int layout_row_scan(
	const struct target *target, const struct layout_row *row, uint64_t *ret_lock_address)
{
	_free_ uint8_t *data = malloc(SCAN_MAX_BYTES);
	const struct layout *layout = &row->layout;
	size_t len = SCAN_MAX_BYTES, place = layout->gil_last_holder;
	uint64_t interpreter;

	if (!data)
		return -ENOMEM;
	if (!is_lock_layout(layout))
		return -EPROTO;
	if (layout_main_interpreter(target, layout, &interpreter) || !interpreter)
		return -ENOENT;
	/* The end of _PyRuntime is not known here: what is mapped behind it bounds the read. */
	while (len && target_read(target, target->runtime_address, data, len))
		len /= 2;
	for (size_t at = 0; at + LOCK_BYTES <= len; at += 8) {
		struct layout_lock lock = {0};
		int32_t locked;

		memcpy(&lock.interval_us, data + at + place - 8, 8);
		memcpy(&lock.last_holder, data + at + place, 8);
		memcpy(&locked, data + at + layout->gil_locked, 4);
		if (!lock.interval_us || lock.interval_us > INTERVAL_MAX_US ||
			(locked != 0 && locked != 1) || lock.last_holder % 8 ||
			!is_thread(target, layout, lock.last_holder))
			continue;
		*ret_lock_address = target->runtime_address + at;
		return 0;
	}
	return -ENOENT;
}
