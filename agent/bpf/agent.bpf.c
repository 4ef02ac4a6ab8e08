/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Capture, and nothing else: bytes of TCP sockets with the tokio task that moved them, and which task woke or spawned
 * which. What they mean is found out in user space.
 *
 *   sys_enter_*   which socket, which buffer, which task, which TCP sequence   → `calls`, by thread
 *   sys_exit_*    how many bytes; copies them                                  → `ring`
 *   uprobes       wake_by_val, wake_by_ref, TaskHooks::spawn (tokio)           → `ring`
 *
 * Only processes in `targets` are looked at.
 */
#include "kernel.h"
#include "event.h"

/* Helpers that read a user's memory are for programs under a licence that goes with the GPL. */
char licence_name[] SEC("license") = "Dual BSD/GPL";

/* The most bytes of one syscall that are captured. hyper and h2 write at most this much of heads at once; what is longer is a body. */
#define CAPTURE 16384
/* The most parts of a scattered buffer that are looked at. */
#define PARTS 16

struct target {
	s32 current_task; /* where tokio keeps the id of the current task, from the thread pointer; 0: not known */
};

struct {
	NUMBER(type, MAP_HASH);
	NUMBER(max_entries, 1024);
	TYPE(key, u32);
	TYPE(value, struct target);
} targets SEC(".maps");

struct {
	NUMBER(type, MAP_RINGBUF);
	NUMBER(max_entries, 1 << 24);
} ring SEC(".maps");

/* What a thread's syscall was given, from its start to its end. */
struct call {
	u64 time;
	u64 task;
	u64 socket;
	u64 buffer;
	u32 parts; /* 0: `buffer` is the bytes; else it is so many `struct iovec` */
	u32 sequence;
};

struct {
	NUMBER(type, MAP_HASH);
	NUMBER(max_entries, 16384);
	TYPE(key, u32);
	TYPE(value, struct call);
} calls SEC(".maps");

/* Connections that user space does not want to hear of again, by socket. */
struct {
	NUMBER(type, MAP_LRU_HASH);
	NUMBER(max_entries, 4096);
	TYPE(key, u64);
	TYPE(value, u32);
} ignored SEC(".maps");

/* Room for one event a processor; a per-processor map cannot hold values as large. The verifier wants to see that a
 * part that begins before CAPTURE and is no longer than it fits: hence twice. */
struct room {
	struct data data;
	u8 bytes[2 * CAPTURE];
};

struct {
	NUMBER(type, MAP_ARRAY);
	NUMBER(max_entries, 256); /* set to the number of processors at load */
	TYPE(key, u32);
	TYPE(value, struct room);
} rooms SEC(".maps");

enum counter { COUNT_LOST, COUNT_EVENTS, COUNT_SAMPLES, COUNTERS };

struct {
	NUMBER(type, MAP_PERCPU_ARRAY);
	NUMBER(max_entries, COUNTERS);
	TYPE(key, u32);
	TYPE(value, u64);
} counters SEC(".maps");

/* So that types that are only behind pointers are in the object's BTF. */
const struct edge *edge_type;
const struct sample *sample_type;

INLINE u64 count(u32 which)
{
	u64 *counter = map_lookup(&counters, &which);

	return counter ? ++*counter : 0;
}

INLINE struct target *target_of(u64 ids)
{
	u32 process = ids >> 32;

	return map_lookup(&targets, &process);
}

INLINE u64 task_now(const struct target *target)
{
	u64 id = 0;

	if (!target->current_task)
		return 0;
	struct task_struct *self = current_task();
	u64 pointer = READ(self, thread.fsbase);

	read_user(&id, sizeof(id), (void *)(pointer + (s64)target->current_task));
	return id;
}

/*
 * tokio::runtime::task::core::Header { state, queue_next, vtable, owner_id } and Vtable { poll, schedule, dealloc,
 * try_read_output, drop_join_handle_slow, drop_abort_handle, shutdown, trailer_offset, scheduler_offset, id_offset, … }.
 */
INLINE u64 id_of(u64 header)
{
	u64 vtable = 0, offset = 0, id = 0;

	if (read_user(&vtable, sizeof(vtable), (void *)(header + 16)) || !vtable)
		return 0;
	if (read_user(&offset, sizeof(offset), (void *)(vtable + 72)) || offset > 4096)
		return 0;
	if (read_user(&id, sizeof(id), (void *)(header + offset)))
		return 0;
	return id;
}

INLINE void fill(struct event *event, u32 kind, u64 ids, u64 time, u64 task)
{
	event->kind = kind;
	event->process = ids >> 32;
	event->thread = ids;
	event->pad = 0;
	event->time = time;
	event->task = task;
}

