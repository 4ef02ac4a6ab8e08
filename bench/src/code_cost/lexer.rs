//! Rust as text, as far as counting lines needs it.

/// The text with comments blanked and what is in literals replaced by `"`, so that every bracket and word that is left
/// is code. Characters stay where they are.
pub(super) fn mask(text: &str) -> Vec<char> {
    let source: Vec<char> = text.chars().collect();
    let mut masked = source.clone();
    let mut at = 0;
    while at < source.len() {
        let (end, filler) = literal_or_comment(&source, at);
        if let Some(filler) = filler {
            for place in masked.iter_mut().take(end).skip(at) {
                if *place != '\n' {
                    *place = filler;
                }
            }
        }
        at = end;
    }
    masked
}

/// Where what begins here ends, and what to put in its place if it is no code.
fn literal_or_comment(source: &[char], at: usize) -> (usize, Option<char>) {
    let get = |offset: usize| source.get(at + offset).copied().unwrap_or('\0');
    let after_word = at > 0 && source.get(at - 1).is_some_and(|&before| is_word(before));
    match get(0) {
        '/' if get(1) == '/' => (find(source, at, |c| c == '\n'), Some(' ')),
        '/' if get(1) == '*' => (block_comment(source, at), Some(' ')),
        '"' => (string(source, at + 1), Some('"')),
        'r' | 'b' | 'c' if !after_word => match prefixed(source, at) {
            Some(end) => (end, Some('"')),
            None => (at + 1, None),
        },
        // A character, not a lifetime.
        '\'' if get(1) == '\\' => (find(source, at + 3, |c| c == '\'') + 1, Some('"')),
        '\'' if get(2) == '\'' => (at + 3, Some('"')),
        _ => (at + 1, None),
    }
}

pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn find(source: &[char], from: usize, wanted: impl Fn(char) -> bool) -> usize {
    (from..source.len()).find(|&at| source.get(at).is_some_and(|&c| wanted(c))).unwrap_or(source.len())
}

fn block_comment(source: &[char], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0_usize);
    while at < source.len() {
        match (source.get(at), source.get(at + 1)) {
            (Some('/'), Some('*')) => (depth, at) = (depth + 1, at + 2),
            (Some('*'), Some('/')) => (depth, at) = (depth.saturating_sub(1), at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at.min(source.len())
}

/// From within a string to after its end.
fn string(source: &[char], mut at: usize) -> usize {
    while let Some(&c) = source.get(at) {
        match c {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    source.len()
}

/// The end of a string with a prefix: `r"…"`, `r#"…"#`, `b"…"`, `br"…"`, `c"…"`. None if it is none.
fn prefixed(source: &[char], from: usize) -> Option<usize> {
    let letters = find(source, from, |c| !matches!(c, 'r' | 'b' | 'c'));
    let raw = source.get(from..letters)?.contains(&'r');
    let quote = if raw { find(source, letters, |c| c != '#') } else { letters };
    if letters - from > 2 || source.get(quote) != Some(&'"') {
        return None;
    }
    if !raw {
        return Some(string(source, quote + 1));
    }
    let hashes = quote - letters;
    let closes = |at: usize| {
        source.get(at) == Some(&'"') && source.iter().skip(at + 1).take(hashes).filter(|&&c| c == '#').count() == hashes
    };
    Some((quote + 1..source.len()).find(|&at| closes(at)).map_or(source.len(), |at| at + 1 + hashes))
}

/// Where the bracket that opens at `open` is closed, just after it.
pub(super) fn closed(masked: &[char], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, c) in masked.iter().enumerate().skip(open) {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    masked.len()
}

/// Attributes, from `#` to after `]`.
pub(super) fn attributes(masked: &[char]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < masked.len() {
        let open = if masked.get(at + 1) == Some(&'!') { at + 2 } else { at + 1 };
        if masked.get(at) == Some(&'#') && masked.get(open) == Some(&'[') {
            let end = closed(masked, open);
            found.push((at, end));
            at = end;
        } else {
            at += 1;
        }
    }
    found
}

/// Blanks what is compiled for tests only: items after `#[cfg(test)]` or `#[cfg(all(test, …))]`, attribute included.
pub(super) fn blank_tests(masked: &mut [char]) {
    for (start, end) in attributes(masked) {
        let text: String = masked.get(start..end).unwrap_or_default().iter().filter(|c| !c.is_whitespace()).collect();
        if !(text.starts_with("#[cfg(test") || text.starts_with("#[cfg(all(test")) {
            continue;
        }
        // The item ends with its block, or with a semicolon before any block. Brackets before that are passed over.
        let mut at = end;
        while let Some(&c) = masked.get(at) {
            match c {
                '{' => {
                    at = closed(masked, at);
                    break;
                }
                ';' => break,
                '(' | '[' => at = closed(masked, at),
                _ => at += 1,
            }
        }
        for place in masked.iter_mut().take(at + 1).skip(start) {
            if *place != '\n' {
                *place = ' ';
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        mask(text).into_iter().collect()
    }

    #[test]
    fn comments_go_and_strings_are_emptied() {
        for (text, expected) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("a // b \" c") + 1"#, r#"f(""""""""""""") + 1"#),
            (r##"r#"a " b"# x"##, r##""""""""""" x"##),
            (r#"b"{" br"(" c"[""#, r#""""" """"" """""#),
            ("'{' '\\'' 'a: &'a str", "\"\"\" \"\"\"\" 'a: &'a str"),
            ("for r in b { bar\"x\" }", "for r in b { bar\"\"\" }"),
        ] {
            assert_eq!(masked(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_closed_goes_to_the_end() {
        assert_eq!(masked("/* a"), "    ");
        assert_eq!(masked("\"a\n"), "\"\"\n");
        assert_eq!(closed(&mask("(a"), 0), 2);
    }

    #[test]
    fn items_for_tests_are_blanked_with_their_attribute() {
        let blanked = |text: &str| {
            let mut masked = mask(text);
            blank_tests(&mut masked);
            masked.into_iter().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(blanked("a\n#[cfg(test)]\nmod tests { fn x() { } }\nb"), "a b");
        assert_eq!(blanked("#[cfg(test)]\nmod tests;\nb"), "b");
        assert_eq!(blanked("#[cfg(all(test, feature = \"otel\"))]\n#[x(y)]\nfn f(a: [u8; 3]) -> u8 { 1 } b"), "b");
        assert_eq!(blanked("#[cfg(not(test))] fn f() {}"), "#[cfg(not(test))] fn f() {}");
    }
}
