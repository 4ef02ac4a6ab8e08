//! The shop's books: `data/books.tsv`, a part of the program.
//!
//! One book a line, tab-separated: `id`, `title`, `author`, `year`, `subject`, `price_cents`. All of them were published
//! before 1929 by authors who died before 1954. A negative year is before the common era; years of old works are those
//! that scholars commonly give, of translations the original's. Prices are the shop's own.

/// The file.
pub(crate) const TSV: &str = include_str!("../data/books.tsv");

/// How many books there are: their ids are 1 to this.
pub const BOOKS: u32 = 911;

/// The file's first line.
const HEADER: &str = "id\ttitle\tauthor\tyear\tsubject\tprice_cents";

/// A book as the file has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Entry {
    pub(crate) id: i64,
    pub(crate) title: String,
    pub(crate) author: String,
    pub(crate) year: i64,
    pub(crate) subject: String,
    /// In minor units.
    pub(crate) price: i64,
}

/// A line of the file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of books.tsv: {reason}")]
pub struct ShelfError {
    line: usize,
    reason: &'static str,
}

/// Reads the file.
pub(crate) fn books() -> Result<Vec<Entry>, ShelfError> {
    parse(TSV)
}

fn parse(text: &str) -> Result<Vec<Entry>, ShelfError> {
    let mut lines = text.lines().zip(1..);
    if lines.next().is_none_or(|(line, _)| line != HEADER) {
        return Err(ShelfError { line: 1, reason: "the header is not the one expected" });
    }
    lines.map(|(text, line)| entry(text).map_err(|reason| ShelfError { line, reason })).collect()
}

fn entry(line: &str) -> Result<Entry, &'static str> {
    let mut columns = line.split('\t');
    let mut column = || columns.next().filter(|text| !text.trim().is_empty()).ok_or("a column is missing");
    let book = Entry {
        id: column()?.parse().map_err(|_| "the id is no number")?,
        title: column()?.to_owned(),
        author: column()?.to_owned(),
        year: column()?.parse().map_err(|_| "the year is no number")?,
        subject: column()?.to_owned(),
        price: column()?.parse().map_err(|_| "the price is no number")?,
    };
    if columns.next().is_some() {
        return Err("there are more columns than expected");
    }
    Ok(book)
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    #[test]
    fn there_are_many_books_numbered_from_one() {
        let books = books().unwrap();
        assert!(books.len() >= 520, "{}", books.len());
        assert_eq!(books.len(), BOOKS as usize);
        for (book, id) in books.iter().zip(1..) {
            assert_eq!(book.id, id);
        }
    }

    #[test]
    fn no_book_stands_there_twice() {
        let mut seen = HashSet::new();
        for book in books().unwrap() {
            let key = (book.title.to_lowercase(), book.author.to_lowercase());
            assert!(seen.insert(key), "{book:?}");
        }
    }

    #[test]
    fn facts_are_plausible() {
        for book in books().unwrap() {
            assert!((-2000..=1928).contains(&book.year) && book.year != 0, "{book:?}");
            assert!((499..=2999).contains(&book.price) && matches!(book.price % 100, 49 | 99), "{book:?}");
            for text in [&book.title, &book.author, &book.subject] {
                assert_eq!(text, text.trim(), "{book:?}");
                assert!(!text.contains("  ") && text.chars().count() <= 80, "{book:?}");
            }
            assert!(!book.title.contains('\''), "typographic apostrophes in titles: {book:?}");
        }
    }

    #[test]
    fn subjects_are_well_filled_and_the_first_page_has_variety() {
        let books = books().unwrap();
        let mut subjects: HashMap<&str, usize> = HashMap::new();
        for book in &books {
            *subjects.entry(&book.subject).or_default() += 1;
        }
        assert!((14..=18).contains(&subjects.len()), "{subjects:?}");
        assert!(subjects.values().all(|books| *books >= 20), "{subjects:?}");
        let first: HashSet<&str> = books[..24].iter().map(|book| book.subject.as_str()).collect();
        assert!(first.len() >= 12, "{first:?}");
    }

    #[test]
    fn a_bad_line_is_named() {
        for (line, reason) in [
            ("1\tA\tB\t1900\tFiction", "a column is missing"),
            ("1\tA\tB\t\tFiction\t999", "a column is missing"),
            ("1\tA\tB\tMDCC\tFiction\t999", "the year is no number"),
            ("1\tA\tB\t1900\tFiction\t999\tmore", "there are more columns than expected"),
        ] {
            let error = parse(&format!("{HEADER}\n{line}\n")).unwrap_err();
            assert_eq!((error.line, error.reason), (2, reason));
        }
        assert_eq!(parse("nonsense").unwrap_err().line, 1);
    }
}
