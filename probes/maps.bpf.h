/* The maps and settings that all programs of the recorder share. */
#ifndef GILSCOPE_PROBES_MAPS_BPF_H
#define GILSCOPE_PROBES_MAPS_BPF_H

#include "probes/events.h"
#include "probes/hist.h"
#include "probes/layout_offsets.h"

/* Set before load. */
const volatile __u32 has_switch_state = 1; /* sched_switch passes the state of `prev` */
const volatile __u64 sample_period_ns = 0;

/* Changed while running: calibrated costs. */
__u64 wait_correction_ns = 0;
__u64 hold_correction_ns = 0;

/* Set when the recording ends: taking the probes out needs some 100 ms, in which they come apart.
 */
volatile __u32 is_over = 0;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32); /* tgid */
	__type(value, struct ev_process);
} processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EV_LAYOUTS);
	__type(key, __u32);
	__type(value, struct layout);
} layouts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32); /* tid */
	__type(value, struct ev_thread);
} threads SEC(".maps");

/* Thread states found by reading the interpreter's list, and native ids of other namespaces. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32); /* tid */
	__type(value, __u64);
} tstates SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct ev_native_key);
	__type(value, __u32); /* tid */
} natives SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096); /* emptied every slice */
	__type(key, __u64);
	__type(value, struct ev_stack);
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, EV_BLAME_ROWS);
	__type(key, struct ev_blame_key);
	__type(value, struct ev_tally);
} blame SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, EV_ACTIVITY_ROWS);
	__type(key, struct ev_activity_key);
	__type(value, struct ev_tally);
} activity SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct ev_hist_key);
	__type(value, struct hist);
} hists SEC(".maps");

/* The last release of each lock, for handoffs: at, lock address. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u64);
} releases SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EV_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} lives SEC(".maps");

/* Room for values that are too big for the BPF stack, a slot for each context (thread.bpf.h): a
 * probe of a thread may be interrupted by sched_switch, and that by the clock. */
struct walk_scratch {
	struct ev_stack stack;
	__u64 frame, hash;
	__u64 owner; /* the thread that walks: another one's probe may come in between */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, struct walk_scratch);
} walk_scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct ev_thread);
} thread_scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hist);
} empty_hist SEC(".maps");

static __always_inline void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		__sync_fetch_and_add(value, 1);
}

/* Adds to the row of a tally map, making it where needed. */
static __always_inline void tally_add(
	void *map, const void *key, __u64 ns, __u64 times, __u64 max_ns)
{
	struct ev_tally *tally = bpf_map_lookup_elem(map, key);

	if (!tally) {
		struct ev_tally zero = {0};

		bpf_map_update_elem(map, key, &zero, BPF_NOEXIST);
		tally = bpf_map_lookup_elem(map, key);
		if (!tally) {
			count(EV_LOST_EVENTS);
			return;
		}
		count(map == &blame ? EV_BLAME_ADDED : EV_ACTIVITY_ADDED);
	}
	__sync_fetch_and_add(&tally->ns, ns);
	if (times)
		__sync_fetch_and_add(&tally->count, times);
	if (max_ns > tally->max_ns)
		tally->max_ns = max_ns;
}

static __always_inline void hist_add(__u32 tid, __u32 kind, __u64 ns)
{
	struct ev_hist_key key = {.tid = tid, .kind = kind};
	struct hist *hist = bpf_map_lookup_elem(&hists, &key);
	__u32 bucket = hist_bucket(ns), zero = 0;

	if (!hist) {
		struct hist *empty = bpf_map_lookup_elem(&empty_hist, &zero);

		if (empty)
			bpf_map_update_elem(&hists, &key, empty, BPF_NOEXIST);
		hist = bpf_map_lookup_elem(&hists, &key);
		if (!hist) {
			count(EV_LOST_EVENTS);
			return;
		}
	}
	if (bucket < HIST_BUCKETS)
		hist->counts[bucket]++;
}

#endif