INLINE int send_edge(u32 kind, u64 ids, u64 task, u64 other)
{
	struct edge *edge = ring_reserve(&ring, sizeof(*edge), 0);

	if (!edge) {
		count(COUNT_LOST);
		return 0;
	}
	fill(&edge->event, kind, ids, now(), task);
	edge->other = other;
	ring_submit(edge, NO_WAKEUP);
	count(COUNT_EVENTS);
	return 0;
}

/* The first argument is the Header of the task that is woken. Nobody's wakes (the driver's, a timer's) say nothing of
 * cause, and of those of a task by itself nothing follows. */
SEC("uprobe") int wake(struct registers *at)
{
	u64 ids = pid_tgid();
	struct target *target = target_of(ids);

	if (!target)
		return 0;
	u64 task = task_now(target);
	if (!task)
		return 0;
	u64 other = id_of(at->rdi);
	if (!other || other == task)
		return 0;
	return send_edge(EVENT_WAKE, ids, task, other);
}

/* TaskHooks::spawn(&self, &TaskMeta): the id is the second argument's first word. */
SEC("uprobe") int spawn(struct registers *at)
{
	u64 ids = pid_tgid(), id = 0;
	struct target *target = target_of(ids);

	if (!target || read_user(&id, sizeof(id), (void *)at->rsi) || !id)
		return 0;
	return send_edge(EVENT_SPAWN, ids, task_now(target), id);
}

/* OwnedTasks::bind_inner(&self, Header): where TaskHooks::spawn was inlined. */
SEC("uprobe") int bind(struct registers *at)
{
	u64 ids = pid_tgid();
	struct target *target = target_of(ids);

	if (!target)
		return 0;
	u64 id = id_of(at->rsi);
	return id ? send_edge(EVENT_SPAWN, ids, task_now(target), id) : 0;
}

/* The task is at a stream of HTTP/2. At the start of the RecvStream lie the address of what the connection's streams share,
 * and the stream's key: its place in a list, and its number. */
INLINE int send_stream(u64 recv_stream)
{
	u64 ids = pid_tgid(), words[2];
	struct target *target = target_of(ids);

	if (!target)
		return 0;
	u64 task = task_now(target);
	if (!task || read_user(words, sizeof(words), (void *)recv_stream))
		return 0;
	struct stream *stream = ring_reserve(&ring, sizeof(*stream), 0);
	if (!stream) {
		count(COUNT_LOST);
		return 0;
	}
	fill(&stream->event, EVENT_STREAM, ids, now(), task);
	stream->shared = words[0];
	stream->key = words[1];
	ring_submit(stream, NO_WAKEUP);
	count(COUNT_EVENTS);
	return 0;
}

/* h2::share::RecvStream::poll_data(&mut self): what it returns is large, so the first argument is where that goes, and self
 * is the second. */
SEC("uprobe") int stream_read(struct registers *at)
{
	return send_stream(at->rsi);
}

/* <h2::share::RecvStream as Drop>::drop(&mut self): an answer without a body is not read, but dropped. */
SEC("uprobe") int stream_drop(struct registers *at)
{
	return send_stream(at->rdi);
}

/* A task is woken: is the id of the one that wakes it among the words below the thread pointer? Until user space knows. */
SEC("uprobe") int calibrate(struct registers *at)
{
	u64 ids = pid_tgid();

	if (!target_of(ids) || count(COUNT_SAMPLES) > 4096)
		return 0;
	struct sample *sample = ring_reserve(&ring, sizeof(*sample), 0);
	if (!sample)
		return 0;
	struct task_struct *self = current_task();
	u64 pointer = READ(self, thread.fsbase);
	fill(&sample->event, EVENT_SAMPLE, ids, now(), id_of(at->rdi));
	if (read_user(sample->words, sizeof(sample->words), (void *)(pointer - sizeof(sample->words))))
		sample->event.task = 0;
	ring_submit(sample, NO_WAKEUP);
	return 0;
}

/* The TCP socket behind a descriptor of the current process. */
INLINE struct sock *socket_of(u32 descriptor)
{
	struct task_struct *self = current_task();
	struct files_struct *files = READ(self, files);
	struct fdtable *table = READ(files, fdt);
	struct file *file = 0;

	if (descriptor >= READ(table, max_fds))
		return 0;
	struct file **list = READ(table, fd);
	read_kernel(&file, sizeof(file), list + descriptor);
	if (!file)
		return 0;
	struct inode *inode = READ(file, f_inode);
	if ((READ(inode, i_mode) & 0170000) != 0140000) /* S_IFMT, S_IFSOCK */
		return 0;
	struct socket *socket = READ(file, private_data);
	struct sock *sock = READ(socket, sk);
	if (!sock || READ(sock, sk_protocol) != 6) /* IPPROTO_TCP */
		return 0;
	return sock;
}

