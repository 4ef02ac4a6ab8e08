//! The list of books: all of them, a subject, a search.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bookstore_proto::catalog::{self, Subject};
use serde::Deserialize;

use super::asked::Asked;
use super::stop::Stop;
use super::view::{BooksPage, Card, Link, Paging, Step, SubjectLink};
use super::visitor::Visiting;
use super::words::{Stock, money};
use super::{Web, gate, links};
use crate::shop::BookQuery;

/// Divisible by most numbers of columns.
const PER_PAGE: u32 = 20;
/// The longest search that is passed on, in characters.
const LONGEST_SEARCH: usize = 200;
/// The catalog's orders that are offered, and their names here. Without one, a search is sorted by how well it matches.
const SORTS: [(&str, &str); 5] =
    [("title", "Title"), ("author", "Author"), ("year", "Oldest"), ("-year", "Newest"), ("price", "Price")];

/// What was asked for. A parameter that makes no sense counts as absent.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Parameters {
    q: Option<String>,
    subject: Option<String>,
    sort: Option<String>,
    page: Option<String>,
}

/// What is shown, made sense of.
#[derive(Clone, Debug, Default)]
struct Listing {
    q: String,
    subject: String,
    sort: &'static str,
    page: u32,
}

impl From<Parameters> for Listing {
    fn from(parameters: Parameters) -> Self {
        let text =
            |text: Option<String>| text.unwrap_or_default().trim().chars().take(LONGEST_SEARCH).collect::<String>();
        let asked = parameters.sort.unwrap_or_default();
        Self {
            q: text(parameters.q),
            subject: text(parameters.subject),
            sort: SORTS.iter().find(|(name, _)| *name == asked).map_or("", |(name, _)| name),
            page: parameters.page.and_then(|page| page.parse().ok()).filter(|page| *page > 0).unwrap_or(1),
        }
    }
}

impl Listing {
    fn query(&self) -> BookQuery {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        BookQuery {
            q: some(&self.q),
            subject: some(&self.subject),
            sort: some(self.sort),
            page: Some(self.page),
            per_page: Some(PER_PAGE),
        }
    }

    fn href(&self) -> String {
        let page = if self.page > 1 { self.page.to_string() } else { String::new() };
        let parameters = [("q", self.q.as_str()), ("subject", &self.subject), ("sort", self.sort), ("page", &page)];
        links::with_query("/", &parameters)
    }

    /// The same with something changed, from its first page.
    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = Self { page: 1, ..self.clone() };
        change(&mut changed);
        changed
    }

    fn title(&self) -> String {
        match (self.q.as_str(), self.subject.as_str()) {
            ("", "") => "Books".to_owned(),
            ("", subject) => subject.to_owned(),
            (q, _) => format!("“{q}”"),
        }
    }
}

/// `GET /`.
pub(super) async fn list(
    State(web): State<Web>,
    visiting: Visiting,
    Asked(parameters): Asked<Parameters>,
) -> Result<Response, Stop> {
    let listing = Listing::from(parameters);
    let query = listing.query();
    let (found, subjects, mut frame) = tokio::join!(
        web.shop.books(&visiting.call, &query),
        web.shop.subjects(&visiting.call),
        visiting.frame(&web, listing.title()),
    );
    let (found, refused) = match found {
        Ok(found) => (found, false),
        Err(problem) if problem.status() == StatusCode::UNPROCESSABLE_ENTITY => (nothing(), true),
        Err(problem) => return Err(problem.into()),
    };
    frame.query.clone_from(&listing.q);
    let last = last_page(found.total);
    let beyond = found.items.is_empty() && found.total > 0;
    let page = BooksPage {
        frame,
        heading: heading(&listing),
        lead: lead(&listing, found.total),
        clear: clear(&listing),
        all: Link::new(listing.with(|it| it.subject.clear()).href(), "All books").current(listing.subject.is_empty()),
        // The list of books is worth showing without them.
        subjects: subject_links(&listing, subjects.unwrap_or_default()),
        sorts: sort_links(&listing),
        books: found.items.into_iter().map(card).collect(),
        paging: (last > 1).then(|| paging(&listing, last)),
        hint: hint(&listing, beyond, refused),
        wider: if beyond {
            Some(Link::new(listing.with(|it| it.page = last).href(), format!("Go to the last page, {last}")))
        } else if listing.q.is_empty() || listing.subject.is_empty() {
            None
        } else {
            Some(Link::new(listing.with(|it| it.subject.clear()).href(), "Search all subjects"))
        },
    };
    Ok(gate::html(StatusCode::OK, &page)?)
}

fn nothing() -> catalog::BookPage {
    catalog::BookPage { items: Vec::new(), page: 1, per_page: PER_PAGE, total: 0 }
}

fn last_page(total: u64) -> u32 {
    u32::try_from(total.div_ceil(u64::from(PER_PAGE))).unwrap_or(u32::MAX)
}

/// A book as it stands on a shelf.
pub(super) fn card(book: catalog::Book) -> Card {
    Card {
        id: book.id,
        price: money(&book.price),
        stock: Stock(book.available),
        title: book.title,
        author: book.author,
    }
}

