/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * TCP connections of targets, from the first bytes that are seen until they are closed.
 *
 * The kernel uses addresses of files and sockets again. So each connection gets a number of its own, and before something
 * counts for one that is known it has to go on where that one stopped, by TCP's numbers, or be between the same ends. That
 * it is closed is told by TCP itself, whether by close(2), by the end of the process, or by nobody: descriptors say
 * little, since there may be several of one connection.
 */
#pragma once

struct connection {
	u64 number;
	u64 sock;
	u32 process;
	u32 next[2]; /* TCP's number of the next byte to be read, and to be written */
	u32 pieces;
	u32 is_ignored;
	struct ends ends;
};

/* By the kernel's address of the open file. What was not used for longest goes first: if it comes back it is another
 * connection, to user space. */
struct {
	NUMBER(type, MAP_LRU_HASH);
	NUMBER(max_entries, 16384);
	TYPE(key, u64);
	TYPE(value, struct connection);
} connections SEC(".maps");

/* Connections that user space does not want to hear of again, by number. */
struct {
	NUMBER(type, MAP_LRU_HASH);
	NUMBER(max_entries, 4096);
	TYPE(key, u64);
	TYPE(value, u32);
} ignored SEC(".maps");

/* After so many pieces it is looked again whether user space wants to hear more. */
#define LOOK_AGAIN 16

INLINE void describe(struct ends *ends, struct sock *sock)
{
	u32 *local = (u32 *)ends->local, *remote = (u32 *)ends->remote;
	u16 port = READ(sock, __sk_common.skc_dport);

	ends->remote_port = __builtin_bswap16(port);
	ends->local_port = READ(sock, __sk_common.skc_num);
	if (READ(sock, __sk_common.skc_family) != AF_INET) {
		struct in6_addr address = READ(sock, __sk_common.skc_v6_rcv_saddr);

		__builtin_memcpy(local, &address, sizeof(address));
		address = READ(sock, __sk_common.skc_v6_daddr);
		__builtin_memcpy(remote, &address, sizeof(address));
		return;
	}
	local[0] = local[1] = remote[0] = remote[1] = 0;
	local[2] = remote[2] = 0xffff0000; /* ::ffff:, little-endian */
	local[3] = READ(sock, __sk_common.skc_rcv_saddr);
	remote[3] = READ(sock, __sk_common.skc_daddr);
}

INLINE int are_equal(const struct ends *one, const struct ends *other)
{
	const u32 *a = (const u32 *)one, *b = (const u32 *)other;
	u32 difference = 0;

#pragma unroll
	for (u32 i = 0; i < sizeof(*one) / sizeof(*a); i++)
		difference |= a[i] ^ b[i];
	return !difference;
}

INLINE void tell_closed(const struct connection *connection)
{
	struct closed *closed = ring_reserve(&ring, sizeof(*closed), 0);

	if (!closed) {
		count(COUNT_LOST);
		return;
	}
	fill(&closed->event, EVENT_CLOSE, connection->process, 0, now(), 0);
	closed->connection = connection->number;
	ring_submit(closed, NO_WAKEUP);
}

INLINE struct file *file_of(const struct task_struct *self, u32 descriptor)
{
	struct fdtable *table = self->files->fdt;
	struct file *file = 0;

	if (descriptor < table->max_fds)
		read_kernel(&file, sizeof(file), (struct file **)table->fd + descriptor);
	return file;
}

/* The TCP socket behind a file, if that is what it is. */
INLINE struct sock *tcp_of(struct file *file, int is_socket)
{
	if (!is_socket) {
		struct inode *inode = READ(file, f_inode);

		if ((READ(inode, i_mode) & S_IFMT) != S_IFSOCK)
			return 0;
	}
	struct socket *socket = READ(file, private_data);
	struct sock *sock = READ(socket, sk);
	return sock && READ(sock, sk_protocol) == IPPROTO_TCP ? sock : 0;
}

/* TCP's number of the first byte that a syscall has moved which is just over. */
INLINE u32 first_of(struct sock *sock, u32 moved, int writes)
{
	struct tcp_sock *tcp = (void *)sock;

	return (writes ? READ(tcp, write_seq) : READ(tcp, copied_seq)) - moved;
}

/* The connection behind a descriptor, over which a syscall has moved bytes, and TCP's number of their first. None if it is
 * no TCP. */
INLINE struct connection *connection_of(const struct task_struct *self, u32 descriptor, int is_socket, u32 moved,
					int writes, u32 *first)
{
	struct file *file = file_of(self, descriptor);
	u64 key = (u64)file;
	struct connection *known = map_lookup(&connections, &key), fresh = {};
	u32 process = self->tgid;

	if (known && known->process == process) {
		*first = first_of((struct sock *)known->sock, moved, writes);
		if (known->next[writes] == *first)
			return known;
	}
	if (!file)
		return 0;
	struct sock *sock = tcp_of(file, is_socket);
	if (!sock)
		return 0;
	*first = first_of(sock, moved, writes);
	/* A read that meets the other end's FIN takes it like one more byte. */
	struct tcp_sock *tcp = (void *)sock;
	if (!writes && READ(sock, __sk_common.skc_flags) & SOCK_DONE && READ(tcp, rcv_nxt) == *first + moved)
		--*first;
	describe(&fresh.ends, sock);
	if (known) {
		if (known->process == process && known->sock == (u64)sock && are_equal(&known->ends, &fresh.ends))
			return known;
		tell_closed(known);
	}
	fresh.number = now() << 8 | (processor() & 0xff);
	fresh.sock = (u64)sock;
	fresh.process = process;
	map_update(&connections, &key, &fresh, ANY);
	return map_lookup(&connections, &key);
}

INLINE int is_unwanted(struct connection *connection)
{
	if (!(++connection->pieces % LOOK_AGAIN) && map_lookup(&ignored, &connection->number))
		connection->is_ignored = 1;
	return connection->is_ignored;
}

/* inet_sock_set_state(sk, old state, new state). Once neither side of a process's end is open any more, nothing is
 * moved, though TCP itself may not be done for a minute. It comes before the file goes whose address is the key. */
SEC("tp_btf/inet_sock_set_state") int state_is_set(u64 *at)
{
	struct sock *sock = (void *)at[0];
	s32 state = at[2];

	if (state != TCP_CLOSE && sock->sk_shutdown != SHUTDOWN_BOTH)
		return 0;
	u64 file = (u64)sock->sk_socket->file;
	struct connection *connection = map_lookup(&connections, &file);
	if (!connection || connection->sock != at[0])
		return 0;
	if (connection->is_ignored)
		map_delete(&ignored, &connection->number);
	tell_closed(connection);
	map_delete(&connections, &file);
	return 0;
}
