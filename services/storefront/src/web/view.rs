//! What the templates show: text that is ready to be read. Askama escapes all of it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use askama::Template;

use super::words::{Stock, When};

/// The frame of every page.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) title: String,
    pub(crate) assets: AssetUrls,
    /// What the search box holds.
    pub(crate) query: String,
    /// The name of who is signed in.
    pub(crate) viewer: Option<String>,
    /// How many copies are in the basket.
    pub(crate) basket: i64,
    /// Goes with every form.
    pub(crate) csrf: String,
    /// When the request came in.
    pub(crate) started: Instant,
    pub(crate) trace: Option<Trace>,
}

impl Frame {
    /// How long the page took, up to here: the foot is rendered last.
    pub(crate) fn elapsed(&self) -> Elapsed {
        Elapsed(self.started.elapsed())
    }
}

/// Where the style sheet, the script and the icon are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AssetUrls {
    pub(crate) style: &'static str,
    pub(crate) script: &'static str,
    pub(crate) icon: &'static str,
}

/// Where this page's trace can be seen.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    pub(crate) page: String,
    pub(crate) json: String,
}

/// "12 ms", "0.8 ms", "1.2 s".
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elapsed(pub(crate) Duration);

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_secs_f64() * 1e3;
        match ms {
            ..9.95 => write!(f, "{ms:.1} ms"),
            ..999.5 => write!(f, "{ms:.0} ms"),
            _ => write!(f, "{:.1} s", ms / 1e3),
        }
    }
}

/// A link.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) href: String,
    pub(crate) text: String,
    /// Whether it leads to what is shown already.
    pub(crate) current: bool,
}

impl Link {
    pub(crate) fn new(href: impl Into<String>, text: impl Into<String>) -> Self {
        Self { href: href.into(), text: text.into(), current: false }
    }

    pub(crate) fn current(mut self, current: bool) -> Self {
        self.current = current;
        self
    }
}

/// A book on a shelf.
#[derive(Clone, Debug)]
pub(crate) struct Card {
    pub(crate) id: i64,
    pub(crate) title: String,
    pub(crate) author: String,
    pub(crate) price: String,
    pub(crate) stock: Stock,
}

/// A subject in the list of subjects.
#[derive(Clone, Debug)]
pub(crate) struct SubjectLink {
    pub(crate) link: Link,
    pub(crate) books: u64,
}

/// Links to the other pages of a list.
#[derive(Clone, Debug)]
pub(crate) struct Paging {
    pub(crate) previous: Option<String>,
    pub(crate) next: Option<String>,
    pub(crate) steps: Vec<Step>,
}

/// One place in the row of page numbers.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Page(Link),
    Gap,
}

/// The list of books.
#[derive(Debug, Template)]
#[template(path = "books.html")]
pub(crate) struct BooksPage {
    pub(crate) frame: Frame,
    pub(crate) heading: String,
    pub(crate) lead: String,
    /// Takes the search or the subject away.
    pub(crate) clear: Option<Link>,
    pub(crate) all: Link,
    pub(crate) subjects: Vec<SubjectLink>,
    pub(crate) sorts: Vec<Link>,
    pub(crate) books: Vec<Card>,
    pub(crate) paging: Option<Paging>,
    /// What to do when nothing was found.
    pub(crate) hint: String,
    /// A wider search, when nothing was found.
    pub(crate) wider: Option<Link>,
}

/// One book.
#[derive(Debug, Template)]
#[template(path = "book.html")]
pub(crate) struct BookPage {
    pub(crate) frame: Frame,
    pub(crate) book: Card,
    pub(crate) year: String,
    pub(crate) subject: String,
    pub(crate) subject_href: String,
    pub(crate) author_href: String,
    /// Others of the same subject.
    pub(crate) more: Vec<Card>,
    pub(crate) error: Option<String>,
}

