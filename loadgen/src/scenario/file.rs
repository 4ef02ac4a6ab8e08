//! Reads a scenario, and says where it is wrong: file, line, column, and what was expected.

use std::ops::Range;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::{Books, Known, Scenario, Step, Think, Visit, number_steps};
use crate::duration;

/// A scenario that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// It is neither built in nor a file.
    #[error("there is no scenario {name:?}. Built in are {Known}; or name a TOML file, such as ./{name}.toml")]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The file cannot be read.
    #[error("the scenario {file} cannot be read: {source}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file says something that makes no sense.
    #[error("{file}:{line}:{column}: {message}")]
    Wrong {
        /// The file.
        file: String,
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// What is wrong, and what was expected.
        message: String,
    },
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    about: String,
    #[serde(default)]
    declined_cards: Option<Spanned<f64>>,
    #[serde(default)]
    out_of_stock: OutOfStock,
    #[serde(default)]
    think: Option<Spanned<ThinkText>>,
    #[serde(default)]
    books: Option<Spanned<BooksText>>,
    visit: Spanned<Vec<VisitText>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OutOfStock {
    #[default]
    Refusal,
    Error,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BooksText {
    hot: Option<Spanned<i64>>,
    hot_ids: Option<Spanned<Vec<i64>>>,
    hot_share: Option<Spanned<f64>>,
    zipf: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VisitText {
    name: Spanned<String>,
    #[serde(default)]
    weight: Option<Spanned<f64>>,
    #[serde(default)]
    think: Option<Spanned<ThinkText>>,
    steps: Spanned<Vec<Spanned<Step>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ThinkText {
    Fixed(String),
    Uniform([String; 2]),
    Exponential(String),
}

/// What is wrong, and where in the text.
struct Wrong {
    at: Range<usize>,
    message: String,
}

fn wrong<T>(at: Range<usize>, message: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong { at, message: message.into() })
}

pub(super) fn parse(name: &str, file: &str, text: &str) -> Result<Scenario, ScenarioError> {
    let read = toml::from_str(text).map_err(|error| Wrong {
        at: error.span().unwrap_or(0..0),
        message: error.message().trim().replace('\n', ", "),
    });
    read.and_then(|read| check(name, read)).map_err(|Wrong { at, message }| {
        let before = text.get(..at.start).unwrap_or(text);
        let line_begin = before.rfind('\n').map_or(0, |newline| newline + 1);
        ScenarioError::Wrong {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_begin..].chars().count() + 1,
            message,
        }
    })
}

fn check(name: &str, file: File) -> Result<Scenario, Wrong> {
    let File { about, declined_cards, out_of_stock, think, books, visit } = file;
    let think_of_all = think.map(check_think).transpose()?;
    let at = visit.span();
    let visits = visit.into_inner();
    if visits.is_empty() {
        return wrong(at, "there is no visit: expected at least one [[visit]] with name and steps");
    }
    let mut steps_of_visits = Vec::with_capacity(visits.len());
    let mut weights_and_thinks = Vec::with_capacity(visits.len());
    for visit in visits {
        let weight = visit.weight.map_or(Ok(1.0), |weight| {
            let number = *weight.get_ref();
            if number.is_finite() && number > 0.0 {
                return Ok(number);
            }
            wrong(weight.span(), format!("the weight is {number}: expected a number of more than 0"))
        })?;
        let think = visit.think.map(check_think).transpose()?.or(think_of_all);
        weights_and_thinks.push((weight, think));
        steps_of_visits.push(check_steps(visit.name.get_ref(), visit.steps)?);
    }
    let (step_names, steps) = number_steps(steps_of_visits);
    let visits = weights_and_thinks.into_iter().zip(steps);
    Ok(Scenario {
        name: name.to_owned(),
        about,
        declined_cards: share_of("declined_cards", declined_cards, 0.0)?,
        out_of_stock_is_error: matches!(out_of_stock, OutOfStock::Error),
        books: books.map_or(Ok(Books::Any), check_books)?,
        visits: visits.map(|((weight, think), steps)| Visit { weight, think, steps }).collect(),
        step_names,
    })
}

fn share_of(name: &str, share: Option<Spanned<f64>>, default: f64) -> Result<f64, Wrong> {
    let Some(share) = share else { return Ok(default) };
    let number = *share.get_ref();
    if (0.0..=1.0).contains(&number) {
        return Ok(number);
    }
    wrong(share.span(), format!("{name} is {number}: expected a share, 0 to 1"))
}

fn check_steps(visit: &str, steps: Spanned<Vec<Spanned<Step>>>) -> Result<Vec<Step>, Wrong> {
    let at = steps.span();
    let mut basket_is_empty = true;
    let mut checked = Vec::new();
    for step in steps.into_inner() {
        let at = step.span();
        let step = step.into_inner();
        match &step {
            Step::Basket => basket_is_empty = false,
            Step::Buy if basket_is_empty => {
                return wrong(
                    at,
                    format!("the visit {visit:?} buys an empty basket: expected \"basket\" before \"buy\""),
                );
            }
            Step::Buy => basket_is_empty = true,
            Step::Get(path) if !path.starts_with('/') || path.parse::<http::Uri>().is_err() => {
                return wrong(at, format!("{path:?} is no path: expected one such as {{ get = \"/api/v1/books\" }}"));
            }
            _ => {}
        }
        checked.push(step);
    }
    if !checked.iter().any(|step| step.name().is_some()) {
        return wrong(
            at,
            format!("the visit {visit:?} makes no request: expected steps such as [\"search\", \"book\"]"),
        );
    }
    Ok(checked)
}

fn check_think(think: Spanned<ThinkText>) -> Result<Think, Wrong> {
    let at = think.span();
    let time = |text: &str| -> Result<Duration, Wrong> {
        duration::parse(text).map_err(|message| Wrong { at: at.clone(), message })
    };
    match think.get_ref() {
        ThinkText::Fixed(text) => Ok(Think::Fixed(time(text)?)),
        ThinkText::Exponential(text) => Ok(Think::Exponential(time(text)?)),
        ThinkText::Uniform([least, most]) => {
            let (least, most) = (time(least)?, time(most)?);
            if least > most {
                return wrong(at, "uniform takes the least and then the most: expected [\"100ms\", \"2s\"]");
            }
            Ok(Think::Uniform(least, most))
        }
    }
}

fn check_books(books: Spanned<BooksText>) -> Result<Books, Wrong> {
    let at = books.span();
    match books.into_inner() {
        BooksText { hot: None, hot_ids: None, hot_share: None, zipf: Some(exponent) } => {
            let number = *exponent.get_ref();
            if number.is_finite() && number >= 0.0 {
                return Ok(Books::Zipf(number));
            }
            wrong(exponent.span(), format!("zipf is {number}: expected an exponent of 0 or more, such as 1.0"))
        }
        BooksText { hot: Some(hot), hot_ids: None, hot_share, zipf: None } => match usize::try_from(*hot.get_ref()) {
            Ok(count @ 1..) => Ok(Books::HotFirst { count, share: share_of("hot_share", hot_share, 1.0)? }),
            _ => wrong(hot.span(), "expected how many books are hot, 1 or more"),
        },
        BooksText { hot: None, hot_ids: Some(ids), hot_share, zipf: None } => {
            if ids.get_ref().is_empty() {
                return wrong(ids.span(), "expected the ids of the hot books, at least one");
            }
            let share = share_of("hot_share", hot_share, 1.0)?;
            Ok(Books::HotIds { ids: ids.into_inner(), share })
        }
        _ => wrong(at, "expected one of hot, hot_ids (each with hot_share, if one likes) and zipf"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::built_in;
    use super::*;

    const VISIT: &str = "[[visit]]\nname = \"v\"\nsteps = [\"list\"]\n";

    fn error_of(text: &str) -> String {
        Scenario::parse("s", "s.toml", text).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn those_built_in_are_sound_and_without_think_time() {
        let scenarios = built_in().unwrap();
        for scenario in &scenarios {
            assert!(!scenario.about().is_empty());
            assert!(scenario.visits.iter().all(|visit| visit.think.is_none()), "{}", scenario.name());
        }
        let names: Vec<_> = scenarios.iter().map(Scenario::name).collect();
        assert_eq!(names, ["browse", "purchase", "mixed", "rush", "sequence", "join", "spawn", "fanout", "hedge"]);
        let account = |name| Scenario::load(name).unwrap().needs_account();
        assert!(!account("browse") && account("purchase") && account("mixed") && account("rush") && !account("join"));
        assert_eq!(Scenario::load("fanout").unwrap().step_names(), ["GET /api/v1/shapes/fanout"]);
    }

    #[test]
    fn everything_that_can_be_said_is_understood() {
        let text = r#"
            about = "All of it"
            declined_cards = 0.25
            out_of_stock = "error"
            think = { uniform = ["100ms", "2s"] }
            [books]
            hot_ids = [3, 4]
            hot_share = 0.5
            [[visit]]
            name = "a"
            weight = 2
            steps = ["list", "search", "subject", "subjects", "book", "basket", "next-book", "basket", "show-basket", "buy", "orders"]
            [[visit]]
            name = "b"
            think = { exponential = "1s" }
            steps = [{ get = "/livez?verbose=1" }, "list"]
        "#;
        let scenario = Scenario::parse("all", "all.toml", text).unwrap();
        assert_eq!(scenario.declined_cards(), 0.25);
        assert!(scenario.out_of_stock_is_error());
        assert_eq!(scenario.books, Books::HotIds { ids: vec![3, 4], share: 0.5 });
        assert_eq!(scenario.visits[0].weight, 2.0);
        assert_eq!(scenario.visits[0].think, Some(Think::Uniform(Duration::from_millis(100), Duration::from_secs(2))));
        assert_eq!(scenario.visits[1].think, Some(Think::Exponential(Duration::from_secs(1))));
        assert_eq!(scenario.step_names().len(), 10, "{:?}", scenario.step_names());
        assert_eq!(scenario.visits[1].steps[1], (Step::List, 0), "one name for what two visits do");
    }

    #[test]
    fn errors_say_where_and_what_was_expected() {
        for (text, place, hint) in [
            ("about = \"a\"\n[[visit]]\nname = \"v\"\nsteps = [\"serch\"]\n".to_owned(), "s.toml:4:10: ", "`search`"),
            (format!("about = \"a\"\ndeclined_card = 1\n{VISIT}"), "s.toml:2:1: ", "`declined_cards`"),
            (format!("about = \"a\"\n  declined_cards = 1.5\n{VISIT}"), "s.toml:2:20: ", "0 to 1"),
            (format!("about = \"a\"\nout_of_stock = \"maybe\"\n{VISIT}"), "s.toml:2:16: ", "`refusal`"),
            (format!("about = \"ä\" x\n{VISIT}"), "s.toml:1:13: ", "expected"),
            (format!("about = \"a\"\nthink = {{ fixed = \"5 parsecs\" }}\n{VISIT}"), "s.toml:2:9: ", "500ms"),
            (format!("about = \"a\"\nthink = {{ uniform = [\"2s\", \"1s\"] }}\n{VISIT}"), "s.toml:2:9: ", "the least"),
            (format!("about = \"a\"\nthink = {{ normal = \"2s\" }}\n{VISIT}"), "s.toml:2:11: ", "`exponential`"),
            (format!("about = \"a\"\n[books]\nzipf = 1\nhot = 2\n{VISIT}"), "s.toml:2:", "one of hot"),
            (format!("about = \"a\"\n[books]\nhot = 0\n{VISIT}"), "s.toml:3:7: ", "1 or more"),
            (format!("about = \"a\"\n[books]\nzipf = -1\n{VISIT}"), "s.toml:3:8: ", "0 or more"),
            (format!("about = \"a\"\n[books]\nhot_ids = []\n{VISIT}"), "s.toml:3:11: ", "at least one"),
            ("about = \"a\"\nvisit = []\n".to_owned(), "s.toml:2:9: ", "at least one [[visit]]"),
            ("about = \"a\"\n".to_owned(), "s.toml:1:1: ", "`visit`"),
            (VISIT.to_owned(), "s.toml:1:1: ", "`about`"),
            (format!("about = \"a\"\n{VISIT}weight = 0\n"), "s.toml:5:10: ", "more than 0"),
            (format!("about = \"a\"\n{VISIT}weight = nan\n"), "s.toml:5:10: ", "more than 0"),
            ("about = \"a\"\n[[visit]]\nname = \"v\"\nsteps = []\n".to_owned(), "s.toml:4:9: ", "no request"),
            (
                "about = \"a\"\n[[visit]]\nname = \"v\"\nsteps = [\"next-book\"]\n".to_owned(),
                "s.toml:4:9: ",
                "no request",
            ),
            (
                "about = \"a\"\n[[visit]]\nname = \"v\"\nsteps = [\"buy\"]\n".to_owned(),
                "s.toml:4:10: ",
                "\"basket\" before",
            ),
            (
                "about = \"a\"\n[[visit]]\nname = \"v\"\nsteps = [{ get = \"x y\" }]\n".to_owned(),
                "s.toml:4:10: ",
                "no path",
            ),
        ] {
            let error = error_of(&text);
            assert!(error.starts_with(place) && error.contains(hint), "{text}\n{error}\nexpected {place}…{hint}");
        }
    }

    #[test]
    fn who_asks_for_what_is_not_there_is_told_what_is() {
        let error = Scenario::load("mixd").unwrap_err().to_string();
        assert!(error.contains("browse, purchase, mixed, rush, sequence, join, spawn, fanout, hedge"), "{error}");
        let error = Scenario::load("./not-there.toml").unwrap_err().to_string();
        assert!(error.contains("./not-there.toml"), "{error}");
    }

    #[test]
    fn a_file_has_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.toml");
        std::fs::write(&path, format!("about = \"Mine\"\n{VISIT}")).unwrap();
        assert_eq!(Scenario::load(path.to_str().unwrap()).unwrap().name(), "mine");
    }

    #[test]
    fn a_path_is_a_scenario() {
        let scenario = Scenario::of_path("/hello?a=\"b").map(|_| ());
        assert!(scenario.is_err(), "a quote is not allowed in a path");
        let scenario = Scenario::of_path("/hello").unwrap();
        assert_eq!(scenario.step_names(), ["GET /hello"]);
        assert!(!scenario.needs_books() && !scenario.needs_account());
    }
}
