//! The tokio tasks of one process: who spawned whom, who woke whom, and which request a task works for.

use foldhash::HashMap;

use super::ServerId;

/// Tasks kept of one process: seven eighths of a power of two, which is how full a table gets before it grows. One is
/// some 200 bytes; those that nothing was heard of for longest go first.
const MOST_TASKS: usize = 7_168;

/// Requests of a task that are kept: a connection's task gets one after the other.
const MOST_REQUESTS: usize = 8;

/// Wakes of a task that are kept: enough for what happens between two messages of a connection.
const MOST_WAKES: usize = 16;

/// How far up spawns are followed.
const DEEPEST: usize = 16;

/// A task's id, unique in its process and never used again.
pub(crate) type TaskId = u64;

/// The tasks of one process.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    tasks: HashMap<TaskId, Task>,
    /// Tasks that were forgotten to make room.
    pub(crate) evicted: u64,
}

#[derive(Debug, Default)]
struct Task {
    /// When something was heard of it last.
    seen: u64,
    /// Who spawned it, and when.
    spawned: Option<(TaskId, u64)>,
    role: Role,
    /// It carries what others ask, on a connection of its own: it works for whoever came last, so it inherits nothing
    /// and hands nothing on.
    plumbing: bool,
}

/// What is kept of a task beside that.
#[derive(Debug)]
enum Role {
    /// The requests that it serves itself, oldest first.
    Serves(Vec<Request>),
    /// It serves none: who woke it, and when. Of one that does nobody asks.
    Woken(Vec<(TaskId, u64)>),
}

impl Default for Role {
    fn default() -> Self {
        Self::Woken(Vec::new())
    }
}

#[derive(Clone, Copy, Debug)]
struct Request {
    server: ServerId,
    start: u64,
    end: Option<u64>,
}

impl Tasks {
    fn task(&mut self, id: TaskId, now: u64) -> &mut Task {
        if self.tasks.len() >= MOST_TASKS && !self.tasks.contains_key(&id) {
            self.make_room();
        }
        let task = self.tasks.entry(id).or_default();
        task.seen = task.seen.max(now);
        task
    }

    /// Forgets the quarter that nothing was heard of for longest.
    fn make_room(&mut self) {
        let mut seen: Vec<u64> = self.tasks.values().map(|task| task.seen).collect();
        let quarter = seen.len() / 4;
        let (_, limit, _) = seen.select_nth_unstable(quarter);
        let limit = *limit;
        let before = self.tasks.len();
        self.tasks.retain(|_, task| task.seen > limit);
        self.evicted += (before - self.tasks.len()) as u64;
    }

    /// `parent` spawned `child`; 0 stands for code outside of any task. The first sight of a task is its spawn: two
    /// probes may tell of the same one.
    pub(crate) fn spawn(&mut self, parent: TaskId, child: TaskId, at: u64) -> bool {
        if parent != 0 {
            // Something was heard of it.
            self.task(parent, at);
        }
        let task = self.task(child, at);
        if task.spawned.is_some() {
            return false;
        }
        task.spawned = Some((parent, at));
        true
    }

    /// Who spawned a task.
    pub(crate) fn parent(&self, task: TaskId) -> Option<TaskId> {
        let (parent, _) = self.tasks.get(&task)?.spawned?;
        (parent != 0).then_some(parent)
    }

    /// `from` woke `to`.
    pub(crate) fn wake(&mut self, from: TaskId, to: TaskId, at: u64) {
        if let Role::Woken(wakes) = &mut self.task(to, at).role {
            push(wakes, (from, at), MOST_WAKES);
        }
    }

    /// The task serves a request.
    pub(crate) fn serve(&mut self, task: TaskId, server: ServerId, start: u64) {
        let request = Request { server, start, end: None };
        match &mut self.task(task, start).role {
            Role::Serves(requests) => push(requests, request, MOST_REQUESTS),
            role @ Role::Woken(_) => *role = Role::Serves(vec![request]),
        }
    }

    /// The task serves this request, and none of those that it was taken to serve.
    pub(crate) fn serves_instead(&mut self, task: TaskId, server: ServerId, start: u64) {
        self.task(task, start).role = Role::Serves(vec![Request { server, start, end: None }]);
    }

    /// A request was answered.
    pub(crate) fn served(&mut self, task: TaskId, server: ServerId, end: u64) {
        if let Some(Task { role: Role::Serves(requests), .. }) = self.tasks.get_mut(&task)
            && let Some(request) = requests.iter_mut().rev().find(|request| request.server == server)
        {
            request.end = Some(end);
        }
    }

    /// Events were lost: nobody is known to work for anything from now on, since the ends of requests may be among them.
    pub(crate) fn lose(&mut self, at: u64) {
        for task in self.tasks.values_mut() {
            if let Role::Serves(requests) = &mut task.role {
                requests.iter_mut().for_each(|request| _ = request.end.get_or_insert(at));
            }
        }
    }

    /// The task writes requests of others; not so if it serves some itself.
    pub(crate) fn carries(&mut self, task: TaskId, now: u64) {
        let task = self.task(task, now);
        task.plumbing = matches!(task.role, Role::Woken(_));
    }

