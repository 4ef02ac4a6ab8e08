//! Answers once a trace is complete, as far as that can be known: spans come in batches from several processes, and
//! nothing says which is the last. So: enough spans, and none for a while.

use tokio::time::{Instant, sleep_until};

use super::params::Wait;
use crate::App;
use crate::ids::TraceId;

/// Returns when the trace has `min_spans` and none came for `quiet`; or after `most`, or when the process ends.
pub(crate) async fn until_quiet(app: &App, id: TraceId, wait: Wait) {
    let deadline = Instant::now() + wait.most;
    let mut changes = app.store.changes();
    loop {
        changes.mark_unchanged();
        let quiet_at = match app.store.progress(id) {
            Some((spans, changed)) if spans >= wait.min_spans => Instant::from_std(changed) + wait.quiet,
            _ => deadline,
        };
        if quiet_at <= Instant::now() {
            return;
        }
        tokio::select! {
            () = sleep_until(quiet_at.min(deadline)) => {
                if Instant::now() >= deadline {
                    return;
                }
            }
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            () = app.stop.cancelled() => return,
        }
    }
}
