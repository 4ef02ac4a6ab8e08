//! What instrumentation costs in code, as the template shows it.

use crate::code_cost::CodeCost;
use crate::number::{NBSP, bytes, fixed, float, float_of, whole};

pub(super) struct CodeView {
    pub(super) lines: Option<CodeLines>,
    pub(super) not_counted: Option<String>,
    pub(super) others: Vec<(&'static str, String, String, String)>,
}

pub(super) struct CodeLines {
    pub(super) lines: String,
    pub(super) files: String,
    pub(super) rule: String,
    pub(super) crates: Vec<(String, String, String, String)>,
}

pub(super) fn code_view(cost: &CodeCost) -> CodeView {
    let lines = cost.manual.as_ref().map(|manual| {
        let share = |lines: usize, of: usize| match of {
            0 => "–".to_owned(),
            _ => format!("{}{NBSP}%", fixed(100.0 * float_of(lines) / float_of(of), 1)),
        };
        let crates = manual.by_crate.iter().filter(|(_, lines)| lines.lines > 0);
        CodeLines {
            lines: whole(float_of(manual.lines)),
            files: whole(float_of(manual.files)),
            rule: manual.rule.clone(),
            crates: crates
                .map(|(name, lines)| {
                    (
                        name.clone(),
                        whole(float_of(lines.lines)),
                        whole(float_of(lines.files)),
                        share(lines.lines, lines.of),
                    )
                })
                .collect(),
        }
    });
    let mut others = Vec::new();
    if let (Some(with), Some(without)) = (cost.crates_with, cost.crates_without) {
        let more = float_of(with) - float_of(without);
        others.push((
            "Crates that the executable is built of",
            whole(float_of(without)),
            whole(float_of(with)),
            signed(&whole(more), more),
        ));
    }
    if let (Some(with), Some(without)) = (cost.binary_with_bytes, cost.binary_without_bytes) {
        let more = float(with) - float(without);
        let text = if more < 0.0 { format!("−{}", bytes(without - with)) } else { bytes(with - without) };
        others.push(("Size of the executable", bytes(without), bytes(with), signed(&text, more)));
    }
    CodeView { lines, not_counted: cost.not_counted.clone(), others }
}

fn signed(text: &str, value: f64) -> String {
    if value > 0.0 { format!("+{text}") } else { text.to_owned() }
}
