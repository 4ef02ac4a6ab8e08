//! Which lines of a file are there for telemetry.

use std::collections::BTreeSet;

use super::lexer::{attributes, blank_tests, closed, is_word, mask};

/// Crates of telemetry, by the beginning of a path.
const CRATES: [&str; 4] = ["bookstore_telemetry", "tracing", "tracing_subscriber", "tracing_opentelemetry"];
/// A type that a shop without telemetry has as well.
const NOT_TELEMETRY: &str = "Sensitive";
const MACROS: [&str; 12] = [
    "trace",
    "debug",
    "info",
    "warn",
    "error",
    "event",
    "span",
    "trace_span",
    "debug_span",
    "info_span",
    "warn_span",
    "error_span",
];
/// What the trait `Instrument` adds to futures.
const METHODS: [&str; 3] = ["instrument", "in_current_span", "with_subscriber"];

/// Lines of a file that are neither blank nor comment nor test.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Found {
    pub(super) telemetry: usize,
    pub(super) all: usize,
}

/// Counts; with `whole`, all lines are there for telemetry.
pub(super) fn count(text: &str, whole: bool) -> Found {
    let mut masked = mask(text);
    blank_tests(&mut masked);
    let code = code_lines(&masked);
    let telemetry = if whole { code.len() } else { telemetry_lines(&masked).intersection(&code).count() };
    Found { telemetry, all: code.len() }
}

fn code_lines(masked: &[char]) -> BTreeSet<usize> {
    let lines = masked.split(|&c| c == '\n').enumerate();
    lines.filter(|(_, line)| line.iter().any(|c| !c.is_whitespace())).map(|(number, _)| number).collect()
}

/// A word of the code, and where it is.
struct Word {
    text: String,
    start: usize,
    end: usize,
}

fn words(masked: &[char]) -> Vec<Word> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(&c) = masked.get(at) {
        if is_word(c) {
            let text: String = masked.iter().skip(at).take_while(|&&c| is_word(c)).collect();
            let end = at + text.chars().count();
            words.push(Word { text, start: at, end });
            at = end;
        } else {
            at += 1;
        }
    }
    words
}

fn telemetry_lines(masked: &[char]) -> BTreeSet<usize> {
    let words = words(masked);
    let mut spans = Vec::new();
    let mut imported = BTreeSet::new();
    let mut uses = Vec::new();
    for word in words.iter().filter(|word| word.text == "use") {
        let end = (word.end..masked.len()).find(|&at| masked.get(at) == Some(&';')).unwrap_or(masked.len());
        uses.push((word.start, end));
        let within: Vec<_> = words.iter().filter(|other| other.start >= word.end && other.end <= end).collect();
        if within.first().is_some_and(|first| is_crate(&first.text)) {
            let names = imported_names(masked, &within);
            if !names.is_empty() {
                spans.push((word.start, end));
            }
            imported.extend(names);
        }
    }
    let attributes = attributes(masked);
    let inside =
        |ranges: &[(usize, usize)], at: usize| ranges.iter().copied().find(|&(start, end)| start <= at && at < end);
    for (index, word) in words.iter().enumerate() {
        if inside(&uses, word.start).is_some() {
            continue;
        }
        if let Some(attribute) = inside(&attributes, word.start) {
            if word.text == "instrument" {
                spans.push(attribute);
            }
            continue;
        }
        spans.extend(extent(masked, &words, index, &imported));
    }
    let line_of = |at: usize| masked.iter().take(at).filter(|&&c| c == '\n').count();
    spans.into_iter().flat_map(|(start, end)| line_of(start)..=line_of(end.saturating_sub(1).max(start))).collect()
}

fn is_crate(name: &str) -> bool {
    CRATES.contains(&name) || name.starts_with("opentelemetry")
}

/// The names that a `use` of a crate of telemetry brings in.
fn imported_names(masked: &[char], words: &[&Word]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (index, word) in words.iter().enumerate() {
        let next = words.get(index + 1).map(|next| next.text.as_str());
        let path_goes_on = after(masked, word.end).starts_with("::");
        match word.text.as_str() {
            "as" | "_" | NOT_TELEMETRY => {}
            "self" => {
                // The module before the brace.
                let before = words.get(..index).unwrap_or_default().iter().rev();
                let module = before.into_iter().find(|word| after(masked, word.end).starts_with("::"));
                names.extend(module.map(|word| word.text.clone()));
            }
            name if !path_goes_on => {
                if name == "Instrument" {
                    names.extend(METHODS.map(str::to_owned));
                }
                if next != Some("as") {
                    names.insert(name.to_owned());
                }
            }
            _ => {}
        }
    }
    names
}

/// The next characters that are no blanks, two of them.
fn after(masked: &[char], at: usize) -> String {
    masked.iter().skip(at).filter(|c| !c.is_whitespace()).take(2).collect()
}

