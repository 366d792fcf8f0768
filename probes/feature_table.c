/* Kernel, rights → table of what works, each row tried rather than guessed from a version. */
#include "probes/feature_table.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "probes/features.h"
#include "probes/procfile.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"
#include "runtime/base/file.h"

/* libbpf 1.1 (Debian 12) and the headers of its time do not know uprobe_multi (kernel 6.6). */
#define ATTACH_UPROBE_MULTI 48

static const char *const names[FEATURE_COUNT] = {
	[FEATURE_KERNEL] = "kernel",
	[FEATURE_RIGHTS] = "rights",
	[FEATURE_PTRACE] = "other processes",
	[FEATURE_LOCKDOWN] = "lockdown",
	[FEATURE_BTF] = "BTF",
	[FEATURE_BPF] = "BPF programs",
	[FEATURE_RINGBUF] = "ring buffer",
	[FEATURE_BPF_LOOP] = "bpf_loop",
	[FEATURE_TRACEPOINTS] = "tracepoints",
	[FEATURE_UPROBE] = "uprobes",
	[FEATURE_UPROBE_MULTI] = "uprobe_multi",
	[FEATURE_MEMLOCK] = "locked memory",
	[FEATURE_RECORD] = "record",
};

static const struct bpf_insn empty_program[] = {
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
	{.code = BPF_JMP | BPF_EXIT},
};
#define EMPTY_PROGRAM empty_program, sizeof(empty_program) / sizeof(empty_program[0])

/* What is probed in tries: never called, so nothing can fire. */
__attribute__((noinline, used)) static void probed(void)
{
	__asm__ volatile("nop");
}

__attribute__((format(printf, 3, 4))) static void set(
	struct feature *feature, enum feature_state state, const char *cause, ...)
{
	va_list args;

	va_start(args, cause);
	feature->state = state;
	(void)vsnprintf(feature->cause, sizeof(feature->cause), cause, args); /* may be cut */
	va_end(args);
}

static void advise(struct feature *feature, const char *remedy)
{
	(void)snprintf(feature->remedy, sizeof(feature->remedy), "%s", remedy); /* may be cut */
}

static uint64_t effective_rights(void)
{
	_free_ char *text = NULL;
	const char *line;

	if (file_load("/proc/self/status", 65536, &text, NULL, NULL))
		return 0;
	line = strstr(text, "\nCapEff:");
	return line ? strtoull(line + 8, NULL, 16) : 0;
}

static bool has_right(int capability)
{
	return effective_rights() >> capability & 1;
}

static void probe_kernel(struct feature *feature)
{
	struct utsname name;
	int major = 0, minor = 0;

	if (uname(&name) || sscanf(name.release, "%d.%d", &major, &minor) != 2) {
		set(feature, FEATURE_WARN, "the kernel's version is unreadable");
		return;
	}
	set(feature, FEATURE_OK, "%s %s", name.release, name.machine);
	if (major < 5 || (major == 5 && minor < 17)) {
		set(feature, FEATURE_MISSING, "%s is too old", name.release);
		advise(feature, "use Linux 5.17 or later");
	}
}

#define SETCAP "try: sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace+ep $(which gilscope), or sudo"

static void probe_rights(struct feature *feature)
{
	bool is_admin = has_right(CAP_SYS_ADMIN);
	bool has_bpf = is_admin || has_right(CAP_BPF);
	bool has_perfmon = is_admin || has_right(CAP_PERFMON);

	set(feature, FEATURE_OK, "%s", is_admin ? "root" : "CAP_BPF, CAP_PERFMON");
	if (has_bpf && has_perfmon)
		return;
	set(feature, FEATURE_MISSING, "%s%s%s missing", has_bpf ? "" : "CAP_BPF",
		!has_bpf && !has_perfmon ? " and " : "", has_perfmon ? "" : "CAP_PERFMON");
	advise(feature, SETCAP);
}

static void probe_ptrace(struct feature *feature)
{
	_free_ char *scope = NULL;

	if (has_right(CAP_SYS_PTRACE)) {
		set(feature, FEATURE_OK, "CAP_SYS_PTRACE");
		return;
	}
	if (!file_load("/proc/sys/kernel/yama/ptrace_scope", 16, &scope, NULL, NULL) &&
		scope[0] != '0')
		set(feature, FEATURE_WARN,
			"no CAP_SYS_PTRACE, kernel.yama.ptrace_scope is %c: only programs started "
			"by "
			"gilscope record -- COMMAND can be looked into",
			scope[0]);
	else
		set(feature, FEATURE_WARN,
			"no CAP_SYS_PTRACE: only processes of the same user can be looked into");
	advise(feature, SETCAP);
}

static void probe_lockdown(struct feature *feature)
{
	_free_ char *mode = NULL;

	if (file_load("/sys/kernel/security/lockdown", 256, &mode, NULL, NULL)) {
		set(feature, FEATURE_OK, "none");
		return;
	}
	if (strstr(mode, "[confidentiality]")) {
		set(feature, FEATURE_MISSING, "confidentiality: BPF may not read memory");
		advise(feature, "boot with lockdown=integrity or none");
		return;
	}
	set(feature, FEATURE_OK, "%s", strstr(mode, "[integrity]") ? "integrity" : "none");
}

