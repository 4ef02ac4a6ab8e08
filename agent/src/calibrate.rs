//! Where tokio keeps the id of the current task.
//!
//! It is a word of its thread-local `CONTEXT`, at the same distance from the thread pointer in all threads of a process
//! (x86-64, the ABI's variant II: thread-locals of the executable lie below it). The distance is the linker's choice, so
//! it is found by looking. Whenever a task is woken, its header tells the id of that one; and the task that wakes it has
//! been woken itself before. So the word that is looked for holds ids that were heard of, different ones on the same thread,
//! or 0 where no task wakes; no other word does both.

use foldhash::HashSet;

use crate::event::SAMPLE_WORDS;

/// Samples in which the word must hold the id of a task.
const AGREEING: u32 = 48;

/// Different tasks among them, of one thread: a thread's number may be a task's too, but does not change.
const TASKS: usize = 4;

/// Different values that are told apart of a word: more than a runtime has threads. Of what is no id one more, so that many of
/// these never look like few.
const MOST_KNOWN: usize = 256;
const MOST_UNKNOWN: usize = MOST_KNOWN + 1;

/// Ids that are remembered.
const MOST_IDS: usize = 65_536;

/// What was seen of one process.
#[derive(Debug)]
pub struct Calibration {
    ids: HashSet<u64>,
    words: Vec<Word>,
}

#[derive(Clone, Debug, Default)]
struct Word {
    /// How often it held an id, and how often something else that is not 0.
    ids: u32,
    others: u32,
    /// Some of the ids, each with the thread whose word held it.
    known: HashSet<(u32, u64)>,
    /// Some of what it held beside ids and 0.
    unknown: HashSet<u64>,
    /// The last of these: most words never change.
    last: u64,
}

impl Default for Calibration {
    fn default() -> Self {
        Self { ids: HashSet::default(), words: vec![Word::default(); SAMPLE_WORDS] }
    }
}

impl Calibration {
    /// A task was heard of.
    pub fn heard_of(&mut self, task: u64) {
        if task != 0 && self.ids.len() < MOST_IDS {
            self.ids.insert(task);
        }
    }

    /// Adds a sample, taken by a thread while a task was woken; gives the distance from the thread pointer, in bytes, once
    /// it is certain.
    pub fn add(&mut self, thread: u32, woken: u64, sample: &[u64; SAMPLE_WORDS]) -> Option<i32> {
        for (word, value) in self.words.iter_mut().zip(sample) {
            if *value == 0 {
                continue;
            }
            if self.ids.contains(value) {
                word.ids += 1;
                if word.known.len() < MOST_KNOWN {
                    word.known.insert((thread, *value));
                }
                continue;
            }
            word.others += 1;
            if word.last != *value && word.unknown.len() < MOST_UNKNOWN {
                word.unknown.insert(*value);
            }
            word.last = *value;
        }
        self.heard_of(woken);
        let mut likely = self.words.iter().enumerate().filter(|(_, word)| word.is_likely());
        let (word, _) = likely.next()?;
        if likely.next().is_some() {
            return None;
        }
        i32::try_from((SAMPLE_WORDS - word) * 8).ok().map(|below| -below)
    }
}

impl Word {
    /// Some of the others are ids too, of tasks that were never woken while somebody looked. These may be many, each there once:
    /// then what is known is there more often. Or they are few that come often: a thread of the runtime is such a task, and
    /// between two others its own id is there.
    fn is_likely(&self) -> bool {
        let of_one_thread = |thread| self.known.iter().filter(|(of, _)| *of == thread).count();
        self.ids >= AGREEING
            && (self.others <= self.ids || self.unknown.len() <= self.known.len())
            && self.known.iter().any(|(thread, _)| of_one_thread(*thread) >= TASKS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_that_holds_ids_and_nothing_else_is_found() {
        let mut calibration = Calibration::default();
        let mut found = None;
        for number in 0..200_u64 {
            let (waker, woken) = (1_010 + number % 5, 1_010 + (number + 1) % 5);
            let mut words = [0; SAMPLE_WORDS];
            words[100] = if number % 3 == 0 { 0 } else { waker };
            // One that is always the same, one that counts, and an address.
            words[90] = 1_010;
            words[80] = number;
            words[70] = 0x7f00_0000_0000 + number;
            found = found.or(calibration.add(1, woken, &words));
        }
        assert_eq!(found, Some(-((128 - 100) * 8)));
    }

    #[test]
    fn a_workers_own_id_comes_often_and_a_threads_number_stays() {
        let mut calibration = Calibration::default();
        let mut found = None;
        for number in 0..400_u64 {
            let thread = number % 6;
            let woken = 1 + number % 13;
            let mut words = [0; SAMPLE_WORDS];
            // Mostly what is woken is woken by the driver, where the worker's own id is in place.
            words[100] = if number % 5 == 0 { 1 + (number + 1) % 13 } else { 900 + thread };
            words[60] = 1 + thread;
            found = found.or(calibration.add(u32::try_from(thread).expect("it is small"), woken, &words));
        }
        assert_eq!(found, Some(-((128 - 100) * 8)));
    }

    #[test]
    fn two_likely_words_are_no_answer() {
        let mut calibration = Calibration::default();
        assert!(
            (0..1_000_u64).all(|number| calibration.add(1, 5 + number % 9, &[5 + number % 9; SAMPLE_WORDS]).is_none())
        );
    }
}
