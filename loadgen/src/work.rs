//! What a visit does: its requests, drawn from the scenario by the visit's number alone.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Uri};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Zipf};

use crate::scenario::{Books, Scenario, Step};
use crate::schedule::to_f64;
use crate::seed::{self, Use};
use crate::shelf::{API, Shelf};

/// Card numbers that the shop's test issuer accepts and declines; its README lists them.
const GOOD_CARD: &[u8] = br#"{"card":{"number":"4242424242424242","expiry":"12/39","cvc":"123"}}"#;
const DECLINED_CARD: &[u8] = br#"{"card":{"number":"4000000000000002","expiry":"12/39","cvc":"123"}}"#;
const ONE_COPY: &[u8] = br#"{"quantity":1}"#;

/// A request of a visit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Errand {
    /// What it is called, as a place in the scenario's names.
    pub(crate) step: usize,
    /// How long the customer thinks before it.
    pub(crate) think: Duration,
    pub(crate) uri: Uri,
    pub(crate) what: What,
}

/// What kind of request it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum What {
    Look,
    /// As anybody else.
    LookAnonymously,
    /// Puts a book into the basket.
    Fill,
    /// Pays with a card that is accepted, or declined.
    Buy {
        declined: bool,
    },
}

impl What {
    pub(crate) fn method(self) -> Method {
        match self {
            Self::Look | Self::LookAnonymously => Method::GET,
            Self::Fill => Method::PUT,
            Self::Buy { .. } => Method::POST,
        }
    }

    pub(crate) fn body(self) -> Bytes {
        Bytes::from_static(match self {
            Self::Look | Self::LookAnonymously => b"",
            Self::Fill => ONE_COPY,
            Self::Buy { declined: false } => GOOD_CARD,
            Self::Buy { declined: true } => DECLINED_CARD,
        })
    }
}

/// A scenario that does not go with the shop's books.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BooksError {
    /// There are no books at all.
    #[error("the shop lists no books")]
    None,
    /// A hot book is not there.
    #[error("the scenario names the book {0} as hot, and the shop has no such book")]
    Unknown(i64),
    /// There are not as many books as are to be hot.
    #[error("the scenario has {hot} hot books, and the shop has only {there}")]
    TooFew {
        /// How many are to be hot.
        hot: usize,
        /// How many there are.
        there: usize,
    },
    /// A path cannot be made of what the shop or the scenario says.
    #[error("a path of the shop cannot be made: {0}")]
    Path(String),
}

/// A scenario on a shop's books: makes visits by their numbers.
#[derive(Debug)]
pub(crate) struct Work {
    scenario: Scenario,
    seed: u64,
    shelf: Shelf,
    choice: Choice,
    weights: f64,
    fixed: Fixed,
    /// By step: the path of those that get one as it is.
    gets: Vec<Option<Uri>>,
}

/// Which book.
#[derive(Debug)]
enum Choice {
    Any,
    Hot { places: Vec<usize>, share: f64 },
    Zipf(Zipf<f64>),
}

/// Paths that are about no book.
#[derive(Debug)]
struct Fixed {
    subjects: Uri,
    basket: Uri,
    orders: Uri,
}

