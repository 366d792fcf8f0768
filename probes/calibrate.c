/* A make-believe lock in this process, run through the true probes → the cost of a hit. The sites
 * are call instructions, as those of interpreters are. */
#include "probes/calibrate.h"

#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "probes/recorder.h"
#include "runtime/base/clock.h"

#define CYCLES 1500
#define WARM_UP 100

/* A lock, its holder and the holder's interpreter, at the offsets that the layout below gives. */
struct make_believe {
	uint64_t interval, last_holder;
	int32_t locked, reserved;
	uint64_t switch_number;
	uint8_t cond[48], mutex[40], switch_cond[48];
	struct {
		uint64_t frame, interp;
		uint32_t native_id, reserved;
	} tstate;
};

#if defined(__x86_64__)
#define HAS_SITES 1
/* The red zone may hold a caller's variables: step over it. */
#define SITE(name)                                                                                 \
	extern const char name##_call[], name##_next[];                                            \
	static __attribute__((noinline)) void name(void *argument)                                 \
	{                                                                                          \
		__asm__ volatile("lea -128(%%rsp), %%rsp\n" #name "_call:\n\tcall 3f\n" #name      \
				 "_next:\n\tjmp 4f\n3:\tret\n4:\tlea 128(%%rsp), %%rsp\n"          \
			: "+D"(argument)                                                           \
			:                                                                          \
			: "memory", "cc");                                                         \
	}
#elif defined(__aarch64__)
#define HAS_SITES 1
#define SITE(name)                                                                                 \
	extern const char name##_call[], name##_next[];                                            \
	static __attribute__((noinline)) void name(void *argument)                                 \
	{                                                                                          \
		register void *first __asm__("x0") = argument;                                     \
		__asm__ volatile(#name "_call:\n\tbl 3f\n" #name "_next:\n\tb 4f\n3:\tret\n4:\n"   \
			: "+r"(first)                                                              \
			:                                                                          \
			: "memory", "cc", "x30");                                                  \
	}
#else
#define HAS_SITES 0
#define SITE(name)                                                                                 \
	static const char name##_call[1], name##_next[1];                                          \
	static void name(void *argument)                                                           \
	{                                                                                          \
		(void)argument;                                                                    \
	}
#endif

SITE(calibration_wait)
SITE(calibration_signal)

struct find_offset {
	uintptr_t address;
	uint64_t offset; /* in the file; 0: not found */
};

static int find_segment(struct dl_phdr_info *info, size_t size, void *context)
{
	struct find_offset *find = context;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + segment->p_vaddr;

		if (segment->p_type == PT_LOAD && find->address >= start &&
			find->address < start + segment->p_filesz)
			find->offset = find->address - start + segment->p_offset;
	}
	return 1; /* the first object is the program itself */
}

static uint64_t file_offset(const char *address)
{
	struct find_offset find = {.address = (uintptr_t)address};

	(void)dl_iterate_phdr(find_segment, &find); /* returns what the callback does */
	return find.offset;
}

static void run_holds(struct make_believe *lock, int cycles)
{
	for (int i = 0; i < cycles; i++) {
		lock->locked = 1;
		calibration_signal(lock->switch_cond);
		lock->locked = 0;
		calibration_signal(lock->cond);
	}
}

static void run_waits(struct make_believe *lock, int cycles)
{
	lock->locked = 0;
	for (int i = 0; i < cycles; i++)
		calibration_wait(lock->cond);
}

static int64_t time_cycles(struct make_believe *lock, bool is_exact)
{
	void (*run)(struct make_believe *, int) = is_exact ? run_holds : run_waits;
	uint64_t before_ns;

	run(lock, WARM_UP);
	before_ns = clock_now_ns();
	run(lock, CYCLES);
	return (int64_t)(clock_now_ns() - before_ns);
}

