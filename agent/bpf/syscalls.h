/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Syscalls that move bytes. All is done at their ends, when it is known how many bytes there are, but for one thing: a
 * write counts from its begin, since the other end may have read it before it is over.
 *
 * Not seen: io_uring, sendmmsg and recvmmsg, preadv2 and pwritev2, 32-bit code.
 */
#pragma once

/* The most bytes of one syscall that are captured. hyper and h2 write at most this much of heads at once; what is longer
 * is a body. */
#define CAPTURE 16384
/* The most parts of a scattered buffer that are looked at. */
#define PARTS 16

#define BIT(number) (1ull << (number))
#define PLAIN (BIT(SYS_READ) | BIT(SYS_WRITE))
#define TO_SOCKETS (BIT(SYS_SENDTO) | BIT(SYS_RECVFROM))
#define SCATTERED (BIT(SYS_READV) | BIT(SYS_WRITEV))
#define MESSAGES (BIT(SYS_SENDMSG) | BIT(SYS_RECVMSG))
#define READS (BIT(SYS_READ) | BIT(SYS_READV) | BIT(SYS_RECVFROM) | BIT(SYS_RECVMSG))
#define WRITES (BIT(SYS_WRITE) | BIT(SYS_WRITEV) | BIT(SYS_SENDTO) | BIT(SYS_SENDMSG) | BIT(SYS_SENDFILE))

INLINE int is_in(u64 set, u64 number)
{
	return number < 64 && set >> number & 1;
}

/* When a thread's write began, by the low bits of its id: an array takes some instructions, where storage by task takes a call.
 * Where two threads that write at once have these in common, the one that ends last has begun when it ends. */
#define THREADS 65536
struct begin {
	u32 thread;
	u32 pad;
	u64 time;
};

struct {
	NUMBER(type, MAP_ARRAY);
	NUMBER(max_entries, THREADS);
	TYPE(key, u32);
	TYPE(value, struct begin);
} begins SEC(".maps");

INLINE struct begin *begin_of(const struct task_struct *self)
{
	u32 place = self->pid % THREADS;

	return map_lookup(&begins, &place);
}

/* Room for one event a processor; a per-processor map cannot hold values as large. The verifier wants to see that a
 * part that begins before CAPTURE and is no longer than it fits: hence twice. Only one program uses it, and the kernel
 * runs a program once at a time on a processor. */
struct room {
	struct data data;
	u8 bytes[2 * CAPTURE];
	/* Of a scattered buffer: kept here, where the verifier does not follow all values that they may take. */
	volatile u32 done;
	volatile u32 left;
};

struct {
	NUMBER(type, MAP_ARRAY);
	NUMBER(max_entries, 256); /* set to the number of processors at load */
	TYPE(key, u32);
	TYPE(value, struct room);
} rooms SEC(".maps");

/* What a syscall was given. */
struct call {
	u32 descriptor;
	u64 buffer;
	u64 parts; /* 0: `buffer` is the bytes; else it is so many `struct iovec` */
	int writes;
	int is_socket; /* that much is certain */
};

INLINE u32 copy_bytes(struct room *room, u64 from, u64 size)
{
	asm volatile("" : "+r"(size)); /* or the compiler proves the bound away that the verifier needs to see */
	size &= 2 * CAPTURE - 1;
	return read_user(room->bytes, size, (void *)from) ? 0 : size;
}

INLINE u32 copy_parts(struct room *room, u64 vectors, u64 parts, u32 size)
{
	room->done = 0;
	room->left = size;
	for (u32 i = 0; i < PARTS; i++) {
		struct iovec part = {};
		u64 done = room->done, left = room->left;

		if (i >= parts || !left || read_user(&part, sizeof(part), (void *)(vectors + i * sizeof(part))))
			break;
		u64 some = part.length < left ? part.length : left;
		asm volatile("" : "+r"(some), "+r"(done));
		some &= 2 * CAPTURE - 1;
		done &= CAPTURE - 1;
		if (some > CAPTURE || read_user(room->bytes + done, some, (void *)part.base))
			break;
		room->done = done + some;
		room->left = left - some;
	}
	return room->done;
}

