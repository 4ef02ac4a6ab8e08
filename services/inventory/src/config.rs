//! Settings of the service.

use std::time::Duration;

use bookstore_runtime::config::{ConfigError, Source, millis, optional, or};
use bookstore_runtime::db::DatabaseConfig;

use crate::initial::InitialCopies;

/// The most books the shop may open with, and the most copies of each.
const MOST: u32 = 100_000;
/// The longest time to live: a day.
const LONGEST_TIME_TO_LIVE: Duration = Duration::from_secs(24 * 60 * 60);

/// Settings of the service.
#[derive(Clone, Debug)]
pub struct Config {
    /// `DATABASE_URL`, `DATABASE_POOL`: where stock and reservations are kept.
    pub database: DatabaseConfig,
    /// `BOOKSTORE_INITIAL_BOOKS`: the books 1 to this are restocked when they are first seen. Default 911: all of the
    /// catalogue.
    pub initial_books: u32,
    /// `BOOKSTORE_INITIAL_COPIES`: that many copies of each. By default the number differs from book to book.
    pub initial_copies: InitialCopies,
    /// `BOOKSTORE_RESERVATION_TTL_MS`: how long a reservation is held, in milliseconds. Default two minutes.
    pub reservation_ttl: Duration,
    /// `BOOKSTORE_STOCK_WATCHERS`: how many streams of WatchStock may be open at once. Default 4,096.
    pub most_watchers: usize,
    /// `BOOKSTORE_STOCK_REFRESH_MS`: how often books that are watched are read again, to see what other instances
    /// changed, in milliseconds. Default five seconds.
    pub refresh_interval: Duration,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn from_source(source: &impl Source) -> Result<Self, ConfigError> {
        let initial_copies = optional(source, "BOOKSTORE_INITIAL_COPIES")?;
        let config = Self {
            database: DatabaseConfig::from_source(source)?,
            initial_books: or(source, "BOOKSTORE_INITIAL_BOOKS", 911)?,
            initial_copies: initial_copies.map_or(InitialCopies::Varied, InitialCopies::Uniform),
            reservation_ttl: millis(source, "BOOKSTORE_RESERVATION_TTL_MS", Duration::from_secs(120))?,
            most_watchers: or(source, "BOOKSTORE_STOCK_WATCHERS", 4_096)?,
            refresh_interval: millis(source, "BOOKSTORE_STOCK_REFRESH_MS", Duration::from_secs(5))?,
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let most = format!("at most {MOST} are allowed");
        if self.initial_books > MOST {
            return Err(invalid("BOOKSTORE_INITIAL_BOOKS", &most));
        }
        if matches!(self.initial_copies, InitialCopies::Uniform(copies) if copies > MOST) {
            return Err(invalid("BOOKSTORE_INITIAL_COPIES", &most));
        }
        if self.reservation_ttl.is_zero() || self.reservation_ttl > LONGEST_TIME_TO_LIVE {
            return Err(invalid(
                "BOOKSTORE_RESERVATION_TTL_MS",
                "a reservation is held for a millisecond at the least and a day at the most",
            ));
        }
        if self.refresh_interval.is_zero() {
            return Err(invalid("BOOKSTORE_STOCK_REFRESH_MS", "it is zero"));
        }
        Ok(())
    }
}

fn invalid(name: &'static str, reason: &str) -> ConfigError {
    ConfigError::Invalid { name, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATABASE: (&str, &str) = ("DATABASE_URL", "sqlite:unused.db");

    #[test]
    fn only_the_database_must_be_named() {
        let config = Config::from_source(&[DATABASE]).unwrap();
        assert_eq!(config.initial_books, 911);
        assert_eq!(config.initial_copies, InitialCopies::Varied);
        assert_eq!(config.reservation_ttl, Duration::from_secs(120));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (name, value) in [
            ("BOOKSTORE_INITIAL_BOOKS", "many"),
            ("BOOKSTORE_INITIAL_BOOKS", "100001"),
            ("BOOKSTORE_INITIAL_COPIES", "-1"),
            ("BOOKSTORE_INITIAL_COPIES", "100001"),
            ("BOOKSTORE_RESERVATION_TTL_MS", "0"),
            ("BOOKSTORE_RESERVATION_TTL_MS", "86400001"),
            ("BOOKSTORE_STOCK_WATCHERS", "1.5"),
            ("BOOKSTORE_STOCK_REFRESH_MS", "0"),
        ] {
            let error = Config::from_source(&[DATABASE, (name, value)]).unwrap_err();
            assert!(error.to_string().contains(name), "{name}={value}: {error}");
        }
    }
}
