//! The books of the shop, as far as a customer needs them: the paths that lead to each.

use std::collections::HashMap;

use http::Uri;
use http::uri::InvalidUri;
use serde::Deserialize;

/// Where everything of the API is.
pub(crate) const API: &str = "/api/v1";
/// How many books a page of the API holds, where nothing is said. How many pages there are follows from it.
const PER_PAGE: usize = 20;

/// A book, as the API lists it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Book {
    pub(crate) id: i64,
    pub(crate) title: String,
    pub(crate) subject: String,
}

/// The books, and the pages of their list.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    pub(crate) books: Vec<Paths>,
    pub(crate) pages: Vec<Uri>,
    places: HashMap<i64, usize>,
}

/// The paths that lead to a book; made once, so that a request takes none to make.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    pub(crate) show: Uri,
    pub(crate) search: Uri,
    pub(crate) subject: Uri,
    pub(crate) basket: Uri,
}

impl Shelf {
    /// The books in the order in which the shop lists them.
    pub(crate) fn new(prefix: &str, books: &[Book]) -> Result<Self, InvalidUri> {
        let api = format!("{prefix}{API}");
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let paths = |book: &Book| {
            Ok::<_, InvalidUri>(Paths {
                show: format!("{api}/books/{}", book.id).parse()?,
                search: format!("{api}/books?q={}", encoded(longest_word(&book.title))).parse()?,
                subject: format!("{api}/books?subject={}", encoded(&book.subject)).parse()?,
                basket: format!("{api}/basket/items/{}", book.id).parse()?,
            })
        };
        let pages = 1..=books.len().div_ceil(PER_PAGE);
        Ok(Self {
            books: books.iter().map(paths).collect::<Result<_, _>>()?,
            pages: pages.map(|page| format!("{api}/books?page={page}").parse()).collect::<Result<_, _>>()?,
            places: books.iter().enumerate().map(|(place, book)| (book.id, place)).collect(),
        })
    }

    /// Where the book with this id stands.
    pub(crate) fn place(&self, id: i64) -> Option<usize> {
        self.places.get(&id).copied()
    }
}

/// What one would search a title by. The first of the longest, so that it is always the same.
fn longest_word(title: &str) -> &str {
    let words = title.split(|c: char| !c.is_alphanumeric());
    words.fold("", |longest, word| if word.chars().count() > longest.chars().count() { word } else { longest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_book_has_its_paths() {
        let book = |id, title: &str| Book { id, title: title.to_owned(), subject: "Science & Art".to_owned() };
        let shelf = Shelf::new("/shop", &[book(7, "Émile, or On Education"), book(9, "Ōoku émigrés")]).unwrap();
        let first = &shelf.books[0];
        assert_eq!(first.show, "/shop/api/v1/books/7");
        assert_eq!(first.search, "/shop/api/v1/books?q=Education");
        assert_eq!(first.subject, "/shop/api/v1/books?subject=Science+%26+Art");
        assert_eq!(first.basket, "/shop/api/v1/basket/items/7");
        assert_eq!(shelf.books[1].search, "/shop/api/v1/books?q=%C3%A9migr%C3%A9s");
        assert_eq!((shelf.place(9), shelf.place(8)), (Some(1), None));
    }

    #[test]
    fn there_are_as_many_pages_as_the_books_fill() {
        let books =
            |count| (0..count).map(|id| Book { id, title: "A".into(), subject: "B".into() }).collect::<Vec<_>>();
        for (count, pages) in [(0, 0), (1, 1), (20, 1), (21, 2), (911, 46)] {
            assert_eq!(Shelf::new("", &books(count)).unwrap().pages.len(), pages, "{count}");
        }
    }
}
