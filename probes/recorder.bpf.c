/* The kernel half of a recording: probe hits, scheduler events and clock samples → states, waits,
 * holds, blame and stacks, summed up in maps that probes/collect.c reads. One object, so that all
 * programs share the maps; each header is one source of events. */
#include <stdint.h>

#include <linux/bpf.h>
#include <linux/ptrace.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "probes/gil.bpf.h"
#include "probes/life.bpf.h"
#include "probes/sched.bpf.h"

const char recorder_license[] SEC("license") = "Dual BSD/GPL";