static int share_lock(struct recorder *recorder, const struct make_believe *lock, bool is_exact)
{
	const struct attach_maps *maps = attach_maps(recorder->attach);
	struct layout layout;
	struct ev_process process = {
		.locks = {(uintptr_t)lock},
		.flags = EV_HAS_LOCK | (is_exact ? EV_EXACT : 0),
	};
	uint32_t pid = (uint32_t)getpid(), key = 0;
	int rc;

	memset(&layout, 0xff, sizeof(layout)); /* all absent */
	layout.gil_last_holder = offsetof(struct make_believe, last_holder);
	layout.gil_locked = offsetof(struct make_believe, locked);
	layout.gil_cond = offsetof(struct make_believe, cond);
	layout.gil_switch_cond = offsetof(struct make_believe, switch_cond);
	layout.tstate_frame = 0;
	layout.tstate_interp = sizeof(uint64_t);
	layout.tstate_native_id = 2 * sizeof(uint64_t);
	rc = bpf_map_update_elem(maps->layouts, &key, &layout, BPF_ANY);
	return rc ? rc : bpf_map_update_elem(maps->processes, &pid, &process, BPF_ANY);
}

static int drop_entry(struct recorder *recorder, const void *key, const void *value)
{
	(void)recorder;
	(void)key;
	(void)value;
	return 0;
}

/* Nothing of this process may show up in the run. */
static int clear_maps(struct recorder *recorder)
{
	const struct attach_maps *maps = attach_maps(recorder->attach);
	const struct map_shape shapes[] = {
		{maps->processes, sizeof(uint32_t), sizeof(struct ev_process), true},
		{maps->threads, sizeof(uint32_t), sizeof(struct ev_thread), true},
		{maps->tstates, sizeof(uint32_t), sizeof(uint64_t), true},
		{maps->natives, sizeof(struct ev_native_key), sizeof(uint32_t), true},
		{maps->blame, sizeof(struct ev_blame_key), sizeof(struct ev_tally), true},
		{maps->activity, sizeof(struct ev_activity_key), sizeof(struct ev_tally), true},
		{maps->hists, sizeof(struct ev_hist_key), sizeof(struct hist), true},
	};
	int rc = 0;

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]) && !rc; i++)
		rc = map_each(recorder, &shapes[i], drop_entry);
	return rc;
}

/* What the recorder saw of holds that were empty. */
static int64_t mean_hold_ns(const struct recorder *recorder)
{
	uint32_t tid = (uint32_t)syscall(SYS_gettid);
	struct ev_thread thread;

	if (bpf_map_lookup_elem(attach_maps(recorder->attach)->threads, &tid, &thread) ||
		!thread.holds)
		return RUN_UNKNOWN;
	return (int64_t)(thread.hold_ns / thread.holds);
}

static int fill_sites(struct sites *sites)
{
	const struct site list[] = {
		{.kind = SITE_WAIT, .offset = file_offset(calibration_wait_call)},
		{.kind = SITE_WAIT_END, .offset = file_offset(calibration_wait_next)},
		{.kind = SITE_SIGNAL, .offset = file_offset(calibration_signal_call)},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (!HAS_SITES || !list[i].offset || vec_push(&sites->list, list[i]))
			return -EOPNOTSUPP;
	return 0;
}

static int measure(struct recorder *recorder, bool is_exact, struct make_believe *lock,
	struct calibration *ret_calibration)
{
	struct attach_links links = {0};
	struct sites sites = {0};
	int64_t bare_ns = time_cycles(lock, is_exact), probed_ns;
	int rc = fill_sites(&sites);

	if (!rc)
		rc = share_lock(recorder, lock, is_exact);
	if (!rc)
		rc = attach_process(
			recorder->attach, getpid(), "/proc/self/exe", &sites, is_exact, &links);
	vec_fini(&sites.list);
	if (rc)
		return rc;
	probed_ns = time_cycles(lock, is_exact);
	ret_calibration->probe_ns = (probed_ns - bare_ns) / (2 * CYCLES);
	ret_calibration->hold_correction_ns = RUN_UNKNOWN;
	if (is_exact)
		ret_calibration->hold_correction_ns =
			mean_hold_ns(recorder) - bare_ns / (2 * CYCLES);
	attach_links_fini(&links);
	return 0;
}

int calibrate(struct recorder *recorder, bool is_exact, struct calibration *ret_calibration)
{
	struct make_believe *lock = calloc(1, sizeof(*lock));
	int rc, cleared;

	if (!lock)
		return -ENOMEM;
	lock->last_holder = (uintptr_t)&lock->tstate;
	lock->tstate.interp = 1;
	lock->tstate.native_id = (uint32_t)syscall(SYS_gettid);
	rc = measure(recorder, is_exact, lock, ret_calibration);
	cleared = clear_maps(recorder);
	free(lock);
	return rc ? rc : cleared;
}