/// From where to where this word is telemetry, if it is.
fn extent(masked: &[char], words: &[Word], index: usize, imported: &BTreeSet<String>) -> Option<(usize, usize)> {
    let word = words.get(index)?;
    let next = after(masked, word.end);
    let before: String = masked.get(..word.start)?.iter().rev().filter(|c| !c.is_whitespace()).take(2).collect();
    let line = Some((word.start, word.end));
    let (is_path, is_call) = (next.starts_with("::"), next.starts_with('('));
    let name = word.text.as_str();
    if before == "::" {
        // What comes before it in the path has been looked at; a macro at its end has not.
        let of_ours = index.checked_sub(1).and_then(|i| words.get(i)).is_some_and(|root| is_crate(&root.text));
        return (of_ours && next.starts_with('!')).then(|| whole_macro(masked, word));
    }
    if is_crate(name) && is_path {
        let sensitive = words.get(index + 1).is_some_and(|next| next.text == NOT_TELEMETRY);
        return if sensitive { None } else { line };
    }
    if name == "metrics" && is_path && before != "::" {
        return Some((word.start, statement_end(masked, word.end)));
    }
    if before.starts_with('.') {
        return if METHODS.contains(&name) && is_call && imported.contains(name) { line } else { None };
    }
    if !imported.contains(name) {
        return None;
    }
    match name {
        _ if MACROS.contains(&name) => next.starts_with('!').then(|| whole_macro(masked, word)),
        "Span" if is_path => Some((word.start, statement_end(masked, word.end))),
        _ if name.starts_with(char::is_uppercase) || is_path => line,
        _ if is_call && !is_declared(words, index) => line,
        _ => None,
    }
}

/// Whether the word before it is `fn`.
fn is_declared(words: &[Word], index: usize) -> bool {
    index.checked_sub(1).and_then(|before| words.get(before)).is_some_and(|word| word.text == "fn")
}

fn whole_macro(masked: &[char], word: &Word) -> (usize, usize) {
    let open = (word.end..masked.len()).find(|&at| matches!(masked.get(at), Some('(' | '[' | '{')));
    (word.start, open.map_or(word.end, |open| closed(masked, open)))
}

/// The end of the statement, argument or block's last expression that goes on here.
fn statement_end(masked: &[char], from: usize) -> usize {
    let mut at = from;
    while let Some(&c) = masked.get(at) {
        match c {
            ';' | ',' | ')' | ']' | '}' => return at,
            '(' | '[' | '{' => at = closed(masked, at),
            _ => at += 1,
        }
    }
    masked.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of the text that are counted, from 1.
    fn counted(text: &str) -> Vec<usize> {
        let mut masked = mask(text);
        blank_tests(&mut masked);
        let code = code_lines(&masked);
        let lines: Vec<_> = telemetry_lines(&masked).intersection(&code).map(|line| line + 1).collect();
        assert_eq!(lines.len(), count(text, false).telemetry);
        lines
    }

    #[test]
    fn comments_blank_lines_and_tests_never_count() {
        assert_eq!(
            count("//! a\n\n/* b\n*/ fn f() {}\n#[cfg(test)]\nmod tests {\n}\n", true),
            Found { telemetry: 1, all: 1 }
        );
        assert_eq!(counted("// tracing::info!()\nlet a = \"tracing::info!()\";\n"), [0; 0]);
        assert_eq!(counted("#[cfg(test)]\nmod tests {\n    use tracing::info;\n}\n"), [0; 0]);
    }

    #[test]
    fn an_attribute_counts_in_full() {
        let text = "#[tracing::instrument(\n    name = \"x\",\n    // why\n    skip_all,\n)]\nasync fn f() {}\n#[instrument] fn g() {}\n#[must_use]\nfn h() {}\n";
        assert_eq!(counted(text), [1, 2, 4, 5, 7]);
    }

    #[test]
    fn a_macro_counts_in_full_and_a_variable_of_its_name_does_not() {
        let text = "use tracing::{error, info};\nfn f(error: E) {\n    let error = error.source();\n    error!(\n        %error,\n        \"a }\"\n    );\n    tracing::warn!(\n        1\n    );\n    println!(\"info\");\n}\n";
        assert_eq!(counted(text), [1, 4, 5, 6, 7, 8, 9, 10]);
    }

    #[test]
    fn a_macro_of_ones_own_is_not_tracings() {
        assert_eq!(counted("macro_rules! info { () => {} }\ninfo!();\n"), [0; 0]);
    }

    #[test]
    fn metrics_and_fields_of_spans_count_as_statements() {
        let text = "use tracing::Span;\nuse crate::metrics;\nfn f(span: &Span) {\n    metrics::ORDERS.add(\n        1,\n    );\n    Span::current()\n        .record(\"a\", 1);\n    other();\n}\n";
        assert_eq!(counted(text), [1, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn secrets_are_no_telemetry() {
        let text = "use bookstore_telemetry::Sensitive;\nstruct A { b: Sensitive<String> }\nlet c = bookstore_telemetry::Sensitive::new(1);\n";
        assert_eq!(counted(text), [0; 0]);
        let both = "use bookstore_telemetry::{Sensitive, quietly};\nquietly(async {\n    Sensitive::new(1)\n})\n";
        assert_eq!(counted(both), [1, 2]);
    }

    #[test]
    fn other_names_count_by_the_line() {
        let text = "use bookstore_telemetry::sql::{self, ErrorInfo};\nuse bookstore_telemetry as telemetry;\nuse tracing::Instrument as _;\nfn sql() {\n    let e: ErrorInfo = sql::error();\n    telemetry::spawn(\n        work.instrument(span),\n    );\n    self.sql.run();\n    sql(1);\n}\n";
        assert_eq!(counted(text), [1, 2, 3, 5, 6, 7, 10]);
    }
}
