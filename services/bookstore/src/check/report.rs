//! What was found, for a person and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Finding;
use super::money::Totals;

/// How many broken rows of one invariant a person is shown.
const MOST_SHOWN: usize = 20;

/// All that was found.
#[derive(Debug)]
pub(super) struct Report {
    /// Which shop.
    pub(super) shop: String,
    pub(super) findings: Vec<Finding>,
    /// Unfinished sagas by step.
    pub(super) under_way: Vec<(String, i64)>,
    pub(super) money: Totals,
}

impl Report {
    pub(super) fn is_sound(&self) -> bool {
        self.findings.iter().all(|finding| finding.broken.is_empty())
    }

    /// Forgets broken rows that were not broken in just this way before: they have moved.
    pub(super) fn keep_what_stayed(&mut self, before: &Self) {
        for (finding, before) in self.findings.iter_mut().zip(&before.findings) {
            finding.broken.retain(|row| before.broken.contains(row));
        }
    }

    /// For a person.
    pub(super) fn text(&self) -> String {
        let mut text = format!("Checked {}\n\n", self.shop);
        for finding in &self.findings {
            let verdict = if finding.broken.is_empty() { "holds " } else { "BROKEN" };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {verdict}  {:<56} {:>7} rows", finding.invariant, finding.rows);
            for row in finding.broken.iter().take(MOST_SHOWN) {
                let _ = writeln!(text, "            {} {}: {}", row.table, row.id, row.what);
            }
            if let Some(more @ 1..) = finding.broken.len().checked_sub(MOST_SHOWN) {
                let _ = writeln!(text, "            and {more} more (--json lists them all)");
            }
        }
        let Totals { captured, confirmed, under_way } = self.money;
        let _ = write!(text, "\nCaptured {}, confirmed {}", euros(captured), euros(confirmed));
        if under_way != 0 {
            let _ = write!(text, ", under way {}", euros(under_way));
        }
        let steps: Vec<_> = self.under_way.iter().map(|(step, count)| format!("{count} at {step}")).collect();
        let steps = if steps.is_empty() { "none".to_owned() } else { steps.join(", ") };
        let _ = write!(text, "\nUnfinished purchases: {steps}");
        text
    }

    /// For a program.
    pub(super) fn json(&self) -> Value {
        let findings: Vec<_> = self.findings.iter().map(finding).collect();
        let under_way: serde_json::Map<_, _> =
            self.under_way.iter().map(|(step, count)| (step.clone(), (*count).into())).collect();
        let Totals { captured, confirmed, under_way: captured_under_way } = self.money;
        json!({
            "shop": self.shop,
            "sound": self.is_sound(),
            "invariants": findings,
            "unfinished_sagas": under_way,
            "money": { "captured": captured, "confirmed": confirmed, "captured_under_way": captured_under_way },
        })
    }
}

fn finding(finding: &Finding) -> Value {
    let row = |row: &super::Broken| json!({ "table": row.table, "id": row.id, "what": row.what });
    let broken: Vec<_> = finding.broken.iter().map(row).collect();
    json!({ "invariant": finding.invariant, "holds": broken.is_empty(), "rows": finding.rows, "broken": broken })
}

fn euros(minor_units: i64) -> String {
    let sign = if minor_units < 0 { "-" } else { "" };
    let amount = minor_units.unsigned_abs();
    format!("€ {sign}{}.{:02}", amount / 100, amount % 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Broken;

    fn report(what: &[&str]) -> Report {
        let broken = what.iter().map(|what| Broken { table: "t", id: "1".to_owned(), what: (*what).to_owned() });
        let finding = Finding { invariant: "it holds", rows: 1, broken: broken.collect() };
        let money = Totals { captured: 1_205, confirmed: 1_200, under_way: 5 };
        Report { shop: "a shop".to_owned(), findings: vec![finding], under_way: vec![("capture".to_owned(), 2)], money }
    }

    #[test]
    fn a_row_that_moved_is_forgotten_and_one_that_stayed_is_not() {
        let mut again = report(&["is 2", "is wrong"]);
        again.keep_what_stayed(&report(&["is 1", "is wrong"]));
        assert!(!again.is_sound());
        assert_eq!(again.findings[0].broken.len(), 1);
        again.keep_what_stayed(&report(&[]));
        assert!(again.is_sound());
    }

    #[test]
    fn a_person_sees_which_row_and_why() {
        insta::assert_snapshot!(report(&["is wrong"]).text());
    }
}