INLINE int enter(u64 ids, const struct target *target, u32 descriptor, u64 buffer, u32 parts, int writes)
{
	u32 thread = ids;
	struct sock *sock = socket_of(descriptor);

	if (!sock)
		return 0;
	u64 socket = (u64)sock;
	if (map_lookup(&ignored, &socket))
		return 0;
	struct tcp_sock *tcp = (void *)sock;
	struct call call = {
		.time = now(),
		.task = task_now(target),
		.socket = socket,
		.buffer = buffer,
		.parts = parts,
		.sequence = writes ? READ(tcp, write_seq) : READ(tcp, copied_seq),
	};
	map_update(&calls, &thread, &call, ANY);
	return 0;
}

INLINE u32 copy_bytes(u8 *into, u64 from, u64 size)
{
	if (size > CAPTURE)
		size = CAPTURE;
	asm volatile("" : "+r"(size)); /* or the compiler proves the bound away that the verifier needs to see */
	size &= 2 * CAPTURE - 1;
	return read_user(into, size, (void *)from) ? 0 : size;
}

INLINE u32 copy_parts(u8 *into, u64 vectors, u32 parts, u64 left)
{
	u64 done = 0;

	for (u32 i = 0; i < PARTS; i++) {
		struct iovec part = {};

		if (i >= parts || !left || done >= CAPTURE)
			break;
		if (read_user(&part, sizeof(part), (void *)(vectors + i * sizeof(part))))
			break;
		u64 size = part.length < left ? part.length : left;
		u64 room = CAPTURE - done;
		u64 some = size < room ? size : room;
		asm volatile("" : "+r"(some));
		some &= 2 * CAPTURE - 1;
		if (some > CAPTURE)
			break;
		asm volatile("" : "+r"(done));
		done &= CAPTURE - 1;
		if (read_user(into + done, some, (void *)part.base))
			break;
		done += some;
		left -= size;
		if (some < size)
			break;
	}
	return done > CAPTURE ? CAPTURE : done;
}

INLINE void addresses(struct data *data, struct sock *sock)
{
	u16 port = READ(sock, __sk_common.skc_dport);

	data->remote_port = __builtin_bswap16(port);
	data->local_port = READ(sock, __sk_common.skc_num);
	if (READ(sock, __sk_common.skc_family) == 2) { /* AF_INET */
		u32 local = READ(sock, __sk_common.skc_rcv_saddr), remote = READ(sock, __sk_common.skc_daddr);
		u64 *high = (u64 *)data->local;
		u32 *words = (u32 *)data->local;

		high[0] = 0;
		words[2] = 0xffff0000; /* ::ffff:, little-endian */
		words[3] = local;
		high = (u64 *)data->remote;
		words = (u32 *)data->remote;
		high[0] = 0;
		words[2] = 0xffff0000;
		words[3] = remote;
		return;
	}
	struct in6_addr address = READ(sock, __sk_common.skc_v6_rcv_saddr);
	__builtin_memcpy(data->local, &address, 16);
	address = READ(sock, __sk_common.skc_v6_daddr);
	__builtin_memcpy(data->remote, &address, 16);
}

INLINE int leave(s64 result, int writes)
{
	u64 ids = pid_tgid();
	u32 thread = ids, here = processor();
	struct call *call = map_lookup(&calls, &thread);

	if (!call)
		return 0;
	if (result < 0 || (result == 0 && writes))
		goto done;
	struct room *room = map_lookup(&rooms, &here);
	if (!room)
		goto done;
	struct data *data = &room->data;
	fill(&data->event, writes ? EVENT_WRITE : EVENT_READ, ids, writes ? call->time : now(), call->task);
	data->socket = call->socket;
	data->sequence = call->sequence;
	data->moved = result;
	addresses(data, (void *)call->socket);
	u32 captured = 0;
	if (result > 0)
		captured = call->parts ? copy_parts(room->bytes, call->buffer, call->parts, result)
				       : copy_bytes(room->bytes, call->buffer, result);
	data->captured = captured;
	u64 size = captured;
	asm volatile("" : "+r"(size));
	size &= 2 * CAPTURE - 1;
	if (ring_output(&ring, room, sizeof(*data) + size, NO_WAKEUP))
		count(COUNT_LOST);
	else
		count(COUNT_EVENTS);
done:
	map_delete(&calls, &thread);
	return 0;
}

