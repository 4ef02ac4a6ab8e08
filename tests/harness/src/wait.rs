//! Waits for a condition.

use std::future::Future;
use std::time::{Duration, Instant};

/// How long anything may take on a slow, shared machine.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer.
///
/// # Panics
/// When there is none within [`LIMIT`], naming `what` was waited for.
pub async fn until<T, F, Fut>(what: &str, mut ask: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < LIMIT, "waited {LIMIT:?} in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
