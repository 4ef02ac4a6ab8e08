/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The little of the kernel that the programs look at: helpers by their number (include/uapi/linux/bpf.h), and of each
 * struct the fields that are read. Where those lie is relocated at load by the kernel's BTF (CO-RE), so their order and
 * neighbours here mean nothing.
 */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;
typedef long long s64;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define RELOCATED __attribute__((preserve_access_index))

/* Of maps as BTF describes them. */
#define NUMBER(name, value) int (*name)[value]
#define TYPE(name, value) typeof(value) *name

enum {
	MAP_HASH = 1,
	MAP_ARRAY = 2,
	MAP_PERCPU_ARRAY = 6,
	MAP_LRU_HASH = 9,
	MAP_RINGBUF = 27,
};
enum { ANY = 0 };

struct task_struct;

static void *(*map_lookup)(void *map, const void *key) = (void *)1;
static long (*map_update)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*map_delete)(void *map, const void *key) = (void *)3;
static u64 (*now)(void) = (void *)5; /* bpf_ktime_get_ns: CLOCK_MONOTONIC */
static u32 (*processor)(void) = (void *)8;
static long (*read_user)(void *into, u32 size, const void *from) = (void *)112;
static long (*read_kernel)(void *into, u32 size, const void *from) = (void *)113;
static long (*ring_output)(void *ring, void *data, u64 size, u64 flags) = (void *)130;
static void *(*ring_reserve)(void *ring, u64 size, u64 flags) = (void *)131;
static void (*ring_submit)(void *data, u64 flags) = (void *)132;
/* bpf_get_current_task_btf: the verifier knows what it points to, so that its fields are read without a helper. */
static struct task_struct *(*current_task)(void) = (void *)158;

/* The consumer looks by itself twenty times a second; waking it for each event would cost more than the event. */
enum { NO_WAKEUP = 1 };

/* Reads a field through a pointer of which the verifier does not know what it points to; what cannot be read is zero
 * (bpf_probe_read_kernel). */
#define READ(from, field)                                                                                              \
	({                                                                                                             \
		typeof((from)->field) value_;                                                                          \
		read_kernel(&value_, sizeof(value_), __builtin_preserve_access_index(&(from)->field));                 \
		value_;                                                                                                \
	})

struct socket;

struct in6_addr {
	u8 bytes[16];
} RELOCATED;

struct sock_common {
	u32 skc_daddr;
	u32 skc_rcv_saddr;
	u16 skc_dport; /* as on the wire */
	u16 skc_num;   /* as on this machine */
	u16 skc_family;
	u64 skc_flags;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
} RELOCATED;

/* Bits of `skc_flags` (enum sock_flags). */
enum { SOCK_DONE = 1 << 1 }; /* the other end's FIN was received */

struct sock {
	struct sock_common __sk_common;
	u16 sk_protocol;
	u8 sk_shutdown;
	struct socket *sk_socket;
} RELOCATED;

enum { IPPROTO_TCP = 6, AF_INET = 2, TCP_CLOSE = 7, SHUTDOWN_BOTH = 3 };

struct tcp_sock {
	u32 write_seq;
	u32 copied_seq;
	u32 rcv_nxt;
} RELOCATED;

struct socket {
	struct file *file;
	struct sock *sk;
} RELOCATED;

struct inode {
	u16 i_mode;
} RELOCATED;

enum { S_IFMT = 0170000, S_IFSOCK = 0140000 };

struct file {
	struct inode *f_inode;
	void *private_data;
} RELOCATED;

struct fdtable {
	u32 max_fds;
	struct file **fd;
} RELOCATED;

struct files_struct {
	struct fdtable *fdt;
} RELOCATED;

struct thread_struct {
	u64 fsbase; /* x86-64: the thread pointer */
} RELOCATED;

struct thread_info {
	u32 status;
} RELOCATED;

enum { TS_COMPAT = 2 }; /* it is in a syscall of 32-bit code, whose numbers are others */

struct task_struct {
	struct thread_info thread_info;
	u32 pid;  /* the thread's */
	u32 tgid; /* the process's */
	struct files_struct *files;
	struct thread_struct thread;
} RELOCATED;

/* Registers at a syscall; those of its arguments keep their values until its end. */
struct pt_regs {
	u64 r10, dx, si, di, orig_ax;
} RELOCATED;

/* Registers at a probe, x86-64 (arch/x86/include/uapi/asm/ptrace.h). */
struct registers {
	u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs, flags, rsp, ss;
};

/* Of user space: what a syscall is given (POSIX). */
struct iovec {
	u64 base;
	u64 length;
};

struct msghdr {
	u64 name;
	u32 name_length;
	u32 pad;
	u64 vectors;
	u64 vector_count;
};

enum { MSG_OOB = 1, MSG_PEEK = 2, MSG_TRUNC = 0x20, MSG_ERRQUEUE = 0x2000 };

/* Syscalls that move bytes, by their numbers (arch/x86/entry/syscalls/syscall_64.tbl). */
enum {
	SYS_READ = 0,
	SYS_WRITE = 1,
	SYS_READV = 19,
	SYS_WRITEV = 20,
	SYS_SENDFILE = 40,
	SYS_SENDTO = 44,
	SYS_RECVFROM = 45,
	SYS_SENDMSG = 46,
	SYS_RECVMSG = 47,
	SYS_SPLICE = 275,
};