    /// Whether the task serves requests itself.
    pub(crate) fn serves(&self, task: TaskId) -> bool {
        self.tasks.get(&task).is_some_and(|task| matches!(task.role, Role::Serves(_)))
    }

    /// The request that a task works for at a time: its own, or that of the task that spawned it, at that time. None
    /// for plumbing, and for what was spawned before the agent came.
    pub(crate) fn request(&self, task: TaskId, at: u64) -> Option<ServerId> {
        self.request_and_depth(task, at).map(|(server, _)| server)
    }

    /// [`request`](Self::request), and how many spawns lie between.
    ///
    /// What was spawned for a request works for it no longer than that lasts: it may be a worker that this request was the
    /// first to need, and others use.
    pub(crate) fn request_and_depth(&self, id: TaskId, at: u64) -> Option<(ServerId, usize)> {
        self.find(id, at).map(|(request, depth)| (request.server, depth))
    }

    /// When the [`request`](Self::request) began that a task works for.
    pub(crate) fn works_since(&self, task: TaskId, at: u64) -> Option<u64> {
        self.find(task, at).map(|(request, _)| request.start)
    }

    fn find(&self, mut id: TaskId, mut at: u64) -> Option<(Request, usize)> {
        let now = at;
        for depth in 0..DEEPEST {
            if id == 0 {
                return None;
            }
            let task = self.tasks.get(&id)?;
            if let Role::Serves(requests) = &task.role {
                let request = requests.iter().rev().find(|request| request.start <= at)?;
                return request.end.is_none_or(|end| at <= end && now <= end).then_some((*request, depth));
            }
            if task.plumbing {
                return None;
            }
            (id, at) = task.spawned?;
        }
        None
    }

    /// The requests for which those work that woke a task in a span of time, each once. Nothing, if one of them works for
    /// nobody that is known: that one may have asked.
    pub(crate) fn causes(&self, task: TaskId, after: u64, until: u64) -> Vec<ServerId> {
        let Some(Task { role: Role::Woken(wakes), .. }) = self.tasks.get(&task) else { return Vec::new() };
        let wakes = wakes.iter().filter(|(_, at)| *at > after && *at <= until);
        let causes: Option<Vec<_>> = wakes.map(|(from, at)| self.request(*from, *at)).collect();
        let mut causes = causes.unwrap_or_default();
        causes.sort_unstable();
        causes.dedup();
        causes
    }
}

/// Adds one at the end of a few; of too many the first goes.
fn push<T>(few: &mut Vec<T>, one: T, most: usize) {
    if few.len() == most {
        few.remove(0);
    }
    few.push(one);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_works_for_its_own_request_while_that_lasts() {
        let mut tasks = Tasks::default();
        tasks.serve(1, 100, 10);
        tasks.served(1, 100, 20);
        tasks.serve(1, 101, 30);
        assert_eq!(tasks.request(1, 5), None);
        assert_eq!(tasks.request(1, 10), Some(100));
        assert_eq!(tasks.request(1, 20), Some(100));
        assert_eq!(tasks.request(1, 25), None, "between two requests it works for nobody");
        assert_eq!(tasks.request(1, 99), Some(101));
    }

    #[test]
    fn a_spawned_task_works_for_the_request_at_the_time_of_its_spawn() {
        let mut tasks = Tasks::default();
        tasks.serve(1, 100, 10);
        assert!(tasks.spawn(1, 2, 15));
        assert!(!tasks.spawn(9, 2, 16), "the first sight of it counts");
        tasks.spawn(2, 3, 16);
        tasks.served(1, 100, 20);
        tasks.serve(1, 101, 30);
        assert_eq!(tasks.request_and_depth(2, 18), Some((100, 1)));
        assert_eq!(tasks.request_and_depth(3, 18), Some((100, 2)));
        assert_eq!(tasks.request_and_depth(2, 50), None, "its request is over");
        tasks.carries(2, 60);
        assert_eq!(tasks.request(3, 70), None, "not through plumbing");
    }

    #[test]
    fn causes_are_the_requests_that_wakers_work_for() {
        let mut tasks = Tasks::default();
        tasks.serve(1, 100, 10);
        tasks.serve(2, 101, 10);
        for (from, at) in [(1, 20), (2, 30), (2, 36), (7, 45)] {
            tasks.wake(from, 5, at);
        }
        assert_eq!(tasks.causes(5, 0, 40), [100, 101]);
        assert_eq!(tasks.causes(5, 0, 25), [100]);
        assert!(tasks.causes(5, 20, 25).is_empty());
        assert!(tasks.causes(5, 0, 50).is_empty(), "7 may have asked");
    }

    #[test]
    fn room_is_made_for_new_tasks_at_the_cost_of_the_oldest() {
        let mut tasks = Tasks::default();
        for id in 1..=MOST_TASKS as u64 + 1 {
            tasks.spawn(0, id, id);
        }
        assert!(tasks.tasks.len() <= MOST_TASKS);
        assert!(tasks.evicted > 0);
        assert!(!tasks.tasks.contains_key(&1));
        assert!(tasks.tasks.contains_key(&(MOST_TASKS as u64 + 1)));
    }
}
