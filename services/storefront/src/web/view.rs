//! What the templates show: text that is ready to be read. Askama escapes all of it.

use std::fmt;
use std::time::{Duration, Instant};

use askama::Template;

use super::words::{Stock, When};

/// The frame of every page.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) title: String,
    pub(super) assets: AssetUrls,
    /// What the search box holds.
    pub(super) query: String,
    /// The name of who is signed in.
    pub(super) viewer: Option<String>,
    /// How many copies are in the basket.
    pub(super) basket: i64,
    /// Goes with every form.
    pub(super) csrf: String,
    /// When the request came in.
    pub(super) started: Instant,
    pub(super) trace: Option<Trace>,
}

impl Frame {
    /// How long the page took, up to here: the foot is rendered last.
    pub(super) fn elapsed(&self) -> Elapsed {
        Elapsed(self.started.elapsed())
    }
}

/// Where the style sheet, the script and the icon are.
#[derive(Clone, Copy, Debug)]
pub(super) struct AssetUrls {
    pub(super) style: &'static str,
    pub(super) script: &'static str,
    pub(super) icon: &'static str,
}

/// Where this page's trace can be seen.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    pub(super) page: String,
    pub(super) json: String,
}

/// "12 ms", "0.8 ms", "1.2 s".
#[derive(Clone, Copy, Debug)]
pub(super) struct Elapsed(pub(super) Duration);

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
pub(super) struct Link {
    pub(super) href: String,
    pub(super) text: String,
    /// Whether it leads to what is shown already.
    pub(super) current: bool,
}

impl Link {
    pub(super) fn new(href: impl Into<String>, text: impl Into<String>) -> Self {
        Self { href: href.into(), text: text.into(), current: false }
    }

    pub(super) fn current(mut self, current: bool) -> Self {
        self.current = current;
        self
    }
}

/// A book on a shelf.
#[derive(Clone, Debug)]
pub(super) struct Card {
    pub(super) id: i64,
    pub(super) title: String,
    pub(super) author: String,
    pub(super) price: String,
    pub(super) stock: Stock,
}

/// A subject in the list of subjects.
#[derive(Clone, Debug)]
pub(super) struct SubjectLink {
    pub(super) link: Link,
    pub(super) books: u64,
}

/// Links to the other pages of a list.
#[derive(Clone, Debug)]
pub(super) struct Paging {
    pub(super) previous: Option<String>,
    pub(super) next: Option<String>,
    pub(super) steps: Vec<Step>,
}

/// One place in the row of page numbers.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Page(Link),
    Gap,
}

/// The list of books.
#[derive(Debug, Template)]
#[template(path = "books.html")]
pub(super) struct BooksPage {
    pub(super) frame: Frame,
    pub(super) heading: String,
    pub(super) lead: String,
    /// Takes the search or the subject away.
    pub(super) clear: Option<Link>,
    pub(super) all: Link,
    pub(super) subjects: Vec<SubjectLink>,
    pub(super) sorts: Vec<Link>,
    pub(super) books: Vec<Card>,
    pub(super) paging: Option<Paging>,
    /// What to do when nothing was found.
    pub(super) hint: String,
    /// A wider search, when nothing was found.
    pub(super) wider: Option<Link>,
}

/// One book.
#[derive(Debug, Template)]
#[template(path = "book.html")]
pub(super) struct BookPage {
    pub(super) frame: Frame,
    pub(super) book: Card,
    pub(super) year: String,
    pub(super) subject: String,
    pub(super) subject_href: String,
    pub(super) author_href: String,
    /// Others of the same subject.
    pub(super) more: Vec<Card>,
}

/// A line of a basket or an order.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) id: i64,
    pub(super) title: String,
    pub(super) author: String,
    pub(super) price: String,
    pub(super) quantity: i64,
    pub(super) total: String,
    /// What to know of its stock, if anything.
    pub(super) stock: Option<Stock>,
}

