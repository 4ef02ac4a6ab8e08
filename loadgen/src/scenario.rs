//! What customers do, as data: a TOML file, or one of those built in (`scenarios/`).
//!
//! ```toml
//! about = "One line that --list-scenarios shows."      # required
//! declined_cards = 0.1          # share of orders paid with a card that the issuer declines; 0 unless said
//! out_of_stock = "refusal"      # or "error": what the answer "not enough copies" counts as; "refusal" unless said
//! think = { exponential = "2s" }   # how long customers think before each request but the first; not at all unless said
//!                               # { fixed = "500ms" } | { uniform = ["100ms", "2s"] } | { exponential = "2s" } (its mean)
//!
//! [books]                       # which book a visit is about; without this, any is as likely as another
//! hot = 5                       # the first five of the catalog are hot …
//! # hot_ids = [3, 14, 15]       # … or these are
//! hot_share = 0.8               # share of visits that take a hot one; 1 unless said
//! # zipf = 1.0                  # or instead: the n-th book of the catalog is 1/n^zipf as popular as the first
//!
//! [[visit]]                     # at least one
//! name = "buys"                 # required
//! weight = 3                    # how often, to the weights of the others; 1 unless said
//! think = { fixed = "1s" }      # instead of the scenario's
//! steps = ["search", "book", "basket", "buy"]
//! ```
//!
//! A visit is about one book, drawn at its begin. The steps, each of which is one request:
//!
//! | step | request |
//! | --- | --- |
//! | `"list"` | `GET /api/v1/books?page=…`, any page |
//! | `"search"` | `GET /api/v1/books?q=…`, the longest word of the book's title |
//! | `"subject"` | `GET /api/v1/books?subject=…`, the book's |
//! | `"subjects"` | `GET /api/v1/subjects` |
//! | `"book"` | `GET /api/v1/books/{id}` |
//! | `"basket"` | `PUT /api/v1/basket/items/{id}`: one copy |
//! | `"show-basket"` | `GET /api/v1/basket` |
//! | `"buy"` | `POST /api/v1/orders`, with an idempotency key of its own |
//! | `"orders"` | `GET /api/v1/orders` |
//! | `{ get = "/path" }` | `GET /path`, as it is |
//! | `"next-book"` | none: from here on the visit is about another book |
//!
//! Layout: [`file`](self) reads and checks a file; `draw` makes requests of it.

mod file;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Exp1};

pub use file::ScenarioError;

/// The scenario where none is named.
pub const DEFAULT: &str = "mixed";

/// Name and text of those built in.
const BUILT_IN: [(&str, &str); 9] = [
    ("browse", include_str!("../scenarios/browse.toml")),
    ("purchase", include_str!("../scenarios/purchase.toml")),
    ("mixed", include_str!("../scenarios/mixed.toml")),
    ("rush", include_str!("../scenarios/rush.toml")),
    ("sequence", include_str!("../scenarios/sequence.toml")),
    ("join", include_str!("../scenarios/join.toml")),
    ("spawn", include_str!("../scenarios/spawn.toml")),
    ("fanout", include_str!("../scenarios/fanout.toml")),
    ("hedge", include_str!("../scenarios/hedge.toml")),
];

/// What customers do.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    name: String,
    about: String,
    /// 0 to 1.
    declined_cards: f64,
    out_of_stock_is_error: bool,
    pub(crate) books: Books,
    pub(crate) visits: Vec<Visit>,
    step_names: Vec<String>,
}

/// Which book a visit is about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Books {
    Any,
    /// The first of the catalog.
    HotFirst {
        count: usize,
        share: f64,
    },
    HotIds {
        ids: Vec<i64>,
        share: f64,
    },
    /// By place in the catalog; the exponent.
    Zipf(f64),
}

/// A kind of visit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Visit {
    /// More than zero.
    pub(crate) weight: f64,
    pub(crate) think: Option<Think>,
    pub(crate) steps: Vec<(Step, usize)>,
}

/// One request of a visit; or none, of `NextBook`.
#[derive(Clone, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    List,
    Search,
    Subject,
    Subjects,
    Book,
    Basket,
    ShowBasket,
    Buy,
    Orders,
    NextBook,
    Get(String),
}

impl Step {
    /// What it is called in results; none where it makes no request.
    fn name(&self) -> Option<String> {
        let name = match self {
            Self::List => "list",
            Self::Search => "search",
            Self::Subject => "subject",
            Self::Subjects => "subjects",
            Self::Book => "book",
            Self::Basket => "basket",
            Self::ShowBasket => "show-basket",
            Self::Buy => "buy",
            Self::Orders => "orders",
            Self::NextBook => return None,
            Self::Get(path) => return Some(format!("GET {path}")),
        };
        Some(name.to_owned())
    }

