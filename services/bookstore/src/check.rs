//! `bookstore check`: that no copy and no cent is lost, on a shop that runs or one that is stopped.
//!
//! Layout: one module an invariant, with its SQL.
//!
//! * `ledger`: on hand + reserved + sold is what was restocked.
//! * `set_aside`: reserved and sold are what the reservations say.
//! * `money`: captured money is the sum of confirmed orders, payment by payment.
//! * `delivery`: confirmed orders took just what they name from stock, and nobody else took any.
//! * `once`: one idempotency key never buys twice.
//! * `expiry`: no reservation outlives its expiry.
//! * `sagas`: orders and their sagas agree; those under way are counted by their step.
//! * `databases`: opens them, to read only; `report`: says what was found.
//!
//! Each invariant that concerns one database is one statement, so it sees one moment. Those that concern two read them
//! one after the other, and on a shop that runs a row may move in between; also on one whose launcher was killed, while
//! its processes finish what is under way. So what looks broken is read again for up to two seconds, and only what stays
//! exactly as it was is reported.

mod databases;
mod delivery;
mod expiry;
mod ledger;
mod money;
mod once;
mod report;
mod sagas;
mod set_aside;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use tokio::time::Instant;

use crate::cli::Check;
use crate::data_dir::DataDir;
use crate::{privileges, runtime, terminal};
use databases::Opened;
use report::Report;

/// How long a row may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(2);
/// The pause between two readings.
const PAUSE: Duration = Duration::from_millis(250);

/// A row that breaks an invariant.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Broken {
    /// `inventory.stock`.
    table: &'static str,
    /// Its key.
    id: String,
    /// What it holds, and what it should.
    what: String,
}

/// What was found about one invariant.
#[derive(Clone, Debug)]
struct Finding {
    invariant: &'static str,
    /// How many rows it was held against.
    rows: usize,
    broken: Vec<Broken>,
}

/// Checks a shop, and prints a report.
///
/// # Errors
/// When the shop or its databases cannot be read.
pub(crate) fn run(arguments: &Check) -> anyhow::Result<ExitCode> {
    let chosen = arguments.data_dir.data_dir.as_deref();
    if privileges::is_root() {
        let dir = DataDir::at(chosen)?;
        // Opening a database may make files beside it, which have to belong to the shop's user.
        privileges::give_up(Some(dir.path()).filter(|path| path.exists()))?;
    }
    let report = runtime()?.block_on(check(chosen, arguments))?;
    terminal::say(if arguments.json { report.json().to_string() } else { report.text() });
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn check(chosen: Option<&Path>, arguments: &Check) -> anyhow::Result<Report> {
    let mut opened = Opened::open(chosen, arguments.database.as_ref()).await?;
    let outcome = read_until_at_rest(&mut opened).await;
    opened.close().await;
    outcome
}

async fn read_until_at_rest(opened: &mut Opened) -> anyhow::Result<Report> {
    let mut report = read(opened).await?;
    let deadline = Instant::now() + PATIENCE;
    while !report.is_sound() && Instant::now() < deadline {
        tokio::time::sleep(PAUSE).await;
        let mut again = read(opened).await?;
        again.keep_what_stayed(&report);
        report = again;
    }
    Ok(report)
}

async fn read(opened: &mut Opened) -> anyhow::Result<Report> {
    let now_ms = opened.now_ms().await?;
    let findings = vec![
        ledger::check(&mut opened.inventory).await?,
        set_aside::check(&mut opened.inventory).await?,
        expiry::check(&mut opened.inventory, now_ms).await?,
        delivery::check(&mut opened.inventory, &mut opened.storefront).await?,
        money::check(&mut opened.payment, &mut opened.storefront).await?,
        once::check(&mut opened.storefront).await?,
        sagas::check(&mut opened.storefront).await?,
    ];
    let under_way = sagas::under_way(&mut opened.storefront).await?;
    let money = money::totals(&mut opened.payment, &mut opened.storefront).await?;
    Ok(Report { shop: opened.describe(), findings, under_way, money })
}
