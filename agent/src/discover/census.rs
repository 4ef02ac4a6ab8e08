//! Who lives: processes come, go, and become others. Pure: what `/proc` says is told to it.

use std::collections::{HashMap, HashSet};

/// A process, as far as it can be told from another one of the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// Its number.
    pub pid: u32,
    /// Its parent's.
    pub parent: u32,
    /// When it was started, in the kernel's ticks since boot.
    pub started: u64,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Watched processes that have ended, or run another program now: to be let go first.
    pub gone: Vec<u32>,
    /// Processes to be looked at.
    pub new: Vec<Life>,
}

/// Those who were looked at.
#[derive(Debug, Default)]
pub struct Census {
    known: HashMap<u32, Known>,
}

#[derive(Debug)]
struct Known {
    started: u64,
    watched: bool,
}

impl Census {
    /// Everybody who lives now is told; `again` are those who are to be looked at although they were before, unless they
    /// are watched. Who is not among the living is forgotten.
    pub fn poll(&mut self, alive: &[Life], again: &HashSet<u32>) -> Changes {
        let mut changes = Changes::default();
        let started: HashMap<u32, u64> = alive.iter().map(|life| (life.pid, life.started)).collect();
        self.known.retain(|pid, known| {
            let lives = started.get(pid) == Some(&known.started);
            if !lives && known.watched {
                changes.gone.push(*pid);
            }
            lives
        });
        for life in alive {
            let is_new = self.known.get(&life.pid).is_none_or(|known| !known.watched && again.contains(&life.pid));
            if is_new {
                self.known.insert(life.pid, Known { started: life.started, watched: false });
                changes.new.push(*life);
            }
        }
        changes
    }

    /// A process has started another program: it is another one now, and so is its environment.
    pub fn exec(&mut self, life: Life) -> Changes {
        let before = self.known.insert(life.pid, Known { started: life.started, watched: false });
        let gone = if before.is_some_and(|known| known.watched) { vec![life.pid] } else { Vec::new() };
        Changes { gone, new: vec![life] }
    }

    /// One that was to be looked at is watched from now on.
    pub fn watch(&mut self, pid: u32) {
        if let Some(known) = self.known.get_mut(&pid) {
            known.watched = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(pid: u32, started: u64) -> Life {
        Life { pid, parent: 1, started }
    }

    fn nobody() -> HashSet<u32> {
        HashSet::new()
    }

    #[test]
    fn each_is_looked_at_once_until_it_is_another() {
        let mut census = Census::default();
        assert_eq!(census.poll(&[life(5, 10)], &nobody()).new, [life(5, 10)]);
        assert_eq!(census.poll(&[life(5, 10)], &nobody()), Changes::default());
        // The number is used again.
        assert_eq!(census.poll(&[life(5, 11)], &nobody()), Changes { gone: vec![], new: vec![life(5, 11)] });
        census.watch(5);
        assert_eq!(census.poll(&[life(5, 12)], &nobody()), Changes { gone: vec![5], new: vec![life(5, 12)] });
        // It starts another program; what was unknown may, too.
        census.watch(5);
        assert_eq!(census.exec(life(5, 12)), Changes { gone: vec![5], new: vec![life(5, 12)] });
        assert_eq!(census.exec(life(6, 20)), Changes { gone: vec![], new: vec![life(6, 20)] });
    }

    #[test]
    fn whoever_begins_to_listen_is_looked_at_again_unless_it_is_watched() {
        let mut census = Census::default();
        let alive = [life(5, 10), life(6, 10)];
        census.poll(&alive, &nobody());
        census.watch(6);
        assert_eq!(census.poll(&alive, &HashSet::from([5, 6])).new, [life(5, 10)]);
    }

    #[test]
    fn a_thousand_restarts_leave_nothing_behind() {
        let mut census = Census::default();
        let (mut watched, mut gone) = (0, 0);
        for round in 0..1_000_u64 {
            // Numbers come round; every third one starts another program first.
            let new = life(100 + u32::try_from(round % 7).expect("it is small"), round);
            let mut changes = census.poll(&[life(1, 0), new], &nobody());
            gone += changes.gone.len();
            if round % 3 == 0 {
                changes = census.exec(new);
                assert_eq!(changes.gone, [0; 0]);
            }
            assert!(changes.new.contains(&new));
            census.watch(new.pid);
            watched += 1;
            assert_eq!(census.known.len(), 2);
        }
        gone += census.poll(&[], &nobody()).gone.len();
        assert_eq!((watched, gone, census.known.len()), (1_000, 1_000, 0));
    }
}