impl Work {
    pub(crate) fn new(scenario: Scenario, prefix: &str, shelf: Shelf, seed: u64) -> Result<Self, BooksError> {
        if scenario.needs_books() && shelf.books.is_empty() {
            return Err(BooksError::None);
        }
        let choice = match &scenario.books {
            _ if !scenario.needs_books() => Choice::Any,
            Books::Any => Choice::Any,
            Books::HotFirst { count, .. } if *count > shelf.books.len() => {
                return Err(BooksError::TooFew { hot: *count, there: shelf.books.len() });
            }
            Books::HotFirst { count, share } => Choice::Hot { places: (0..*count).collect(), share: *share },
            Books::HotIds { ids, share } => {
                let places = ids.iter().map(|id| shelf.place(*id).ok_or(BooksError::Unknown(*id)));
                Choice::Hot { places: places.collect::<Result<_, _>>()?, share: *share }
            }
            Books::Zipf(exponent) => Choice::Zipf(
                Zipf::new(to_f64(shelf.books.len() as u64), *exponent)
                    .map_err(|error| BooksError::Path(error.to_string()))?,
            ),
        };
        let uri = |path: &str| {
            format!("{prefix}{path}")
                .parse::<Uri>()
                .map_err(|error| BooksError::Path(format!("{prefix}{path}: {error}")))
        };
        let fixed = Fixed {
            subjects: uri(&format!("{API}/subjects"))?,
            basket: uri(&format!("{API}/basket"))?,
            orders: uri(&format!("{API}/orders"))?,
        };
        let mut gets = vec![None; scenario.step_names().len()];
        for (step, place) in scenario.visits.iter().flat_map(|visit| &visit.steps) {
            if let Step::Get(path) = step {
                gets[*place] = Some(uri(path)?);
            }
        }
        let weights = scenario.visits.iter().map(|visit| visit.weight).sum();
        Ok(Self { scenario, seed, shelf, choice, weights, fixed, gets })
    }

    pub(crate) fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// The requests of visit `number`, in place of what `errands` holds. The same for the same seed and number.
    pub(crate) fn draw(&self, number: u64, errands: &mut Vec<Errand>) {
        errands.clear();
        let mut draws = seed::generator(self.seed, Use::Visit, number);
        let visits = &self.scenario.visits;
        let mut visit = &visits[0];
        if visits.len() > 1 {
            let mut left = draws.random_range(0.0..self.weights);
            for candidate in visits {
                visit = candidate;
                if left < candidate.weight {
                    break;
                }
                left -= candidate.weight;
            }
        }
        let has_books = self.scenario.needs_books();
        let mut book = if has_books { self.book(&mut draws) } else { 0 };
        for (step, place) in &visit.steps {
            let of_book = || &self.shelf.books[book];
            let (uri, what) = match step {
                Step::NextBook => {
                    book = self.book(&mut draws);
                    continue;
                }
                Step::List => {
                    let pages = &self.shelf.pages;
                    (&pages[draws.random_range(0..pages.len())], What::LookAnonymously)
                }
                Step::Search => (&of_book().search, What::LookAnonymously),
                Step::Subject => (&of_book().subject, What::LookAnonymously),
                Step::Subjects => (&self.fixed.subjects, What::LookAnonymously),
                Step::Book => (&of_book().show, What::LookAnonymously),
                Step::Basket => (&of_book().basket, What::Fill),
                Step::ShowBasket => (&self.fixed.basket, What::Look),
                Step::Orders => (&self.fixed.orders, What::Look),
                Step::Buy => {
                    let declined = draws.random_range(0.0..1.0) < self.scenario.declined_cards();
                    (&self.fixed.orders, What::Buy { declined })
                }
                Step::Get(_) => match &self.gets[*place] {
                    Some(uri) => (uri, What::LookAnonymously),
                    None => continue,
                },
            };
            // The visit begins when its customer comes.
            let thinks = if errands.is_empty() { None } else { visit.think };
            let think = thinks.map_or(Duration::ZERO, |think| think.draw(&mut draws));
            errands.push(Errand { step: *place, think, uri: uri.clone(), what });
        }
    }

