/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What all programs have in common: who is looked at, and how an event begins. */
#pragma once

struct target {
	u32 process;
	s32 current_task; /* where tokio keeps the id of the current task, from the thread pointer; 0: not known */
	u32 samples;	  /* that were sent to find that out */
	u32 sampled;	  /* when the last one was */
};

/* All processes pay for the question whether they are targets, with each syscall. So it is answered by an array, which
 * takes some instructions, where a hash map takes a call: here by the low bits of the process's id, with 0 for nobody and
 * SEVERAL for those that are to be looked up. */
#define SLOTS 8192
#define SEVERAL (~0u)
struct {
	NUMBER(type, MAP_ARRAY);
	NUMBER(max_entries, SLOTS);
	TYPE(key, u32);
	TYPE(value, struct target);
} slots SEC(".maps");

struct {
	NUMBER(type, MAP_HASH);
	NUMBER(max_entries, 1024);
	TYPE(key, u32);
	TYPE(value, struct target);
} targets SEC(".maps");

struct {
	NUMBER(type, MAP_RINGBUF);
	NUMBER(max_entries, 1 << 24); /* set at load */
} ring SEC(".maps");

enum counter { COUNT_LOST, COUNTERS };

struct {
	NUMBER(type, MAP_PERCPU_ARRAY);
	NUMBER(max_entries, COUNTERS);
	TYPE(key, u32);
	TYPE(value, u64);
} counters SEC(".maps");

INLINE void count(u32 which)
{
	u64 *counter = map_lookup(&counters, &which);

	if (counter)
		++*counter;
}

/* None if the process is no target. */
INLINE struct target *target_of(const struct task_struct *self)
{
	u32 process = self->tgid, place = process % SLOTS;
	struct target *slot = map_lookup(&slots, &place);

	if (!slot || slot->process == process)
		return slot;
	return slot->process == SEVERAL ? map_lookup(&targets, &process) : 0;
}

/* The tokio task that the thread runs, by its id; 0: none, or not known. */
INLINE u64 task_now(const struct task_struct *self, const struct target *target)
{
	u64 id = 0;

	if (target->current_task)
		read_user(&id, sizeof(id), (void *)(self->thread.fsbase + (s64)target->current_task));
	return id;
}

INLINE void fill(struct event *event, u32 kind, u32 process, u32 thread, u64 time, u64 task)
{
	event->kind = kind;
	event->process = process;
	event->thread = thread;
	event->pad = 0;
	event->time = time;
	event->task = task;
}
