//! Where tokio keeps the id of the current task.
//!
//! It is a word of its thread-local `CONTEXT`, at the same distance from the thread pointer in all threads of a process
//! (x86-64, the ABI's variant II: thread-locals of the executable lie below it). The distance is the linker's choice, so
//! it is found by looking: while a task with a known id is polled, which word holds that id? Several may by chance, and
//! only one does each time.

use std::collections::HashSet;

use crate::event::SAMPLE_WORDS;

/// Samples in which the word must hold the task's id.
const AGREEING: usize = 64;

/// Different tasks among them: an id that never changes would be in many words.
const TASKS: usize = 2;

/// What was seen of one process.
#[derive(Debug)]
pub struct Calibration {
    agree: [usize; SAMPLE_WORDS],
    differ: [usize; SAMPLE_WORDS],
    tasks: HashSet<u64>,
}

impl Default for Calibration {
    fn default() -> Self {
        Self { agree: [0; SAMPLE_WORDS], differ: [0; SAMPLE_WORDS], tasks: HashSet::new() }
    }
}

impl Calibration {
    /// Adds a sample; gives the distance from the thread pointer, in bytes, once it is certain.
    ///
    /// The sample's task is the one that was polled last on the thread. It may be over by now; then the word is 0, which
    /// speaks neither for nor against it.
    pub fn add(&mut self, task: u64, words: &[u64; SAMPLE_WORDS]) -> Option<i32> {
        if task == 0 {
            return None;
        }
        if self.tasks.len() < TASKS {
            self.tasks.insert(task);
        }
        for ((word, agree), differ) in words.iter().zip(&mut self.agree).zip(&mut self.differ) {
            if *word == task {
                *agree += 1;
            } else if *word != 0 {
                *differ += 1;
            }
        }
        if self.tasks.len() < TASKS {
            return None;
        }
        // A task may be polled within another's poll (`block_in_place`): a few that differ do not speak against it.
        let certain = |(agree, differ): (&usize, &usize)| *agree >= AGREEING && *differ * 10 <= *agree;
        let mut words = self.agree.iter().zip(&self.differ).enumerate().filter(|(_, counts)| certain(*counts));
        let (word, _) = words.next()?;
        if words.next().is_some() {
            return None;
        }
        let below = (SAMPLE_WORDS - word) * 8;
        i32::try_from(below).ok().map(|below| -below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_that_always_holds_the_id_is_found() {
        let mut calibration = Calibration::default();
        let mut found = None;
        for number in 0..200_u64 {
            let task = 10 + number % 5;
            let mut words = [0; SAMPLE_WORDS];
            words[100] = task;
            words[90] = 10;
            words[80] = number;
            found = found.or(calibration.add(task, &words));
        }
        assert_eq!(found, Some(-((128 - 100) * 8)));
    }

    #[test]
    fn one_task_alone_proves_nothing() {
        let mut calibration = Calibration::default();
        let words = [7; SAMPLE_WORDS];
        assert!((0..1_000).all(|_| calibration.add(7, &words).is_none()));
    }
}