static void probe_btf(struct feature *feature)
{
	static const char path[] = "/sys/kernel/btf/vmlinux";

	if (!access(path, R_OK)) {
		set(feature, FEATURE_OK, "%s", path);
		return;
	}
	set(feature, FEATURE_MISSING, "%s: %s", path, strerror(errno));
	advise(feature, errno == EACCES ? "make it readable (mount of /sys in the container)"
					: "use a kernel built with CONFIG_DEBUG_INFO_BTF=y");
}

/* Why a BPF syscall failed, in words. */
static void explain_bpf(struct feature *feature, int error)
{
	_free_ char *disabled = NULL;

	set(feature, FEATURE_MISSING, "the kernel refused: %s", strerror(error));
	if (error == EPERM &&
		!file_load(
			"/proc/sys/kernel/unprivileged_bpf_disabled", 16, &disabled, NULL, NULL) &&
		disabled[0] != '0')
		set(feature, FEATURE_MISSING,
			"refused: kernel.unprivileged_bpf_disabled is %c, so CAP_BPF is needed",
			disabled[0]);
	advise(feature, error == EPERM ? SETCAP ", or allow bpf() in the container's seccomp "
						"profile"
				       : "use a kernel built with CONFIG_BPF_SYSCALL=y");
}

static int load_empty(enum bpf_prog_type type, const struct bpf_prog_load_opts *options)
{
	int fd = bpf_prog_load(type, "gilscope_try", "GPL", EMPTY_PROGRAM, options);

	return fd < 0 ? -errno : fd;
}

static void probe_bpf(struct feature *feature)
{
	_close_ int fd = load_empty(BPF_PROG_TYPE_KPROBE, NULL);

	if (fd < 0)
		explain_bpf(feature, -fd);
	else
		set(feature, FEATURE_OK, "a program was loaded");
}

static void probe_ringbuf(struct feature *feature)
{
	_close_ int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "gilscope_try", 0, 0, 4096, NULL);

	if (fd >= 0) {
		set(feature, FEATURE_OK, "a map was made");
		return;
	}
	if (errno == EPERM)
		explain_bpf(feature, errno);
	else
		set(feature, FEATURE_MISSING, "the kernel refused: %s", strerror(errno));
	if (errno == EINVAL)
		advise(feature, "use Linux 5.8 or later");
}

static void probe_bpf_loop(struct feature *feature)
{
	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_loop, NULL) == 1) {
		set(feature, FEATURE_OK, "known to the kernel");
		return;
	}
	set(feature, FEATURE_MISSING, "unknown to the kernel: stacks cannot be walked");
	advise(feature, "use Linux 5.17 or later");
}

static void probe_tracepoints(struct feature *feature)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_RAW_TP);
	_close_ int fd = -1;
	int id = libbpf_find_vmlinux_btf_id("sched_switch", BPF_TRACE_RAW_TP);

	if (id <= 0) {
		set(feature, FEATURE_MISSING, "the kernel's BTF has no sched_switch");
		advise(feature, "use a kernel built with CONFIG_DEBUG_INFO_BTF=y");
		return;
	}
	options.attach_btf_id = (unsigned int)id;
	fd = load_empty(BPF_PROG_TYPE_TRACING, &options);
	if (fd < 0)
		explain_bpf(feature, -fd);
	else
		set(feature, FEATURE_OK, "sched_switch, typed");
}

/* Where probed() lies in this program's file. */
static int own_offset(uint64_t *ret_offset)
{
	__attribute__((cleanup(proc_maps_fini))) struct proc_maps maps = {0};
	uint64_t address = (uint64_t)(uintptr_t)probed;
	int rc = proc_maps_load(getpid(), &maps);

	if (rc)
		return rc;
	vec_each (map, &maps.list) {
		if (address < map->start || address >= map->end)
			continue;
		*ret_offset = address - map->start + map->offset;
		return 0;
	}
	return -ENOENT;
}

/* The number by which perf_event_open knows uprobes. */
static int uprobe_type(uint32_t *ret_type)
{
	_free_ char *text = NULL;
	int rc = file_load("/sys/bus/event_source/devices/uprobe/type", 32, &text, NULL, NULL);

	if (!rc)
		*ret_type = (uint32_t)strtoul(text, NULL, 10);
	return rc;
}

