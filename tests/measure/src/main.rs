//! Measures the figures of `docs/performance.md` and writes them to a result file.
//!
//! `cargo build --release && cargo run --release -p bookstore-measure` (Linux).
//!
//! Layout: [`start`] how soon the shop is ready; [`memory`] how much it holds after a thousand purchases; [`rush`] two
//! hundred who want the last fifty copies; [`route`] one route against the barest handler; [`bare`] that handler;
//! [`load`] a closed loop over HTTP/1; [`report`] the result file.

#[cfg(target_os = "linux")]
mod bare;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod pin;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod route;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod rush;
#[cfg(target_os = "linux")]
mod start;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    run::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> anyhow::Result<()> {
    anyhow::bail!("this reads the kernel's accounting of processes, and so needs Linux")
}
