/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What goes to user space. `src/event.rs` reads the same layout. Native byte order, no padding that is not named.
 */
#pragma once

enum kind {
	EVENT_READ = 1,
	EVENT_WRITE = 2,
	EVENT_CLOSE = 3,
	EVENT_WAKE = 4,
	EVENT_SPAWN = 5,
	EVENT_SAMPLE = 6,
	EVENT_EXEC = 7,
	EVENT_STREAM = 8,
};

/* At the start of each event. */
struct event {
	u32 kind;
	u32 process; /* tgid */
	u32 thread;  /* tid */
	u32 pad;
	u64 time; /* CLOCK_MONOTONIC, nanoseconds. A write: when it began. A read: when it was over */
	u64 task; /* the tokio task that runs on the thread; 0: none, or not known */
};

/* EVENT_WAKE, EVENT_SPAWN: what `task` did to another. */
struct edge {
	struct event event;
	u64 other;
};

/* EVENT_CLOSE: nothing more is moved on the connection. Who closed it is not told (it may be nobody of the process): `thread` and
 * `task` are 0. */
struct closed {
	struct event event;
	u64 connection;
};

/* The two ends of a connection. */
struct ends {
	u16 local_port;
	u16 remote_port;
	u8 local[16]; /* IPv4 as ::ffff:a.b.c.d */
	u8 remote[16];
};

/* EVENT_READ, EVENT_WRITE: bytes of a TCP connection, as many of them as were captured behind it. */
struct data {
	struct event event;
	u64 connection; /* a number that no other connection has, before or after */
	u32 sequence;	/* TCP's, of the first byte */
	u32 moved;	/* how many bytes the syscall moved; 0: the other end has closed */
	u32 captured;
	struct ends ends;
};

/* EVENT_SAMPLE: the words below the thread pointer while `task` is woken. */
#define SAMPLE_WORDS 128
struct sample {
	struct event event;
	u64 words[SAMPLE_WORDS]; /* the last one lies right below the thread pointer */
};

/* EVENT_STREAM: `task` reads the body of a stream of HTTP/2. */
struct stream {
	struct event event;
	u64 shared; /* an address that all streams of a connection have in common */
	u64 key;
};
