//! Programs, each read once, however many processes run it.

use std::collections::HashMap;
use std::sync::Arc;

use super::elf::{Probes, ReadError, probes};
use super::processes::{Found, Program};

/// Programs that are remembered. Each has some 200 bytes; a machine runs fewer at once, and the rest was replaced.
const MOST: usize = 64;

/// What was read of programs.
#[derive(Debug, Default)]
pub struct Executables {
    known: HashMap<Program, Known>,
    uses: u64,
}

#[derive(Debug)]
struct Known {
    probes: Arc<Probes>,
    /// When it was used last, by the count of uses.
    used: u64,
}

impl Executables {
    /// Where the probes of a process go.
    ///
    /// # Errors
    /// When its executable cannot be read.
    pub fn probes(&mut self, found: &Found) -> Result<Arc<Probes>, ReadError> {
        self.uses += 1;
        if let Some(known) = self.known.get_mut(&found.program) {
            known.used = self.uses;
            return Ok(Arc::clone(&known.probes));
        }
        let probes = Arc::new(probes(&found.executable)?);
        if self.known.len() >= MOST {
            let oldest = self.known.iter().min_by_key(|(_, known)| known.used).map(|(program, _)| *program);
            oldest.map(|program| self.known.remove(&program));
        }
        self.known.insert(found.program, Known { probes: Arc::clone(&probes), used: self.uses });
        Ok(probes)
    }

    /// Where the current task's id is was found out by watching: it is the same in all processes of a program.
    pub fn calibrated(&mut self, program: Program, distance: i32) {
        if let Some(known) = self.known.get_mut(&program) {
            Arc::make_mut(&mut known.probes).current_task = Some(distance);
        }
    }
}
