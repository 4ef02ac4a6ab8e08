//! How titles, names and searches become comparable.
//!
//! Folded text has only lower-case letters without diacritics, digits and single spaces, so it can be put into the query
//! languages of both databases without any character that means something there.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Folds text: "Brontë" becomes "bronte", "Alice’s" "alices", "Moby-Dick" "moby dick".
pub(crate) fn fold(text: &str) -> String {
    fold_with(text, Apostrophe::Joins)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Apostrophe {
    Joins,
    Parts,
}

fn fold_with(text: &str, apostrophe: Apostrophe) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut parted = false;
    for character in text.nfkd().filter(|character| !is_combining_mark(*character)) {
        if matches!(character, '\'' | '’' | '‘' | 'ʼ') && apostrophe == Apostrophe::Joins {
            continue;
        }
        if !character.is_alphanumeric() {
            parted = true;
            continue;
        }
        if parted && !folded.is_empty() {
            folded.push(' ');
        }
        parted = false;
        match plain(character) {
            Some(letters) => folded.push_str(letters),
            None => folded.extend(character.to_lowercase().filter(|lower| lower.is_alphanumeric())),
        }
    }
    folded
}

/// Letters that Unicode does not take apart, as people type them who lack the key.
fn plain(character: char) -> Option<&'static str> {
    Some(match character {
        'æ' | 'Æ' => "ae",
        'œ' | 'Œ' => "oe",
        'ø' | 'Ø' => "o",
        'ł' | 'Ł' => "l",
        'đ' | 'Đ' | 'ð' | 'Ð' => "d",
        'þ' | 'Þ' => "th",
        'ß' => "ss",
        'ı' => "i",
        _ => return None,
    })
}

/// The words that text is found by: the folded ones, and, where an apostrophe or hyphen leaves a choice, the others too.
pub(crate) fn words(text: &str) -> String {
    let folded = fold(text);
    let mut words: Vec<String> = folded.split(' ').map(str::to_owned).collect();
    let parted = fold_with(text, Apostrophe::Parts);
    let hyphenated = text.split_whitespace().filter(|word| word.contains('-')).map(|word| fold(word).replace(' ', ""));
    for word in parted.split(' ').map(str::to_owned).chain(hyphenated) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.join(" ")
}

/// A title as one looks for it in a list: without its article.
pub(crate) fn sort_key(text: &str) -> String {
    let folded = fold(text);
    ["the ", "an ", "a "]
        .iter()
        .find_map(|article| folded.strip_prefix(article))
        .filter(|rest| !rest.is_empty())
        .map_or_else(|| folded.clone(), str::to_owned)
}

/// What somebody looks for: folded words; the last may be the beginning of one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Search {
    folded: String,
}

impl Search {
    /// Reads a search. It may have no words at all; then it finds nothing.
    pub(crate) fn new(text: &str) -> Self {
        Self { folded: fold(text) }
    }

    /// How many words it has.
    pub(crate) fn len(&self) -> usize {
        self.folded.split(' ').filter(|word| !word.is_empty()).count()
    }

    /// Its words, folded.
    pub(crate) fn folded(&self) -> &str {
        &self.folded
    }

    /// As SQLite's FTS5 wants it: `"jane" "em"*`. Quoted, so that `AND`, `OR`, `NOT` and `NEAR` are words too.
    pub(crate) fn fts5(&self) -> String {
        format!("\"{}\"*", self.folded.replace(' ', "\" \""))
    }

    /// As PostgreSQL's `to_tsquery` wants it: `'jane' & 'em':*`.
    pub(crate) fn tsquery(&self) -> String {
        format!("'{}':*", self.folded.replace(' ', "' & '"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn folding_leaves_what_everybody_can_type() {
        for (text, folded) in [
            ("Charlotte Brontë", "charlotte bronte"),
            ("Alice’s Adventures", "alices adventures"),
            ("Moby-Dick; or, The Whale", "moby dick or the whale"),
            ("Søren Kierkegaard", "soren kierkegaard"),
            ("Bolesław Prus", "boleslaw prus"),
            ("Ō no Yasumaro", "o no yasumaro"),
            ("R.U.R.", "r u r"),
            ("ＦＵＬＬ　ｗｉｄｔｈ", "full width"),
            ("  \"* AND \0 ", "and"),
            ("…", ""),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }

    #[test]
    fn where_an_apostrophe_or_hyphen_leaves_a_choice_both_are_found() {
        assert_eq!(words("Tess of the d’Urbervilles"), "tess of the durbervilles d urbervilles");
        assert_eq!(words("Moby-Dick"), "moby dick mobydick");
        assert_eq!(words("Emma"), "emma");
    }

    #[test]
    fn articles_do_not_sort() {
        assert_eq!(sort_key("The Odyssey"), "odyssey");
        assert_eq!(sort_key("A"), "a");
        assert_eq!(sort_key("Anna Karenina"), "anna karenina");
    }

    #[test]
    fn a_search_is_quoted_for_both_databases() {
        let search = Search::new("Jane \"AND\" em*");
        assert_eq!(search.fts5(), "\"jane\" \"and\" \"em\"*");
        assert_eq!(search.tsquery(), "'jane' & 'and' & 'em':*");
        assert_eq!((search.len(), Search::new(" ' ").len()), (3, 0));
    }

    proptest! {
        #[test]
        fn folded_text_is_harmless_and_folds_to_itself(text in any::<String>()) {
            let folded = fold(&text);
            prop_assert!(folded.chars().all(|c| c == ' ' || c.is_alphanumeric()), "{folded:?}");
            prop_assert!(!folded.contains("  ") && folded.trim() == folded, "{folded:?}");
            prop_assert_eq!(fold(&folded), folded);
        }
    }
}
