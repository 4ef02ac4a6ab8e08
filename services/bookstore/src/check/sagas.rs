//! An order is open just as long as its saga, and ends as that does.

use super::databases::Reader;
use super::{Broken, Finding};

const SAGAS: &str = "SELECT o.id, o.status, s.step, s.outcome FROM orders o LEFT JOIN sagas s ON s.order_id = o.id \
    ORDER BY o.id";
const UNDER_WAY: &str = "SELECT step, CAST(COUNT(*) AS BIGINT) FROM sagas WHERE step NOT IN ('done', 'undone') \
    GROUP BY step ORDER BY step";

/// The steps in their order, for the report.
const STEPS: [&str; 8] = ["price", "reserve", "authorise", "capture", "commit", "confirm", "void", "release"];

pub(super) async fn check(storefront: &mut Reader) -> anyhow::Result<Finding> {
    let sagas: Vec<(String, String, Option<String>, Option<String>)> = storefront.rows(SAGAS).await?;
    let rows = sagas.len();
    let broken = sagas
        .into_iter()
        .filter_map(|(id, status, step, outcome)| {
            let agree = match step.as_deref() {
                None => false,
                Some("done") => status == "confirmed",
                Some("undone") => status != "confirmed" && status != "pending",
                Some(_) => status == "pending",
            };
            let what = || {
                let (step, outcome) = (step.as_deref().unwrap_or("none"), outcome.as_deref().unwrap_or("none"));
                format!("is {status}, but its saga is at step {step} with outcome {outcome}")
            };
            (!agree).then(|| Broken { table: "storefront.orders", id, what: what() })
        })
        .collect();
    Ok(Finding { invariant: "orders end as their sagas do", rows, broken })
}

/// How many sagas are unfinished at each step that there are any at.
pub(super) async fn under_way(storefront: &mut Reader) -> anyhow::Result<Vec<(String, i64)>> {
    let mut counts: Vec<(String, i64)> = storefront.rows(UNDER_WAY).await?;
    counts.sort_by_key(|(step, _)| STEPS.iter().position(|known| known == step));
    Ok(counts)
}
