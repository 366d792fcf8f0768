/* The running kernel and our own rights → what a recording can count on, or why there can be none.
 */
#include "probes/features.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"

#define SETCAP_HINT                                                                                \
	"run it as root, or once: sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace+ep "              \
	"$(command -v gilscope)"

static bool has_capability(const struct __user_cap_data_struct *data, int capability)
{
	return data[capability / 32].effective & (1U << (capability % 32));
}

static int check_rights(struct err *err)
{
	static const struct {
		int capability;
		const char *name;
	} needed[] = {
		{CAP_BPF, "CAP_BPF"},
		{CAP_PERFMON, "CAP_PERFMON"},
		{CAP_SYS_PTRACE, "CAP_SYS_PTRACE"},
	};
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	if (syscall(SYS_capget, &header, data))
		return err_ret(err, -errno, "cannot read this process's capabilities");
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (has_capability(data, needed[i].capability))
			continue;
		if (needed[i].capability != CAP_SYS_PTRACE && has_capability(data, CAP_SYS_ADMIN))
			continue;
		return err_ret(
			err, -EPERM, "cannot record: %s is missing; " SETCAP_HINT, needed[i].name);
	}
	return 0;
}

/* The number of arguments that the tracepoint's programs get. */
static int tracepoint_arguments(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	const struct btf_type *type;

	if (id < 0)
		return -1;
	type = btf__type_by_id(btf, btf__type_by_id(btf, (uint32_t)id)->type);
	if (!type || !btf_is_ptr(type))
		return -1;
	type = btf__type_by_id(btf, type->type);
	if (!type || !btf_is_func_proto(type))
		return -1;
	return btf_vlen(type) - 1; /* the first one is the tracer's own */
}

static int read_uprobe_type(void)
{
	_fclose_ FILE *file = fopen("/sys/bus/event_source/devices/uprobe/type", "re");
	int type;

	return file && fscanf(file, "%d", &type) == 1 ? type : -1;
}

int features_find(struct features *ret_features, struct err *err)
{
	struct btf *btf;
	int rc = check_rights(err), arguments;

	if (rc)
		return rc;
	btf = btf__load_vmlinux_btf();
	if (!btf)
		return err_ret(err, -EOPNOTSUPP,
			"cannot record: this kernel publishes no type information "
			"(/sys/kernel/btf/vmlinux); use one built with CONFIG_DEBUG_INFO_BTF");
	arguments = tracepoint_arguments(btf, "btf_trace_sched_switch");
	btf__free(btf);
	if (arguments < 3)
		return err_ret(err, -EOPNOTSUPP,
			"cannot record: this kernel has no sched_switch tracepoint; use one built "
			"with CONFIG_TRACEPOINTS");
	ret_features->has_switch_state = arguments >= 4;
	ret_features->uprobe_type = read_uprobe_type();
	return 0;
}
