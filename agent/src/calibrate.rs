//! Where tokio keeps the id of the current task.
//!
//! It is a word of its thread-local `CONTEXT`, at the same distance from the thread pointer in all threads of a process
//! (x86-64, the ABI's variant II: thread-locals of the executable lie below it). The distance is the linker's choice, so
//! it is found by looking. Whenever a task is woken, its header tells the id of that one; and the task that wakes it has
//! been woken itself before. So the word that is looked for holds ids that were heard of, different ones from time to
//! time, or 0 where no task wakes; no other word does both.

use std::collections::HashSet;

use crate::event::SAMPLE_WORDS;

/// Samples in which the word must hold the id of a task.
const AGREEING: u32 = 48;

/// Different tasks among them.
const TASKS: usize = 4;

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
    /// Some of the ids.
    different: Vec<u64>,
}

impl Default for Calibration {
    fn default() -> Self {
        Self { ids: HashSet::new(), words: vec![Word::default(); SAMPLE_WORDS] }
    }
}

impl Calibration {
    /// A task was heard of.
    pub fn heard_of(&mut self, task: u64) {
        if task != 0 && self.ids.len() < MOST_IDS {
            self.ids.insert(task);
        }
    }

    /// Adds a sample, taken while a task was woken; gives the distance from the thread pointer, in bytes, once it is
    /// certain.
    pub fn add(&mut self, woken: u64, sample: &[u64; SAMPLE_WORDS]) -> Option<i32> {
        for (word, value) in self.words.iter_mut().zip(sample) {
            if *value == 0 {
                continue;
            }
            if self.ids.contains(value) {
                word.ids += 1;
                if word.different.len() < TASKS && !word.different.contains(value) {
                    word.different.push(*value);
                }
            } else {
                word.others += 1;
            }
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
    /// A task that was never woken while somebody looked (it runs since before, or waits for nothing) is not heard of, so
    /// some of the others are ids too. Words that hold one number alone, such as a counter's, have one in common with ids.
    fn is_likely(&self) -> bool {
        self.ids >= AGREEING && self.different.len() >= TASKS && self.others <= self.ids
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
            found = found.or(calibration.add(woken, &words));
        }
        assert_eq!(found, Some(-((128 - 100) * 8)));
    }

    #[test]
    fn two_likely_words_are_no_answer() {
        let mut calibration = Calibration::default();
        assert!(
            (0..1_000_u64).all(|number| calibration.add(5 + number % 9, &[5 + number % 9; SAMPLE_WORDS]).is_none())
        );
    }
}
