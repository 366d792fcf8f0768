/* The compiled BPF object → programs in the kernel: on the scheduler's tracepoints, on a clock of
 * each processor, and on the probe sites of each process, by one multi-link or, before 6.6, by
 * single perf uprobes. */
#include "probes/attach.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "probes/features.h"
#include "probes/recorder.skel.h"
#include "runtime/base/clock.h"
#include "runtime/base/err.h"

/* libbpf 1.1 does not know these: 89ae89f53d20 ("bpf: Add multi uprobe link", 6.6). */
#define TRACE_UPROBE_MULTI 48
struct uprobe_multi_attr {
	__u32 prog_fd, target_fd, attach_type, flags;
	__aligned_u64 path, offsets, ref_ctr_offsets, cookies;
	__u32 count, multi_flags, pid, reserved;
};

struct attach {
	struct recorder_bpf *bpf; /* owned */
	struct features features;
	bool has_multi;
	vec(struct bpf_link *) links; /* owned: tracepoints and clocks */
	struct attach_maps maps;
};

static int ignore_print(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

static long link_multi(
	int prog_fd, pid_t pid, const char *path, const uint64_t *offsets, size_t count)
{
	struct uprobe_multi_attr attr = {
		.prog_fd = (__u32)prog_fd,
		.attach_type = TRACE_UPROBE_MULTI,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)offsets,
		.count = (__u32)count,
		.pid = (__u32)pid,
	};
	long fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));

	return fd < 0 ? -errno : fd;
}

/* A link to a folder: a kernel that knows the type says that it is no file. */
static bool probe_multi(void)
{
	struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = TRACE_UPROBE_MULTI);
	int fd = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "probe_multi", "GPL", code, 2, &options);
	uint64_t offset = 1;
	long rc;

	if (fd < 0)
		return false;
	rc = link_multi(fd, 0, "/", &offset, 1);
	close(fd);
	if (rc >= 0)
		close((int)rc);
	return rc == -EBADF;
}

static int keep_link(struct attach *attach, struct bpf_link *link)
{
	if (!link)
		return -errno;
	if (vec_push(&attach->links, link)) {
		(void)bpf_link__destroy(link); /* out of memory is what we report */
		return -ENOMEM;
	}
	return 0;
}

static int attach_tracepoints(struct attach *attach)
{
	struct bpf_program *const programs[] = {
		attach->bpf->progs.on_fork,
		attach->bpf->progs.on_exec,
		attach->bpf->progs.on_exit_task,
		attach->bpf->progs.on_switch,
		attach->bpf->progs.on_wakeup,
		attach->bpf->progs.on_wakeup_new,
	};

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		int rc = keep_link(attach, bpf_program__attach(programs[i]));

		if (rc)
			return rc;
	}
	return 0;
}

static int attach_clock(struct attach *attach)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.size = sizeof(attr),
		.sample_period = ATTACH_SAMPLE_PERIOD_NS,
		.exclude_idle = 1,
	};
	int cpus = libbpf_num_possible_cpus();

	for (int cpu = 0; cpu < cpus; cpu++) {
		struct bpf_link *link;
		int rc, fd = (int)syscall(
				SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

		if (fd < 0 && errno == ENODEV)
			continue; /* a processor that is not plugged in */
		if (fd < 0)
			return -errno;
		link = bpf_program__attach_perf_event(attach->bpf->progs.on_clock, fd);
		if (!link)
			close(fd);
		rc = keep_link(attach, link);
		if (rc)
			return rc;
	}
	return 0;
}

static void find_maps(struct attach *attach)
{
	attach->maps = (struct attach_maps){
		.processes = bpf_map__fd(attach->bpf->maps.processes),
		.layouts = bpf_map__fd(attach->bpf->maps.layouts),
		.threads = bpf_map__fd(attach->bpf->maps.threads),
		.tstates = bpf_map__fd(attach->bpf->maps.tstates),
		.natives = bpf_map__fd(attach->bpf->maps.natives),
		.stacks = bpf_map__fd(attach->bpf->maps.stacks),
		.blame = bpf_map__fd(attach->bpf->maps.blame),
		.activity = bpf_map__fd(attach->bpf->maps.activity),
		.hists = bpf_map__fd(attach->bpf->maps.hists),
		.counters = bpf_map__fd(attach->bpf->maps.counters),
		.lives = bpf_map__fd(attach->bpf->maps.lives),
	};
}

static int load(struct attach *attach)
{
	struct bpf_program *sites[3];

	attach->bpf = recorder_bpf__open();
	if (!attach->bpf)
		return -errno;
	attach->bpf->rodata->has_switch_state = attach->features.has_switch_state;
	attach->bpf->rodata->sample_period_ns = ATTACH_SAMPLE_PERIOD_NS;
	sites[0] = attach->bpf->progs.site_wait;
	sites[1] = attach->bpf->progs.site_wait_end;
	sites[2] = attach->bpf->progs.site_signal;
	attach->has_multi = probe_multi();
	for (size_t i = 0; attach->has_multi && i < 3; i++)
		(void)bpf_program__set_expected_attach_type(/* cannot fail before load */
			sites[i], (enum bpf_attach_type)TRACE_UPROBE_MULTI);
	return recorder_bpf__load(attach->bpf);
}