/// A line of a basket or an order.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) id: i64,
    pub(crate) title: String,
    pub(crate) author: String,
    pub(crate) price: String,
    pub(crate) quantity: i64,
    pub(crate) total: String,
    /// What to know of its stock, if anything.
    pub(crate) stock: Option<Stock>,
}

/// The basket.
#[derive(Debug, Template)]
#[template(path = "basket.html")]
pub(crate) struct BasketPage {
    pub(crate) frame: Frame,
    pub(crate) notice: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) lines: Vec<Line>,
    pub(crate) copies: String,
    pub(crate) total: String,
}

/// What stands in the way of an order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Obstacle {
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) points: Vec<String>,
    pub(crate) link: Option<Link>,
}

/// What is wrong with the fields of the card.
#[derive(Clone, Debug, Default)]
pub(crate) struct CardErrors {
    pub(crate) number: Option<String>,
    pub(crate) expiry: Option<String>,
    pub(crate) cvc: Option<String>,
}

/// A card to try, and what it does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TestCard {
    pub(crate) number: &'static str,
    pub(crate) behaviour: &'static str,
}

/// The checkout.
#[derive(Debug, Template)]
#[template(path = "checkout.html")]
pub(crate) struct CheckoutPage {
    pub(crate) frame: Frame,
    pub(crate) lines: Vec<Line>,
    pub(crate) total: String,
    /// The total that the form shows, in minor units.
    pub(crate) seen: i64,
    /// The idempotency key of this form.
    pub(crate) key: String,
    pub(crate) problem: Option<Obstacle>,
    pub(crate) errors: CardErrors,
    pub(crate) cards: &'static [TestCard],
}

/// An order's status.
#[derive(Clone, Debug)]
pub(crate) struct Status {
    /// `good`, `bad` or `open`.
    pub(crate) kind: &'static str,
    pub(crate) word: &'static str,
    pub(crate) sentence: String,
}

/// An order.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) id: String,
    /// The short form of its id.
    pub(crate) reference: String,
    pub(crate) summary: String,
    pub(crate) when: When,
    pub(crate) status: Status,
    pub(crate) total: String,
}

/// The orders of who is signed in.
#[derive(Debug, Template)]
#[template(path = "orders.html")]
pub(crate) struct OrdersPage {
    pub(crate) frame: Frame,
    pub(crate) orders: Vec<Order>,
}

/// One order.
#[derive(Debug, Template)]
#[template(path = "order.html")]
pub(crate) struct OrderPage {
    pub(crate) frame: Frame,
    /// Whether it was placed just now.
    pub(crate) thanks: bool,
    pub(crate) order: Order,
    pub(crate) lines: Vec<Line>,
    /// What was paid with, without the number.
    pub(crate) card: Option<String>,
}

/// Signing in, and opening an account.
#[derive(Debug, Template)]
#[template(path = "account.html")]
pub(crate) struct AccountPage {
    pub(crate) frame: Frame,
    pub(crate) registering: bool,
    pub(crate) action: &'static str,
    /// The other of the two pages.
    pub(crate) other: String,
    pub(crate) reason: Option<&'static str>,
    pub(crate) error: Option<String>,
    /// Where to go afterwards: a path of ours.
    pub(crate) next: String,
    pub(crate) name: String,
    pub(crate) email: String,
}

/// What cannot be shown.
#[derive(Debug, Template)]
#[template(path = "failure.html")]
pub(crate) struct FailurePage {
    pub(crate) frame: Frame,
    pub(crate) status: u16,
    pub(crate) heading: String,
    pub(crate) text: String,
    /// What to ask again.
    pub(crate) again: Option<String>,
    pub(crate) request_id: String,
}

/// The address of compare, if there is one to link to.
pub(crate) type Compare = Option<Arc<str>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_as_exact_as_it_needs_to_be() {
        for (us, text) in [(840, "0.8 ms"), (9_960, "10 ms"), (12_400, "12 ms"), (999_600, "1.0 s"), (2_340_000, "2.3 s")] {
            assert_eq!(Elapsed(Duration::from_micros(us)).to_string(), text);
        }
    }
}
