//! What the two processes say to each other.

use std::fmt;
use std::str::FromStr;

/// From below: what the agent is to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Order {
    /// Watch the shop that is below from now on, send its spans there, and run on these cores (none: on all).
    Watch { endpoint: String, cores: Vec<usize> },
    /// No more; what was seen is to be sent first.
    Stop,
}

/// From above: what became of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    /// A service is watched from now on.
    Watching(String),
    /// The agent has ended by itself, or could not begin.
    Failed(String),
    /// It has ended as it was told to. Spans that the receiver did not take, and events that the kernel lost.
    Stopped { spans: u64, events: u64 },
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Watch { endpoint, cores } => {
                write!(f, "watch {endpoint}")?;
                cores.iter().try_for_each(|core| write!(f, " {core}"))
            }
            Self::Stop => f.write_str("stop"),
        }
    }
}

impl FromStr for Order {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let mut words = line.split(' ');
        match (words.next(), words.next()) {
            (Some("watch"), Some(endpoint)) => {
                let cores = words.map(str::parse).collect::<Result<_, _>>().map_err(drop)?;
                Ok(Self::Watch { endpoint: endpoint.to_owned(), cores })
            }
            (Some("stop"), None) => Ok(Self::Stop),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Watching(service) => write!(f, "watching {service}"),
            Self::Failed(why) => write!(f, "failed {}", why.replace('\n', " ")),
            Self::Stopped { spans, events } => write!(f, "stopped {spans} {events}"),
        }
    }
}

impl FromStr for Answer {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let (word, rest) = line.split_once(' ').ok_or(())?;
        match word {
            "watching" => Ok(Self::Watching(rest.to_owned())),
            "failed" => Ok(Self::Failed(rest.to_owned())),
            "stopped" => {
                let (spans, events) = rest.split_once(' ').ok_or(())?;
                Ok(Self::Stopped { spans: spans.parse().map_err(drop)?, events: events.parse().map_err(drop)? })
            }
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood() {
        let endpoint = "http://127.0.0.1:4317".to_owned();
        let orders = [
            Order::Watch { endpoint: endpoint.clone(), cores: vec![0, 3] },
            Order::Watch { endpoint, cores: vec![] },
            Order::Stop,
        ];
        for order in orders {
            assert_eq!(order.to_string().parse(), Ok(order));
        }
        let answers = [
            Answer::Watching("catalog".to_owned()),
            Answer::Failed("the kernel does not".to_owned()),
            Answer::Stopped { spans: 1, events: 2 },
        ];
        for answer in answers {
            assert_eq!(answer.to_string().parse(), Ok(answer));
        }
        for line in ["", "watch", "stop it", "watch http://a b", "wait"] {
            assert_eq!(line.parse::<Order>(), Err(()), "{line}");
        }
    }
}