int attach_open(struct attach **ret_attach, struct err *err)
{
	struct attach *attach = calloc(1, sizeof(*attach));
	int rc;

	if (!attach)
		return err_ret(err, -ENOMEM, "cannot record: out of memory");
	libbpf_set_print(ignore_print);
	rc = features_find(&attach->features, err);
	if (rc) {
		attach_close(attach);
		return rc;
	}
	rc = load(attach);
	if (!rc)
		rc = attach_tracepoints(attach);
	if (!rc)
		rc = attach_clock(attach);
	if (rc) {
		err_set(err, "cannot record: the kernel refused the probes: %s", strerror(-rc));
		attach_close(attach);
		return rc == -EPERM || rc == -ENOMEM ? rc : -EOPNOTSUPP;
	}
	find_maps(attach);
	*ret_attach = attach;
	return 0;
}

uint64_t attach_stop(struct attach *attach)
{
	uint64_t end_ns;

	if (attach->bpf && attach->bpf->bss)
		attach->bpf->bss->is_over = 1;
	end_ns = clock_now_ns();
	vec_each (link, &attach->links)
		(void)bpf_link__destroy(*link); /* closing a descriptor: nothing to do about it */
	vec_fini(&attach->links);
	return end_ns;
}

void attach_close(struct attach *attach)
{
	if (!attach)
		return;
	(void)attach_stop(attach);
	recorder_bpf__destroy(attach->bpf);
	free(attach);
}

const struct attach_maps *attach_maps(const struct attach *attach)
{
	return &attach->maps;
}

void attach_set_corrections(struct attach *attach, uint64_t wait_ns, uint64_t hold_ns)
{
	attach->bpf->bss->wait_correction_ns = wait_ns;
	attach->bpf->bss->hold_correction_ns = hold_ns;
}

/* One perf uprobe: works in the whole process, although perf counts for its main thread only. */
static int link_single(
	const struct attach *attach, int prog_fd, pid_t pid, const char *path, uint64_t offset)
{
	struct perf_event_attr attr = {
		.type = (__u32)attach->features.uprobe_type,
		.size = sizeof(attr),
		.config1 = (uintptr_t)path,
		.config2 = offset,
	};
	int rc, fd;

	if (attach->features.uprobe_type < 0)
		return -EOPNOTSUPP;
	fd = (int)syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog_fd) || ioctl(fd, PERF_EVENT_IOC_ENABLE, 0)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static int push_fd(struct attach_links *links, long fd)
{
	if (fd < 0)
		return (int)fd;
	if (vec_push(&links->fds, (int)fd)) {
		close((int)fd);
		return -ENOMEM;
	}
	return 0;
}

static int attach_kind(struct attach *attach, pid_t pid, const char *path,
	const struct sites *sites, enum site_kind kind, struct attach_links *links)
{
	const struct bpf_program *const programs[] = {
		[SITE_SIGNAL] = attach->bpf->progs.site_signal,
		[SITE_WAIT] = attach->bpf->progs.site_wait,
		[SITE_WAIT_END] = attach->bpf->progs.site_wait_end,
	};
	int prog_fd = bpf_program__fd(programs[kind]), rc = 0;
	vec(uint64_t) offsets = {0};

	vec_each (site, &sites->list)
		if (site->kind == kind && !rc)
			rc = vec_push(&offsets, site->offset);
	if (!rc && !offsets.len)
		rc = -ENOENT;
	if (!rc && attach->has_multi)
		rc = push_fd(links, link_multi(prog_fd, pid, path, offsets.at, offsets.len));
	for (size_t i = 0; !rc && !attach->has_multi && i < offsets.len; i++)
		rc = push_fd(links, link_single(attach, prog_fd, pid, path, offsets.at[i]));
	vec_fini(&offsets);
	return rc;
}

int attach_process(struct attach *attach, pid_t pid, const char *path, const struct sites *sites,
	bool is_exact, struct attach_links *ret_links)
{
	struct attach_links links = {0};
	int rc = attach_kind(attach, pid, path, sites, SITE_WAIT_END, &links);

	if (!rc)
		rc = attach_kind(attach, pid, path, sites, SITE_WAIT, &links);
	if (!rc && is_exact)
		rc = attach_kind(attach, pid, path, sites, SITE_SIGNAL, &links);
	if (rc) {
		attach_links_fini(&links);
		return rc;
	}
	*ret_links = links;
	return 0;
}

void attach_links_fini(struct attach_links *links)
{
	vec_each (fd, &links->fds)
		close(*fd);
	vec_fini(&links->fds);
}
