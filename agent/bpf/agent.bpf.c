/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Capture, and nothing else: bytes of TCP connections with the tokio task that moved them, and which task woke or spawned
 * which. What they mean is found out in user space.
 *
 *   sys_enter             when a write began                                      → `begins`, by thread
 *   sys_exit              which connection, which bytes, which task               → `ring`
 *   inet_sock_set_state   a connection is closed, by whomever and however         → `ring`
 *   uprobes               wakes, spawns and reads of streams (tokio, h2)          → `ring`
 *
 * Only processes in `targets` are looked at.
 */
#include "kernel.h"
#include "event.h"
#include "common.h"
#include "connections.h"
#include "syscalls.h"
#include "tokio.h"

/* Helpers that read a user's memory are for programs under a licence that goes with the GPL. */
char licence_name[] SEC("license") = "Dual BSD/GPL";

/* A program starts. Is it one that we look for? If it takes the place of a target's, nothing is known of where it keeps
 * the current task, until user space has looked. */
SEC("tp_btf/sched_process_exec") int process_exec(void *at)
{
	struct task_struct *self = current_task();
	struct target *target = target_of(self);
	struct event *event = ring_reserve(&ring, sizeof(*event), 0);

	if (target)
		target->current_task = 0;
	if (!event)
		return 0;
	fill(event, EVENT_EXEC, self->tgid, self->pid, now(), 0);
	ring_submit(event, NO_WAKEUP);
	return 0;
}

/* What others are measured against (examples/syscall_cost.rs). Loaded by nobody else. */
SEC("tp_btf/sys_enter") int empty_enter(void *at)
{
	return 0;
}

SEC("tp_btf/sys_exit") int empty_exit(void *at)
{
	return 0;
}
