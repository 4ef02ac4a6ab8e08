//! What a report is asked to keep, so that a script can fail.

use std::fmt;
use std::str::FromStr;

use crate::report::Report;
use crate::verdict::EdgeKind;

/// Shares of right links to reach, and of wrong links not to exceed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thresholds {
    /// Right links are at least so many percent.
    pub min_right: Vec<Threshold>,
    /// Wrong links are at most so many percent.
    pub max_wrong: Vec<Threshold>,
    /// Of the spans that are expected at most so many percent are missing. Where it is asked for, none is there twice.
    pub max_missing: Option<f64>,
}

/// A share for a kind of link or for each: `db.client=99.5`, `all=99`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// None is each.
    pub kind: Option<EdgeKind>,
    /// 0 to 100.
    pub percent: f64,
}

/// A threshold that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThresholdError {
    /// No `=` in it.
    #[error("“{0}” is not KIND=PERCENT, such as db.client=99.5 or all=99")]
    Shape(String),
    /// No such kind of link.
    #[error("“{given}” is no kind of link; known are all, {}", EdgeKind::ALL.map(EdgeKind::name).join(", "))]
    Kind {
        /// What was given.
        given: String,
    },
    /// No such share.
    #[error("“{0}” is no percentage: a number from 0 to 100")]
    Percent(String),
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let (kind, percent) = text.split_once('=').ok_or_else(|| ThresholdError::Shape(text.to_owned()))?;
        let (kind, percent) = (kind.trim(), percent.trim());
        let kind = match EdgeKind::ALL.into_iter().find(|it| it.name() == kind) {
            None if kind == "all" => None,
            None => return Err(ThresholdError::Kind { given: kind.to_owned() }),
            found => found,
        };
        let number = percent.strip_suffix('%').unwrap_or(percent).trim_end().parse::<f64>();
        let number = number.ok().filter(|number| (0.0..=100.0).contains(number));
        Ok(Self { kind, percent: number.ok_or_else(|| ThresholdError::Percent(percent.to_owned()))? })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}={}", self.kind.map_or("all", EdgeKind::name), self.percent)
    }
}

impl Thresholds {
    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.min_right.is_empty() && self.max_wrong.is_empty() && self.max_missing.is_none()
    }

    /// What a report does not keep, in sentences; nothing if it keeps all. Shares are what was seen, not the ends of
    /// their intervals. A kind without a link to judge keeps no minimum, unless `all` asks and no such span was expected.
    pub fn breaches(&self, report: &Report) -> Vec<String> {
        let mut breaches = Vec::new();
        for threshold in &self.min_right {
            for kind in threshold.kinds() {
                let links = report.links(kind);
                if links.judged() == 0 {
                    let missing = kind.spans().map_or(0, |spans| report.presence(spans).missing);
                    if threshold.kind.is_some() || missing > 0 {
                        breaches.push(format!(
                            "{kind}: no link to judge ({missing} spans missing), but at least {} % are to be right",
                            threshold.percent
                        ));
                    }
                    continue;
                }
                let percent = share(links.right, links.judged());
                if percent < threshold.percent {
                    breaches.push(format!(
                        "{kind}: {} of {} links are right, {percent:.3} %, less than {} %",
                        links.right,
                        links.judged(),
                        threshold.percent
                    ));
                }
            }
        }
        for threshold in &self.max_wrong {
            for kind in threshold.kinds() {
                let links = report.links(kind);
                let percent = share(links.wrong, links.judged().max(1));
                if percent > threshold.percent {
                    breaches.push(format!(
                        "{kind}: {} of {} links are wrong, {percent:.3} %, more than {} %",
                        links.wrong,
                        links.judged(),
                        threshold.percent
                    ));
                }
            }
        }
        if let Some(most) = self.max_missing {
            let spans = &report.spans;
            let percent = share(spans.missing, spans.expected.max(1));
            if percent > most {
                breaches.push(format!(
                    "{} of {} spans are missing, {percent:.3} %, more than {most} %",
                    spans.missing, spans.expected
                ));
            }
            if spans.duplicate > 0 {
                breaches.push(format!("{} spans are there twice", spans.duplicate));
            }
        }
        breaches
    }
}

impl Threshold {
    fn kinds(&self) -> Vec<EdgeKind> {
        self.kind.map_or_else(|| EdgeKind::ALL.to_vec(), |kind| vec![kind])
    }
}

fn share(part: u64, of: u64) -> f64 {
    100.0 * part as f64 / of as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_read_as_they_are_written() {
        for (text, kind, percent) in [
            ("all=99", None, 99.0),
            ("db.client=99.5%", Some(EdgeKind::DbClient), 99.5),
            (" internal = 0 ", Some(EdgeKind::Internal), 0.0),
        ] {
            assert_eq!(text.parse(), Ok(Threshold { kind, percent }), "{text}");
        }
    }

    #[test]
    fn an_error_says_what_would_do() {
        let error = |text: &str| text.parse::<Threshold>().unwrap_err().to_string();
        assert_eq!(error("99"), "“99” is not KIND=PERCENT, such as db.client=99.5 or all=99");
        assert_eq!(
            error("sql=99"),
            "“sql” is no kind of link; known are all, http.client, rpc.client, db.client, cross_process, internal"
        );
        for percent in ["101", "-1", "NaN", "many", ""] {
            assert_eq!(
                error(&format!("all={percent}")),
                format!("“{percent}” is no percentage: a number from 0 to 100")
            );
        }
    }
}
