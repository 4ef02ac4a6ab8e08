//! One idempotency key never buys twice.

use super::databases::Reader;
use super::{Broken, Finding};

const BOUGHT: &str = "SELECT o.id, o.user_id, o.idempotency_key, k.order_id FROM orders o \
    LEFT JOIN idempotency_keys k ON k.user_id = o.user_id AND k.key = o.idempotency_key \
    WHERE o.status = 'confirmed' ORDER BY o.user_id, o.idempotency_key, o.id";

pub(super) async fn check(storefront: &mut Reader) -> anyhow::Result<Finding> {
    let bought: Vec<(String, String, String, Option<String>)> = storefront.rows(BOUGHT).await?;
    let mut broken = Vec::new();
    let row = |id: &String, what| Broken { table: "storefront.orders", id: id.clone(), what };
    for pair in bought.windows(2) {
        let [(first, user, key, _), (second, other_user, other_key, _)] = pair else { continue };
        if (user, key) == (other_user, other_key) {
            broken.push(row(second, format!("was bought with the key {key:?} of user {user}, as was order {first}")));
        }
    }
    for (id, _, key, stands_for) in &bought {
        // Then the key could buy once more.
        if stands_for.as_ref() != Some(id) {
            let other = stands_for.as_deref().unwrap_or("no order");
            broken.push(row(id, format!("was bought with the key {key:?}, which stands for {other}")));
        }
    }
    Ok(Finding { invariant: "one idempotency key never buys twice", rows: bought.len(), broken })
}
