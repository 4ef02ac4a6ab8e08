//! What is measured runs on some cores, what measures it on the others.

use std::io;

use crate::shop::{Borrowed, Cores};

/// The cores of an experiment, by the kernel's numbers. Where there is one only, both are that one.
#[derive(Clone, Debug)]
pub(super) struct Division {
    pub(super) services: Vec<usize>,
    pub(super) load: Vec<usize>,
}

/// Divides the cores that this process may use: the first half for the services, the rest for load and receiver.
///
/// # Errors
/// When the kernel does not say which there are.
pub(super) fn divide() -> io::Result<Division> {
    let all = crate::shop::available_cores()?;
    let (services, load) = all.split_at(all.len().div_ceil(2));
    let load = if load.is_empty() { services } else { load };
    Ok(Division { services: services.to_vec(), load: load.to_vec() })
}

impl Division {
    /// Keeps this thread on the load's cores, and all that it starts from now on.
    ///
    /// # Errors
    /// When the kernel does not grant them.
    pub(super) fn pin_load(&self) -> io::Result<()> {
        // Never given back.
        Borrowed::take(Some(&self.load)).map(drop)
    }

    /// For a shop: its receiver runs beside the load.
    pub(super) fn of_shop(&self) -> Cores {
        Cores { services: self.services.clone(), receiver: self.load.clone() }
    }

    pub(super) fn shown(&self) -> bookstore_bench::model::Cores {
        bookstore_bench::model::Cores { services: self.services.clone(), load: self.load.clone() }
    }

    pub(super) fn remarks(&self) -> Vec<String> {
        if self.services == self.load {
            vec!["There is one core only: load and receiver take it from the services.".to_owned()]
        } else {
            Vec::new()
        }
    }
}