static void probe_uprobe(struct feature *feature)
{
	struct perf_event_attr attr = {.size = sizeof(attr), .disabled = 1};
	static const char self[] = "/proc/self/exe";
	uint64_t offset;
	_close_ int fd = -1;

	if (uprobe_type(&attr.type) || own_offset(&offset)) {
		set(feature, FEATURE_MISSING, "the kernel has no uprobes, or /sys is not mounted");
		advise(feature, "use a kernel built with CONFIG_UPROBE_EVENTS=y; mount /sys");
		return;
	}
	attr.config1 = (uint64_t)(uintptr_t)self;
	attr.config2 = offset;
	fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd >= 0) {
		set(feature, FEATURE_OK, "one was set on this program");
		return;
	}
	set(feature, FEATURE_MISSING, "the kernel refused: %s", strerror(errno));
	advise(feature,
		errno == EPERM || errno == EACCES
			? SETCAP
			: "install gilscope on a file system that the kernel can map code from");
}

/* union bpf_attr of BPF_LINK_CREATE for uprobe_multi, as kernel 6.6 fixed it. */
struct uprobe_multi_attr {
	uint32_t program, target, attach_type, flags;
	uint64_t path, offsets, ref_ctr_offsets, cookies;
	uint32_t count, multi_flags, pid, pad;
};

static void probe_uprobe_multi(struct feature *feature)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options,
		.expected_attach_type = (enum bpf_attach_type)ATTACH_UPROBE_MULTI);
	_close_ int program = load_empty(BPF_PROG_TYPE_KPROBE, &options);
	struct uprobe_multi_attr attr = {.attach_type = ATTACH_UPROBE_MULTI, .count = 1};
	static const char self[] = "/proc/self/exe";
	uint64_t offset = 0;
	_close_ int link = -1;

	if (program >= 0 && !own_offset(&offset)) {
		attr.program = (uint32_t)program;
		attr.path = (uint64_t)(uintptr_t)self;
		attr.offsets = (uint64_t)(uintptr_t)&offset;
		attr.pid = (uint32_t)getpid();
		link = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	}
	if (link >= 0) {
		set(feature, FEATURE_OK, "a link was made");
		return;
	}
	set(feature, FEATURE_WARN, "the kernel refused: %s; perf's uprobes are used instead",
		strerror(errno));
	advise(feature, "use Linux 6.6 or later for cheaper probes");
}

/* Kernels before 5.11 charge BPF maps to RLIMIT_MEMLOCK; a map tells which way it is. */
static void probe_memlock(struct feature *feature)
{
	struct rlimit limit;
	_close_ int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "gilscope_try", 4, 1 << 20, 16, NULL);

	if (fd >= 0) {
		set(feature, FEATURE_OK, "a map of 16 MiB was made");
		return;
	}
	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		limit.rlim_cur = 0;
	set(feature, FEATURE_WARN, "a map of 16 MiB was refused (%s); RLIMIT_MEMLOCK is %llu",
		strerror(errno), (unsigned long long)limit.rlim_cur);
	advise(feature, "try: ulimit -l unlimited, or Linux 5.11 or later");
}

static int print_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static void probe_record(struct feature *feature)
{
	struct features found;
	struct err err = {{0}};

	if (features_find(&found, &err))
		set(feature, FEATURE_MISSING, "%.255s", err.text);
	else
		set(feature, FEATURE_OK, "has what it needs of the above");
}

/* Without the right to load programs the rest would only repeat why. */
static void probe_what_bpf_offers(struct feature *at)
{
	static void (*const probes[FEATURE_COUNT])(struct feature *) = {
		[FEATURE_RINGBUF] = probe_ringbuf,
		[FEATURE_BPF_LOOP] = probe_bpf_loop,
		[FEATURE_TRACEPOINTS] = probe_tracepoints,
		[FEATURE_UPROBE_MULTI] = probe_uprobe_multi,
		[FEATURE_MEMLOCK] = probe_memlock,
	};

	for (int i = 0; i < FEATURE_COUNT; i++) {
		if (!probes[i])
			continue;
		if (at[FEATURE_BPF].state == FEATURE_OK)
			probes[i](&at[i]);
		else
			set(&at[i], FEATURE_WARN, "not tried: BPF programs cannot be loaded");
	}
}

void feature_table_probe(struct feature_table *ret_table)
{
	struct feature *at = ret_table->at;
	libbpf_print_fn_t print;

	memset(ret_table, 0, sizeof(*ret_table));
	for (int i = 0; i < FEATURE_COUNT; i++)
		at[i].name = names[i];
	print = libbpf_set_print(print_nothing);
	probe_kernel(&at[FEATURE_KERNEL]);
	probe_rights(&at[FEATURE_RIGHTS]);
	probe_ptrace(&at[FEATURE_PTRACE]);
	probe_lockdown(&at[FEATURE_LOCKDOWN]);
	probe_btf(&at[FEATURE_BTF]);
	probe_bpf(&at[FEATURE_BPF]);
	probe_uprobe(&at[FEATURE_UPROBE]);
	probe_what_bpf_offers(at);
	probe_record(&at[FEATURE_RECORD]);
	(void)libbpf_set_print(print); /* returns ours */
}

const struct feature *feature_table_missing(const struct feature_table *table)
{
	for (int i = 0; i < FEATURE_COUNT; i++)
		if (table->at[i].state == FEATURE_MISSING)
			return &table->at[i];
	return NULL;
}
