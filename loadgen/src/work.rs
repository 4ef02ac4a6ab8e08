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