/* What a syscall's end takes does not depend on which it is: one program serves all that read, and one all that write. */
SEC("tracepoint") int exit_reads(struct left *at)
{
	return leave(at->result, 0);
}

SEC("tracepoint") int exit_writes(struct left *at)
{
	return leave(at->result, 1);
}

/* clang may fold an access of the context into one by a variable, which the verifier refuses: all are read first. */
#define PLAIN(name, writes)                                                                                            \
	SEC("tracepoint/syscalls/sys_enter_" #name) int enter_##name(struct entered *at)                               \
	{                                                                                                              \
		u64 ids = pid_tgid();                                                                                  \
		struct target *target = target_of(ids);                                                                \
		if (!target)                                                                                           \
			return 0;                                                                                      \
		volatile u64 descriptor = at->arguments[0], buffer = at->arguments[1];                                 \
		return enter(ids, target, descriptor, buffer, 0, writes);                                              \
	}

#define SCATTERED(name, writes)                                                                                        \
	SEC("tracepoint/syscalls/sys_enter_" #name) int enter_##name(struct entered *at)                               \
	{                                                                                                              \
		u64 ids = pid_tgid();                                                                                  \
		struct target *target = target_of(ids);                                                                \
		if (!target)                                                                                           \
			return 0;                                                                                      \
		volatile u64 descriptor = at->arguments[0], buffer = at->arguments[1], parts = at->arguments[2];       \
		return enter(ids, target, descriptor, buffer, parts, writes);                                          \
	}

enum { MSG_PEEK = 2 };

/* Bytes that are only looked at will come again. */
#define WITH_FLAGS(name, writes)                                                                                       \
	SEC("tracepoint/syscalls/sys_enter_" #name) int enter_##name(struct entered *at)                               \
	{                                                                                                              \
		u64 ids = pid_tgid();                                                                                  \
		struct target *target = target_of(ids);                                                                \
		if (!target)                                                                                           \
			return 0;                                                                                      \
		volatile u64 descriptor = at->arguments[0], buffer = at->arguments[1], flags = at->arguments[3];       \
		if (!writes && (flags & MSG_PEEK))                                                                     \
			return 0;                                                                                      \
		return enter(ids, target, descriptor, buffer, 0, writes);                                              \
	}

#define MESSAGE(name, writes)                                                                                          \
	SEC("tracepoint/syscalls/sys_enter_" #name) int enter_##name(struct entered *at)                               \
	{                                                                                                              \
		u64 ids = pid_tgid();                                                                                  \
		struct target *target = target_of(ids);                                                                \
		struct msghdr message = {};                                                                            \
		if (!target)                                                                                           \
			return 0;                                                                                      \
		volatile u64 descriptor = at->arguments[0], from = at->arguments[1], flags = at->arguments[2];         \
		if (!writes && (flags & MSG_PEEK))                                                                     \
			return 0;                                                                                      \
		if (read_user(&message, sizeof(message), (void *)from))                                                \
			return 0;                                                                                      \
		return enter(ids, target, descriptor, message.vectors, message.vector_count, writes);                  \
	}

PLAIN(read, 0)
PLAIN(write, 1)
SCATTERED(readv, 0)
SCATTERED(writev, 1)
WITH_FLAGS(recvfrom, 0)
WITH_FLAGS(sendto, 1)
MESSAGE(recvmsg, 0)
MESSAGE(sendmsg, 1)

SEC("tracepoint/syscalls/sys_enter_close") int enter_close(struct entered *at)
{
	u64 ids = pid_tgid();
	struct target *target = target_of(ids);

	if (!target)
		return 0;
	struct sock *sock = socket_of(at->arguments[0]);
	if (!sock)
		return 0;
	u64 socket = (u64)sock;
	map_delete(&ignored, &socket);
	struct closed *closed = ring_reserve(&ring, sizeof(*closed), 0);
	if (!closed) {
		count(COUNT_LOST);
		return 0;
	}
	fill(&closed->event, EVENT_CLOSE, ids, now(), task_now(target));
	closed->socket = socket;
	ring_submit(closed, NO_WAKEUP);
	count(COUNT_EVENTS);
	return 0;
}

/* A program starts: is it one that we look for? */
SEC("tracepoint/sched/sched_process_exec") int process_exec(void *at)
{
	struct event *event = ring_reserve(&ring, sizeof(*event), 0);

	if (!event)
		return 0;
	fill(event, EVENT_EXEC, pid_tgid(), now(), 0);
	ring_submit(event, NO_WAKEUP);
	return 0;
}