/* Sends what a syscall has moved, if it was on a TCP connection. Gives false if it was not. */
INLINE int send(struct task_struct *self, const struct target *target, const struct call *call, u32 moved)
{
	u32 here = processor(), first = 0;
	u64 time = 0, size;
	struct connection *connection =
		connection_of(self, call->descriptor, call->is_socket, moved, call->writes, &first);

	if (!connection)
		return 0;
	connection->next[call->writes] = first + moved;
	if (is_unwanted(connection))
		return 1;
	struct room *room = map_lookup(&rooms, &here);
	if (!room)
		return 1;
	if (call->writes) {
		struct begin *begin = begin_of(self);

		if (begin && begin->thread == self->pid)
			time = begin->time;
	}
	struct data *data = &room->data;
	fill(&data->event, call->writes ? EVENT_WRITE : EVENT_READ, self->tgid, self->pid, time ? time : now(),
	     task_now(self, target));
	data->connection = connection->number;
	data->ends = connection->ends;
	data->sequence = first;
	data->moved = moved;
	size = moved < CAPTURE ? moved : CAPTURE;
	size = !call->buffer ? 0
	     : call->parts   ? copy_parts(room, call->buffer, call->parts, size)
			     : copy_bytes(room, call->buffer, size);
	data->captured = size;
	asm volatile("" : "+r"(size));
	size &= 2 * CAPTURE - 1;
	if (ring_output(&ring, room, sizeof(*data) + size, NO_WAKEUP))
		count(COUNT_LOST);
	return 1;
}

/* sys_enter(registers, number). */
SEC("tp_btf/sys_enter") int syscall_begins(u64 *at)
{
	u64 number = at[1];

	if (!is_in(WRITES, number) && number != SYS_SPLICE)
		return 0;
	struct task_struct *self = current_task();
	if (!target_of(self))
		return 0;
	struct begin *begin = begin_of(self);
	if (begin) {
		begin->thread = self->pid;
		begin->time = now();
	}
	return 0;
}

/* sys_exit(registers, result). */
SEC("tp_btf/sys_exit") int syscall_ends(u64 *at)
{
	struct pt_regs *registers = (void *)at[0];
	s64 result = at[1];
	u64 number = registers->orig_ax, flags = 0;

	if (result < 0 || (!is_in(READS | WRITES, number) && number != SYS_SPLICE))
		return 0;
	struct task_struct *self = current_task();
	struct target *target = target_of(self);
	if (!target || self->thread_info.status & TS_COMPAT)
		return 0;
	struct call call = {
		.descriptor = registers->di,
		.buffer = registers->si,
		.writes = is_in(WRITES, number),
		.is_socket = is_in(TO_SOCKETS | MESSAGES, number),
	};
	/* A read of nothing is the end of what the other end sends, unless nothing was asked for. */
	if (result == 0 && (call.writes || number == SYS_SPLICE || (!is_in(MESSAGES, number) && !registers->dx)))
		return 0;
	if (number == SYS_SPLICE || number == SYS_SENDFILE) {
		call.buffer = 0; /* the bytes are in no memory of the process */
	} else if (is_in(SCATTERED, number)) {
		call.parts = registers->dx;
	} else if (is_in(MESSAGES, number)) {
		struct msghdr message = {};

		read_user(&message, sizeof(message), (void *)call.buffer);
		call.buffer = message.vector_count ? message.vectors : 0;
		call.parts = message.vector_count;
		flags = registers->dx;
	} else if (is_in(TO_SOCKETS, number)) {
		flags = registers->r10;
	}
	if (!call.writes) {
		/* Bytes that are only looked at will come again; others are of no stream. */
		if (flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE))
			return 0;
		if (flags & MSG_TRUNC)
			call.buffer = 0; /* they are thrown away */
	}
	if (number == SYS_SPLICE) {
		struct call into = { .descriptor = registers->dx, .writes = 1 };

		if (send(self, target, &into, result))
			return 0;
	}
	send(self, target, &call, result);
	return 0;
}