    /// The place of a book.
    fn book(&self, draws: &mut ChaCha8Rng) -> usize {
        let all = self.shelf.books.len();
        match &self.choice {
            Choice::Hot { places, share } if draws.random_range(0.0..1.0) < *share => {
                places[draws.random_range(0..places.len())]
            }
            Choice::Any | Choice::Hot { .. } => draws.random_range(0..all),
            // 1 to the number of books.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place, as a number")]
            Choice::Zipf(zipf) => (zipf.sample(draws) as usize).clamp(1, all) - 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shelf::Book;

    /// Work at a shop of ten books, with ids from 100 on.
    fn work(text: &str) -> Work {
        let book = |id| Book { id, title: format!("Title{id}"), subject: "S".to_owned() };
        let shelf = Shelf::new("", &(100..110).map(book).collect::<Vec<_>>()).unwrap();
        let scenario = Scenario::parse("s", "s.toml", &format!("about = \"a\"\n{text}")).unwrap();
        Work::new(scenario, "", shelf, 1).unwrap()
    }

    fn paths(work: &Work, number: u64) -> Vec<String> {
        let mut errands = Vec::new();
        work.draw(number, &mut errands);
        errands.iter().map(|errand| errand.uri.to_string()).collect()
    }

    /// In how many of the first thousand visits the first path ends so.
    fn count(work: &Work, end: &str) -> usize {
        (0..1_000).filter(|number| paths(work, *number)[0].ends_with(end)).count()
    }

    const BOOK: &str = "[[visit]]\nname = \"v\"\nsteps = [\"book\"]\n";

    // Counts of a thousand with probability p vary by √(1000·p·(1−p)), 16 at most; the bounds are five times that.

    #[test]
    fn visits_come_as_often_as_they_weigh() {
        let visit = |weight: u32, path: &str| {
            format!("[[visit]]\nname = \"v\"\nweight = {weight}\nsteps = [{{ get = \"{path}\" }}]\n")
        };
        let work = work(&[visit(6, "/a"), visit(3, "/b"), visit(1, "/c")].concat());
        let counts = ["/a", "/b", "/c"].map(|path| count(&work, path));
        assert!((520..=680).contains(&counts[0]) && (230..=370).contains(&counts[1]), "{counts:?}");
        assert!((50..=150).contains(&counts[2]), "{counts:?}");
    }

    #[test]
    fn hot_books_have_their_share() {
        // Half of the visits take one of two; of the other half, each of the ten is as likely: 250 + 50.
        let work = work(&format!("[books]\nhot = 2\nhot_share = 0.5\n{BOOK}"));
        for (path, least, most) in [("/100", 230, 370), ("/101", 230, 370), ("/102", 15, 85), ("/109", 15, 85)] {
            let count = count(&work, path);
            assert!((least..=most).contains(&count), "{path}: {count}");
        }
    }

    #[test]
    fn popularity_falls_by_zipfs_law() {
        // Of ten, the first has a share of 1 / (1 + 1/2 + … + 1/10) = 0.341, the last a tenth of that.
        let work = work(&format!("[books]\nzipf = 1.0\n{BOOK}"));
        for (path, least, most) in [("/100", 265, 415), ("/101", 110, 230), ("/109", 5, 65)] {
            let count = count(&work, path);
            assert!((least..=most).contains(&count), "{path}: {count}");
        }
    }

    #[test]
    fn a_visit_is_about_one_book_until_the_next() {
        let work =
            work("[[visit]]\nname = \"v\"\nsteps = [\"book\", \"basket\", \"next-book\", \"book\", \"basket\"]\n");
        let mut others = 0;
        for number in 0..100 {
            let paths = paths(&work, number);
            let ids: Vec<_> = paths.iter().map(|path| path.rsplit('/').next().unwrap()).collect();
            assert!(ids[0] == ids[1] && ids[2] == ids[3], "{paths:?}");
            others += usize::from(ids[0] != ids[2]);
        }
        // One in ten is the same by chance.
        assert!((75..=100).contains(&others), "{others}");
    }

    #[test]
    fn nobody_thinks_before_the_first_request() {
        let work = work(&format!(
            "think = {{ uniform = [\"1s\", \"3s\"] }}\n{}",
            BOOK.replace("\"book\"", "\"book\", \"list\"")
        ));
        let mut errands = Vec::new();
        let mut sum = Duration::ZERO;
        for number in 0..1_000 {
            work.draw(number, &mut errands);
            assert_eq!(errands[0].think, Duration::ZERO);
            assert!((1..=3).contains(&errands[1].think.as_secs()));
            sum += errands[1].think;
        }
        // Of 2 s in the mean, with a standard error of 1/√3000 s.
        assert!((sum.as_secs_f64() / 1_000.0 - 2.0).abs() < 0.1, "{sum:?}");
    }
}
