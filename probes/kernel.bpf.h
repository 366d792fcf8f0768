/* The few kernel structs that the probes read. CO-RE finds the true offsets when the program is
 * loaded, so that building needs neither the kernel's BTF nor a generated vmlinux.h. */
#ifndef GILSCOPE_PROBES_KERNEL_BPF_H
#define GILSCOPE_PROBES_KERNEL_BPF_H

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct upid {
	int nr;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct task_struct {
	int pid;
	int tgid;
	unsigned int __state;
	int exit_code;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	struct pid *thread_pid;
	char comm[16];
};

/* Before 2f064a59a11f ("sched: Change task_struct::state", 5.14). */
struct task_struct___old {
	long state;
};

/* The registers of a task in a system call. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs___kernel {
	unsigned long di, orig_ax;
};
#define SYSCALL_NUMBER(regs) BPF_CORE_READ(regs, orig_ax)
#define SYSCALL_ARGUMENT_0(regs) BPF_CORE_READ(regs, di)
#define SYSCALL_FUTEX 202
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs___kernel {
	unsigned long orig_x0;
	int syscallno;
};
#define SYSCALL_NUMBER(regs) BPF_CORE_READ(regs, syscallno)
#define SYSCALL_ARGUMENT_0(regs) BPF_CORE_READ(regs, orig_x0)
#define SYSCALL_FUTEX 98
#endif

#pragma clang attribute pop

#endif
