//! Turning redaction off, in a process of its own.

use std::process::Command;

use bookstore_telemetry::{Sensitive, Settings};

const CHILD: &str = "TEST_CHILD";

#[test]
fn secrets_are_shown_only_when_asked_for_and_then_loudly() {
    if std::env::var_os(CHILD).is_some() {
        let telemetry = bookstore_telemetry::init_from(Settings::new("till", "0.0.0"), |name| {
            (name == "OTEL_SDK_DISABLED").then(|| "true".to_owned())
        });
        tracing::info!(card = ?Sensitive::new("4242424242424242"), "card {}", Sensitive::new("4000"));
        return drop(telemetry);
    }
    let said = |redaction: Option<&str>| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "--nocapture", "secrets_are_shown_only_when_asked_for_and_then_loudly"]);
        child.env(CHILD, "1").env_remove("BOOKSTORE_REDACTION");
        child.envs(redaction.map(|redaction| ("BOOKSTORE_REDACTION", redaction)));
        let output = child.output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    for redaction in [None, Some("on"), Some("")] {
        let said = said(redaction);
        assert!(said.contains("card [redacted]  card=[redacted]"), "{said}");
        assert!(!said.contains("SECRETS ARE SHOWN"), "{said}");
    }
    let said = said(Some("off"));
    // A build without debug assertions cannot be made to show them.
    let shown = cfg!(debug_assertions);
    assert_eq!(said.contains("card 4000  card=\"4242424242424242\""), shown, "{said}");
    assert_eq!(said.contains("SECRETS ARE SHOWN"), shown, "{said}");
}
