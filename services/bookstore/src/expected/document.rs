//! The tables of what is emitted, as `docs/telemetry.md` shows them.

use std::fmt::Write as _;

use super::{edges, signals};

/// Signals by service, then edges by request, in Markdown.
#[must_use]
pub fn document() -> String {
    let mut text = String::from("### Signals, by service\n\n");
    let mut services: Vec<&str> = Vec::new();
    for signal in signals() {
        if services.last() != Some(&signal.service) {
            services.push(signal.service);
            let _ = write!(
                text,
                "\n**{}**\n\n| signal | name | kind | what it shows |\n| --- | --- | --- | --- |\n",
                signal.service
            );
        }
        let name = if signal.name == "*" { String::new() } else { format!("`{}`", signal.name) };
        let _ = writeln!(text, "| {} | {name} | {} | {} |", signal.signal, signal.kind, signal.shows);
    }
    text.push_str("\n### Edges, by request\n\nA span and one that it caused. `bookstore verify` checks each of these in a shop of its own.\n");
    let mut request = "";
    for edge in edges() {
        if request != edge.request {
            request = edge.request;
            let _ = write!(text, "\n**`{request}`**\n\n| cause | caused | what it shows |\n| --- | --- | --- |\n");
        }
        let _ = writeln!(text, "| {} | {} | {} |", edge.parent, edge.child, edge.shows);
    }
    // One empty line between paragraphs, however they came about.
    while text.contains("\n\n\n") {
        text = text.replace("\n\n\n", "\n\n");
    }
    text
}