    fn needs_account(&self) -> bool {
        matches!(self, Self::Basket | Self::ShowBasket | Self::Buy | Self::Orders)
    }

    fn needs_books(&self) -> bool {
        matches!(self, Self::List | Self::Search | Self::Subject | Self::Book | Self::Basket | Self::NextBook)
    }
}

/// How long a customer thinks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Think {
    Fixed(Duration),
    Uniform(Duration, Duration),
    /// Its mean.
    Exponential(Duration),
}

impl Think {
    pub(crate) fn draw(self, draws: &mut ChaCha8Rng) -> Duration {
        match self {
            Self::Fixed(time) => time,
            Self::Uniform(least, most) => least + (most - least).mul_f64(draws.random_range(0.0..=1.0)),
            Self::Exponential(mean) => {
                let times: f64 = Exp1.sample(draws);
                mean.mul_f64(times)
            }
        }
    }
}

impl Scenario {
    /// One that is built in, by its name, or a file.
    ///
    /// # Errors
    /// When there is neither, or the file is not as it should be.
    pub fn load(name_or_file: &str) -> Result<Self, ScenarioError> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_file) {
            return Self::parse(name, name, text);
        }
        let path = Path::new(name_or_file);
        // What looks like a path is meant as one, and its absence is then the file's.
        let is_path = name_or_file.contains('/') || path.extension().is_some() || path.is_file();
        if !is_path {
            return Err(ScenarioError::Unknown { name: name_or_file.to_owned() });
        }
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScenarioError::Unreadable { file: name_or_file.to_owned(), source })?;
        let name = path.file_stem().map_or_else(|| name_or_file.into(), |stem| stem.to_string_lossy());
        Self::parse(&name, name_or_file, &text)
    }

    /// A scenario from TOML. `file` is what errors call it.
    ///
    /// # Errors
    /// When the text is not as it should be: where, and what was expected.
    pub fn parse(name: &str, file: &str, text: &str) -> Result<Self, ScenarioError> {
        file::parse(name, file, text)
    }

    /// A scenario of one visit that gets one path; such as to measure a single handler.
    ///
    /// # Errors
    /// When that is no path.
    pub fn of_path(path: &str) -> Result<Self, ScenarioError> {
        let quoted = toml::Value::String(path.to_owned());
        let text = format!("about = \"One path\"\n[[visit]]\nname = \"get\"\nsteps = [{{ get = {quoted} }}]\n");
        Self::parse(path, path, &text)
    }

    /// Its name: that of the file without the ending.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for, in a line.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    /// What the requests are called in results. Steps of different visits that do the same are one.
    #[must_use]
    pub fn step_names(&self) -> &[String] {
        &self.step_names
    }

    /// Whether its customers need an account.
    #[must_use]
    pub fn needs_account(&self) -> bool {
        self.steps().any(Step::needs_account)
    }

    /// Whether its customers need to know what books there are.
    #[must_use]
    pub fn needs_books(&self) -> bool {
        self.steps().any(Step::needs_books)
    }

    /// Share of orders that are paid with a card that is declined.
    pub(crate) fn declined_cards(&self) -> f64 {
        self.declined_cards
    }

    /// Whether the answer "not enough copies" is an error.
    pub(crate) fn out_of_stock_is_error(&self) -> bool {
        self.out_of_stock_is_error
    }

    fn steps(&self) -> impl Iterator<Item = &Step> {
        self.visits.iter().flat_map(|visit| visit.steps.iter().map(|(step, _)| step))
    }
}

/// Those built in.
///
/// # Errors
/// Never: a test reads them all.
pub fn built_in() -> Result<Vec<Scenario>, ScenarioError> {
    BUILT_IN.iter().map(|(name, text)| Scenario::parse(name, name, text)).collect()
}

/// The names of those built in.
pub(crate) struct Known;

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BUILT_IN.map(|(name, _)| name).join(", "))
    }
}

/// Names of the steps, each once, in the order in which they appear, and each step with the place of its name.
fn number_steps(visits: Vec<Vec<Step>>) -> (Vec<String>, Vec<Vec<(Step, usize)>>) {
    let mut names: Vec<String> = Vec::new();
    let mut seen = BTreeSet::new();
    for name in visits.iter().flatten().filter_map(Step::name) {
        if seen.insert(name.clone()) {
            names.push(name);
        }
    }
    let place = |step: &Step| step.name().and_then(|name| names.iter().position(|known| *known == name)).unwrap_or(0);
    let visits = visits
        .into_iter()
        .map(|steps| steps.into_iter().map(|step| (place(&step), step)).map(|(place, step)| (step, place)).collect())
        .collect();
    (names, visits)
}