/// The basket.
#[derive(Debug, Template)]
#[template(path = "basket.html")]
pub(super) struct BasketPage {
    pub(super) frame: Frame,
    pub(super) notice: Option<String>,
    pub(super) error: Option<String>,
    pub(super) lines: Vec<Line>,
    pub(super) copies: String,
    pub(super) total: String,
}

/// What stands in the way of an order.
#[derive(Clone, Debug, Default)]
pub(super) struct Obstacle {
    pub(super) title: String,
    pub(super) text: String,
    pub(super) points: Vec<String>,
    pub(super) link: Option<Link>,
}

/// What is wrong with the fields of the card.
#[derive(Clone, Debug, Default)]
pub(super) struct CardErrors {
    pub(super) number: Option<String>,
    pub(super) expiry: Option<String>,
    pub(super) cvc: Option<String>,
}

/// A card to try, and what it does.
#[derive(Clone, Copy, Debug)]
pub(super) struct TestCard {
    pub(super) number: &'static str,
    pub(super) behaviour: &'static str,
}

/// The checkout.
#[derive(Debug, Template)]
#[template(path = "checkout.html")]
pub(super) struct CheckoutPage {
    pub(super) frame: Frame,
    pub(super) lines: Vec<Line>,
    pub(super) total: String,
    /// The total that the form shows, in minor units.
    pub(super) seen: i64,
    /// The idempotency key of this form.
    pub(super) key: String,
    pub(super) problem: Option<Obstacle>,
    pub(super) errors: CardErrors,
    pub(super) cards: &'static [TestCard],
}

/// An order's status.
#[derive(Clone, Debug)]
pub(super) struct Status {
    /// `good`, `bad` or `open`.
    pub(super) kind: &'static str,
    pub(super) word: &'static str,
    pub(super) sentence: &'static str,
}

/// An order.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) id: String,
    /// The short form of its id.
    pub(super) reference: String,
    pub(super) summary: String,
    pub(super) when: When,
    pub(super) status: Status,
    pub(super) total: String,
}

/// The orders of who is signed in.
#[derive(Debug, Template)]
#[template(path = "orders.html")]
pub(super) struct OrdersPage {
    pub(super) frame: Frame,
    pub(super) orders: Vec<Order>,
}

/// One order.
#[derive(Debug, Template)]
#[template(path = "order.html")]
pub(super) struct OrderPage {
    pub(super) frame: Frame,
    /// Whether it was placed just now.
    pub(super) thanks: bool,
    /// Where the trace of the purchase can be seen.
    pub(super) purchase: Option<String>,
    pub(super) order: Order,
    pub(super) lines: Vec<Line>,
}

/// Signing in, and opening an account.
#[derive(Debug, Template)]
#[template(path = "account.html")]
pub(super) struct AccountPage {
    pub(super) frame: Frame,
    pub(super) registering: bool,
    pub(super) action: &'static str,
    /// The other of the two pages.
    pub(super) other: String,
    pub(super) reason: Option<&'static str>,
    pub(super) error: Option<String>,
    /// Where to go afterwards: a path of ours.
    pub(super) next: String,
    pub(super) name: String,
    pub(super) email: String,
}

/// What cannot be shown.
#[derive(Debug, Template)]
#[template(path = "failure.html")]
pub(super) struct FailurePage {
    pub(super) frame: Frame,
    pub(super) status: u16,
    pub(super) heading: String,
    pub(super) text: String,
    /// What to ask again.
    pub(super) again: Option<String>,
    pub(super) request_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_as_exact_as_it_needs_to_be() {
        for (us, text) in
            [(840, "0.8 ms"), (9_960, "10 ms"), (12_400, "12 ms"), (999_600, "1.0 s"), (2_340_000, "2.3 s")]
        {
            assert_eq!(Elapsed(Duration::from_micros(us)).to_string(), text);
        }
    }
}
