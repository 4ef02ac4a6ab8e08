//! What a list of books can be asked for.

use serde::Deserialize;

use crate::error::Error;
use crate::words::Search;

/// The largest page, and the most ids at once.
pub(crate) const MAX_PER_PAGE: u32 = 100;
/// A page, where nothing else is asked for: rows of two, three, four and six come out even.
const DEFAULT_PER_PAGE: u32 = 24;
/// The longest search, in characters.
const MAX_SEARCH_CHARS: usize = 200;
/// The most words of a search.
const MAX_SEARCH_WORDS: usize = 16;
/// Longer than any subject, in characters.
const MAX_SUBJECT_CHARS: usize = 100;

/// The query string as it comes: all text, so that what is wrong can be said plainly.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Parameters {
    q: Option<String>,
    subject: Option<String>,
    sort: Option<String>,
    page: Option<String>,
    per_page: Option<String>,
    ids: Option<String>,
}

/// A list of books, checked.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Listing {
    /// Just these, in this order.
    Ids(Vec<i64>),
    /// One page of those that match.
    Page(Page),
}

/// One page of the books that match.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Page {
    pub(crate) search: Option<Search>,
    pub(crate) subject: Option<String>,
    pub(crate) sort: Sort,
    /// From 1.
    pub(crate) number: u32,
    /// 1 to [`MAX_PER_PAGE`].
    pub(crate) size: u32,
}

/// The order of a list; books that are equal in it follow by id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sort {
    /// Best matches first; as they stand on the shelf where nothing is searched for.
    Relevance,
    Title,
    Author,
    Oldest,
    Newest,
    Cheapest,
    Dearest,
}

/// The values of `sort`.
const SORTS: [(&str, Sort); 6] = [
    ("title", Sort::Title),
    ("author", Sort::Author),
    ("year", Sort::Oldest),
    ("-year", Sort::Newest),
    ("price", Sort::Cheapest),
    ("-price", Sort::Dearest),
];

impl TryFrom<Parameters> for Listing {
    type Error = Error;

    /// A parameter that is there and empty counts as absent: that is what a form sends for a field left alone.
    fn try_from(parameters: Parameters) -> Result<Self, Error> {
        let Parameters { q, subject, sort, page, per_page, ids } = parameters;
        let [q, subject, sort, page, per_page, ids] =
            [q, subject, sort, page, per_page, ids].map(|text| text.filter(|text| !text.trim().is_empty()));
        if let Some(ids) = ids {
            if [&q, &subject, &sort, &page, &per_page].iter().any(|other| other.is_some()) {
                return Err(invalid("ids goes with no other parameter."));
            }
            return Ok(Self::Ids(read_ids(&ids)?));
        }
        Ok(Self::Page(Page {
            search: q.map(|text| read_search(&text)).transpose()?,
            subject: subject.map(read_subject).transpose()?,
            sort: sort.map_or(Ok(Sort::Relevance), |text| read_sort(&text))?,
            number: read_number("page", page, 1, u32::MAX, 1)?,
            size: read_number("per_page", per_page, 1, MAX_PER_PAGE, DEFAULT_PER_PAGE)?,
        }))
    }
}

fn read_ids(text: &str) -> Result<Vec<i64>, Error> {
    let mut ids = Vec::new();
    for part in text.split(',') {
        let id = part
            .trim()
            .parse()
            .map_err(|_| invalid("ids must be whole numbers with commas between, such as 1,2,3."))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
        if ids.len() > MAX_PER_PAGE as usize {
            return Err(invalid(format!("ids must be {MAX_PER_PAGE} at the most.")));
        }
    }
    Ok(ids)
}

fn read_search(text: &str) -> Result<Search, Error> {
    if text.chars().count() > MAX_SEARCH_CHARS {
        return Err(invalid(format!("q must have {MAX_SEARCH_CHARS} characters at the most.")));
    }
    let search = Search::new(text);
    if search.len() > MAX_SEARCH_WORDS {
        return Err(invalid(format!("q must have {MAX_SEARCH_WORDS} words at the most.")));
    }
    Ok(search)
}

fn read_subject(text: String) -> Result<String, Error> {
    if text.chars().count() > MAX_SUBJECT_CHARS || text.chars().any(char::is_control) {
        return Err(invalid("subject must be the name of one; GET /subjects lists them."));
    }
    Ok(text)
}

fn read_sort(text: &str) -> Result<Sort, Error> {
    SORTS.iter().find(|(name, _)| *name == text).map(|(_, sort)| *sort).ok_or_else(|| {
        let allowed = SORTS.map(|(name, _)| name).join(", ");
        invalid(format!("sort must be one of: {allowed}."))
    })
}

fn read_number(name: &str, text: Option<String>, least: u32, most: u32, default: u32) -> Result<u32, Error> {
    let Some(text) = text else { return Ok(default) };
    text.trim().parse().ok().filter(|number| (least..=most).contains(number)).ok_or_else(|| {
        let range = if most == u32::MAX { format!("{least} or more") } else { format!("{least} to {most}") };
        invalid(format!("{name} must be a whole number, {range}."))
    })
}

fn invalid(what: impl Into<String>) -> Error {
    Error::Invalid(what.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(parameters: Parameters) -> Page {
        match Listing::try_from(parameters).unwrap() {
            Listing::Page(page) => page,
            Listing::Ids(ids) => panic!("{ids:?}"),
        }
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn what_is_absent_or_left_empty_has_a_default() {
        let empty =
            Parameters { q: text(" "), subject: text(""), sort: text(""), page: text(""), ..Parameters::default() };
        for parameters in [Parameters::default(), empty] {
            let expected = Page { search: None, subject: None, sort: Sort::Relevance, number: 1, size: 24 };
            assert_eq!(page(parameters), expected);
        }
    }

    #[test]
    fn ids_are_taken_once_each_in_order() {
        let parameters = Parameters { ids: text("3, 1,3"), ..Parameters::default() };
        assert_eq!(Listing::try_from(parameters).unwrap(), Listing::Ids(vec![3, 1]));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let none = Parameters::default;
        let many: Vec<String> = (0..101).map(|id: u32| id.to_string()).collect();
        for (parameters, said) in [
            (Parameters { page: text("0"), ..none() }, "page must be a whole number, 1 or more."),
            (Parameters { page: text("4294967296"), ..none() }, "page must be a whole number, 1 or more."),
            (Parameters { per_page: text("0"), ..none() }, "per_page must be a whole number, 1 to 100."),
            (Parameters { per_page: text("101"), ..none() }, "per_page must be a whole number, 1 to 100."),
            (Parameters { per_page: text("ten"), ..none() }, "per_page must be a whole number, 1 to 100."),
            (
                Parameters { sort: text("size"), ..none() },
                "sort must be one of: title, author, year, -year, price, -price.",
            ),
            (Parameters { q: Some("a".repeat(201)), ..none() }, "q must have 200 characters at the most."),
            (Parameters { q: Some("a ".repeat(17)), ..none() }, "q must have 16 words at the most."),
            (
                Parameters { subject: text("a\0"), ..none() },
                "subject must be the name of one; GET /subjects lists them.",
            ),
            (
                Parameters { ids: text("1,b"), ..none() },
                "ids must be whole numbers with commas between, such as 1,2,3.",
            ),
            (Parameters { ids: Some(many.join(",")), ..none() }, "ids must be 100 at the most."),
            (Parameters { ids: text("1"), page: text("1"), ..none() }, "ids goes with no other parameter."),
        ] {
            assert_eq!(Listing::try_from(parameters).unwrap_err().to_string(), said);
        }
    }
}