/// The shelf of a subject.
pub(super) fn subject_href(subject: &str) -> String {
    links::with_query("/", &[("subject", subject)])
}

fn heading(listing: &Listing) -> String {
    if listing.q.is_empty() && listing.subject.is_empty() {
        "Books that outlived their copyright".to_owned()
    } else {
        listing.title()
    }
}

fn lead(listing: &Listing, total: u64) -> String {
    let books = match total {
        0 => "No book".to_owned(),
        1 => "1 book".to_owned(),
        total => format!("{total} books"),
    };
    match (listing.q.as_str(), listing.subject.as_str()) {
        ("", "") => format!("{books}, all of them classics. Search them, or wander by subject."),
        ("", _) => format!("{books}."),
        (_, "") => format!("{books} found."),
        (_, subject) => format!("{books} found in {subject}."),
    }
}

fn clear(listing: &Listing) -> Option<Link> {
    match (listing.q.is_empty(), listing.subject.is_empty()) {
        (true, _) => None,
        (false, true) => Some(Link::new("/", "Clear the search")),
        (false, false) => Some(Link::new(listing.with(|it| it.q.clear()).href(), "Clear the search")),
    }
}

fn hint(listing: &Listing, beyond: bool, refused: bool) -> String {
    if refused {
        return "That is more than can be looked for at once. Try fewer words.".to_owned();
    }
    if beyond {
        return format!("There is no page {}.", listing.page);
    }
    if listing.q.is_empty() {
        return "No book is filed under this subject.".to_owned();
    }
    "Try fewer or shorter words: a surname, or one word of the title.".to_owned()
}

fn subject_links(listing: &Listing, subjects: Vec<Subject>) -> Vec<SubjectLink> {
    let link = |subject: Subject| SubjectLink {
        link: Link::new(listing.with(|it| it.subject.clone_from(&subject.subject)).href(), subject.subject.as_str())
            .current(listing.subject == subject.subject),
        books: subject.books,
    };
    subjects.into_iter().map(link).collect()
}

fn sort_links(listing: &Listing) -> Vec<Link> {
    let first = if listing.q.is_empty() { "Our choice" } else { "Best match" };
    [("", first)]
        .into_iter()
        .chain(SORTS)
        .map(|(name, text)| Link::new(listing.with(|it| it.sort = name).href(), text).current(listing.sort == name))
        .collect()
}

/// First page, last page, and those around this one.
fn paging(listing: &Listing, last: u32) -> Paging {
    let page = listing.page.min(last);
    let href = |page: u32| listing.with(|it| it.page = page).href();
    let mut steps = Vec::new();
    let mut previous = 0;
    for number in [1, page.saturating_sub(1), page, page.saturating_add(1), last] {
        if number <= previous || number > last {
            continue;
        }
        if number > previous + 1 {
            steps.push(Step::Gap);
        }
        steps.push(Step::Page(Link::new(href(number), number.to_string()).current(number == listing.page)));
        previous = number;
    }
    Paging { previous: (page > 1).then(|| href(page - 1)), next: (page < last).then(|| href(page + 1)), steps }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(query: &str) -> Listing {
        let uri = format!("http://shop/?{query}").parse().unwrap();
        Listing::from(axum::extract::Query::<Parameters>::try_from_uri(&uri).unwrap().0)
    }

    fn steps(page: u32, last: u32) -> String {
        let listing = Listing { page, ..Listing::default() };
        let text = |step: &Step| match step {
            Step::Gap => "…".to_owned(),
            Step::Page(link) if link.current => format!("[{}]", link.text),
            Step::Page(link) => link.text.clone(),
        };
        paging(&listing, last).steps.iter().map(text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_address_that_makes_no_sense_still_leads_to_books() {
        for (query, href) in [
            ("", "/"),
            ("q=&subject=&sort=&page=", "/"),
            ("sort=size&page=-1", "/"),
            ("page=99999999999999999999", "/"),
            ("q=+moby+&page=2&sort=-year", "/?q=moby&sort=-year&page=2"),
            ("subject=Politics+%26+Economics", "/?subject=Politics+%26+Economics"),
        ] {
            assert_eq!(listing(query).href(), href, "{query}");
        }
        assert_eq!(listing(&format!("q={}", "a".repeat(500))).q.len(), LONGEST_SEARCH);
    }

    #[test]
    fn another_subject_or_order_begins_at_its_first_page() {
        let listing = listing("q=sea&subject=Travel&page=3");
        assert_eq!(sort_links(&listing)[1].href, "/?q=sea&subject=Travel&sort=title");
        assert_eq!(clear(&listing).unwrap().href, "/?subject=Travel");
    }

    #[test]
    fn page_numbers_show_the_ends_and_the_neighbours() {
        for (page, last, row) in [
            (1, 2, "[1] 2"),
            (1, 46, "[1] 2 … 46"),
            (2, 46, "1 [2] 3 … 46"),
            (4, 46, "1 … 3 [4] 5 … 46"),
            (46, 46, "1 … 45 [46]"),
            (99, 46, "1 … 45 46"),
        ] {
            assert_eq!(steps(page, last), row);
        }
    }
}
