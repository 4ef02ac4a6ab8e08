/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Probes on functions of tokio and h2: which task woke, spawned or read what. */
#pragma once

/* So that types that are only behind pointers are in the object's BTF. */
const struct edge *edge_type;
const struct sample *sample_type;

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

INLINE int send_edge(u32 kind, const struct task_struct *self, u64 task, u64 other)
{
	struct edge *edge = ring_reserve(&ring, sizeof(*edge), 0);

	if (!edge) {
		count(COUNT_LOST);
		return 0;
	}
	fill(&edge->event, kind, self->tgid, self->pid, now(), task);
	edge->other = other;
	ring_submit(edge, NO_WAKEUP);
	return 0;
}

/* The first argument is the Header of the task that is woken. Nobody's wakes (the driver's, a timer's) say nothing of
 * cause, and of those of a task by itself nothing follows. */
SEC("uprobe") int wake(struct registers *at)
{
	struct task_struct *self = current_task();
	struct target *target = target_of(self);

	if (!target)
		return 0;
	u64 task = task_now(self, target);
	if (!task)
		return 0;
	u64 other = id_of(at->rdi);
	if (!other || other == task)
		return 0;
	return send_edge(EVENT_WAKE, self, task, other);
}

/* TaskHooks::spawn(&self, &TaskMeta): the id is the second argument's first word. */
SEC("uprobe") int spawn(struct registers *at)
{
	struct task_struct *self = current_task();
	struct target *target = target_of(self);
	u64 id = 0;

	if (!target || read_user(&id, sizeof(id), (void *)at->rsi) || !id)
		return 0;
	return send_edge(EVENT_SPAWN, self, task_now(self, target), id);
}

/* OwnedTasks::bind_inner(&self, Header): where TaskHooks::spawn was inlined. */
SEC("uprobe") int bind(struct registers *at)
{
	struct task_struct *self = current_task();
	struct target *target = target_of(self);

	if (!target)
		return 0;
	u64 id = id_of(at->rsi);
	return id ? send_edge(EVENT_SPAWN, self, task_now(self, target), id) : 0;
}

/* Reads that were told last, by the low bits of what stands for them: a body is read several times, and that the same task
 * reads the same stream again says nothing new. */
#define TOLD 4096
struct {
	NUMBER(type, MAP_ARRAY);
	NUMBER(max_entries, TOLD);
	TYPE(key, u32);
	TYPE(value, u64);
} told SEC(".maps");

/* A process uses no task's id again, so what comes again is the same read; or the task has opened another connection that lies
 * at the same address, or the process is another of the same number: then a stream of the same number stays without a link. */
INLINE u64 mix(u64 task, u64 shared, u64 key)
{
	u64 mixed = (task * 0x9e3779b97f4a7c15 ^ shared) * 0xbf58476d1ce4e5b9 ^ key;

	mixed *= 0x94d049bb133111eb;
	return mixed ^ mixed >> 32;
}

/* The task is at a stream of HTTP/2. At the start of the RecvStream lie the address of what the connection's streams share,
 * and the stream's key: its place in a list, and its number. */
INLINE int send_stream(u64 recv_stream)
{
	struct task_struct *self = current_task();
	struct target *target = target_of(self);
	u64 words[2];

	if (!target)
		return 0;
	u64 task = task_now(self, target);
	if (!task || read_user(words, sizeof(words), (void *)recv_stream))
		return 0;
	u64 read = mix(task ^ (u64)self->tgid << 40, words[0], words[1]);
	u32 place = read % TOLD;
	u64 *last = map_lookup(&told, &place);
	if (!last || *last == read)
		return 0;
	struct stream *stream = ring_reserve(&ring, sizeof(*stream), 0);
	if (!stream) {
		count(COUNT_LOST);
		return 0;
	}
	fill(&stream->event, EVENT_STREAM, self->tgid, self->pid, now(), task);
	stream->shared = words[0];
	stream->key = words[1];
	ring_submit(stream, NO_WAKEUP);
	*last = read;
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

/* Samples of a process: if these do not tell, more will not. Each is a kilobyte of a ring that is wanted for other things, so
 * there is one in 2^17 nanoseconds, an eighth of a millisecond. */
#define MOST_SAMPLES 4096
#define SAMPLE_PERIOD 17

/* A task is woken: is the id of the one that wakes it among the words below the thread pointer? Until user space knows. */
SEC("uprobe") int calibrate(struct registers *at)
{
	struct task_struct *self = current_task();
	struct target *target = target_of(self);

	if (!target || target->samples >= MOST_SAMPLES)
		return 0;
	u32 period = now() >> SAMPLE_PERIOD;
	if (target->sampled == period)
		return 0;
	target->sampled = period;
	target->samples++;
	struct sample *sample = ring_reserve(&ring, sizeof(*sample), 0);
	if (!sample)
		return 0;
	u64 pointer = self->thread.fsbase;
	fill(&sample->event, EVENT_SAMPLE, self->tgid, self->pid, now(), id_of(at->rdi));
	if (read_user(sample->words, sizeof(sample->words), (void *)(pointer - sizeof(sample->words))))
		sample->event.task = 0;
	ring_submit(sample, NO_WAKEUP);
	return 0;
}
