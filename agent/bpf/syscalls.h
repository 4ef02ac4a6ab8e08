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

/* Room for the bytes of a scattered buffer, a processor each; a per-processor map cannot hold values as large. The verifier
 * wants to see that a part that begins before CAPTURE and is no longer than it fits: hence twice. Only one program uses it,
 * and the kernel runs a program once at a time on a processor. */
struct room {
	struct data data;
	u8 bytes[2 * CAPTURE];
	/* Kept here, where the verifier does not follow all values that they may take. */
	volatile u32 done;
	volatile u32 left;
};

struct {
	NUMBER(type, MAP_ARRAY);
	NUMBER(max_entries, 256); /* set to the number of processors at load */
	TYPE(key, u32);
	TYPE(value, struct room);
} rooms SEC(".maps");

/* A syscall that has moved bytes. */
struct call {
	struct task_struct *self;
	struct target *target;
	u64 buffer;
	u64 parts; /* 0: `buffer` is the bytes; else it is so many `struct iovec` */
	u32 moved;
	u32 first; /* TCP's number of the first byte */
	int writes;
};

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

INLINE void fill_data(struct data *data, const struct call *call, const struct connection *connection)
{
	u64 time = 0;

	if (call->writes) {
		struct begin *begin = begin_of(call->self);

		if (begin && begin->thread == call->self->pid)
			time = begin->time;
	}
	fill(&data->event, call->writes ? EVENT_WRITE : EVENT_READ, call->self->tgid, call->self->pid, time ? time : now(),
	     task_now(call->self, call->target));
	data->connection = connection->number;
	data->sequence = call->first;
	data->moved = call->moved;
	data->ends = connection->ends;
}

/* The bytes go from the process straight into the ring, into as much of it as is known when the program is loaded. What of
 * that is not needed holds whatever was there: user space goes by `captured`. */
INLINE void send_plain(const struct call *call, const struct connection *connection, u64 size, u64 most)
{
	struct data *data = ring_reserve(&ring, sizeof(*data) + most, 0);

	if (!data) {
		count(COUNT_LOST);
		return;
	}
	fill_data(data, call, connection);
	asm volatile("" : "+r"(size)); /* or the compiler proves the bound away that the verifier needs to see */
	if (size > most)
		size = most;
	data->captured = read_user(data + 1, size, (void *)call->buffer) ? 0 : size;
	ring_submit(data, NO_WAKEUP);
}

INLINE void send_scattered(const struct call *call, const struct connection *connection, u64 size)
{
	u32 here = processor();
	struct room *room = map_lookup(&rooms, &here);

	if (!room)
		return;
	fill_data(&room->data, call, connection);
	room->data.captured = size = copy_parts(room, call->buffer, call->parts, size);
	asm volatile("" : "+r"(size));
	size &= 2 * CAPTURE - 1;
	if (ring_output(&ring, room, sizeof(room->data) + size, NO_WAKEUP))
		count(COUNT_LOST);
}

INLINE void send(const struct call *call, const struct connection *connection)
{
	u64 size = !call->buffer ? 0 : call->moved < CAPTURE ? call->moved : CAPTURE;

	if (call->parts && size)
		send_scattered(call, connection, size);
	else if (size <= 128)
		send_plain(call, connection, size, 128);
	else if (size <= 256)
		send_plain(call, connection, size, 256);
	else if (size <= 512)
		send_plain(call, connection, size, 512);
	else if (size <= 1024)
		send_plain(call, connection, size, 1024);
	else if (size <= 2048)
		send_plain(call, connection, size, 2048);
	else if (size <= 4096)
		send_plain(call, connection, size, 4096);
	else if (size <= 8192)
		send_plain(call, connection, size, 8192);
	else
		send_plain(call, connection, size, CAPTURE);
}

/* A target's syscall has moved bytes, on a TCP connection or elsewhere. */
INLINE int bytes_moved(struct task_struct *self, struct target *target, struct pt_regs *registers, u64 number, u32 moved)
{
	u64 flags = 0;
	struct call call = {
		.self = self,
		.target = target,
		.buffer = registers->si,
		.moved = moved,
		.writes = is_in(WRITES, number),
	};
	struct connection *connection = 0;

	/* A read of nothing is the end of what the other end sends, unless nothing was asked for. */
	if (!moved && (call.writes || number == SYS_SPLICE || (!is_in(MESSAGES, number) && !registers->dx)))
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
		connection = connection_of(self, registers->dx, 0, moved, 1, &call.first);
		call.writes = !!connection;
	}
	if (!connection)
		connection = connection_of(self, registers->di, is_in(TO_SOCKETS | MESSAGES, number), moved, call.writes,
					   &call.first);
	if (!connection)
		return 0;
	connection->next[call.writes] = call.first + moved;
	if (!is_unwanted(connection))
		send(&call, connection);
	return 0;
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
	u64 number = registers->orig_ax;

	if (result < 0 || (!is_in(READS | WRITES, number) && number != SYS_SPLICE))
		return 0;
	struct task_struct *self = current_task();
	struct target *target = target_of(self);
	if (!target || self->thread_info.status & TS_COMPAT)
		return 0;
	return bytes_moved(self, target, registers, number, result);
}
