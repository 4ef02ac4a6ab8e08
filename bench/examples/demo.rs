//! Writes a report from made-up runs, so that the page can be looked at: `cargo run -p bookstore-bench --example demo
//! -- FOLDER [MODES [ROUNDS]]`, such as `target/demo none,manual,ebpf,both 12`.
//!
//! The runs are drawn at random, with drift and a disturbance now and then; they say nothing about any shop.

use std::path::PathBuf;

use bookstore_bench::code_cost::CodeCost;
use bookstore_bench::{Summary, write};

#[path = "../tests/simulated/mod.rs"]
mod simulated;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| "target/bench-demo".to_owned()));
    let modes = arguments.next().unwrap_or_else(|| "none,manual,ebpf,both".to_owned());
    let rounds = arguments.next().map_or(Ok(12), |text| text.parse())?;
    let modes: Vec<_> = modes.split(',').collect();
    let (experiment, runs) = simulated::experiment(&modes, rounds, 20_260_101)?;
    let mut code = CodeCost::counted(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".."));
    code.crates_with = Some(412);
    code.crates_without = Some(371);
    code.binary_with_bytes = Some(24_117_248);
    code.binary_without_bytes = Some(19_922_944);
    let summary = Summary::new(experiment, runs, Some(code));
    write(&folder, &summary)?;
    let text = summary.text(100);
    std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
    Ok(())
}
