//! The service's settings.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use bookstore_runtime::config::{ConfigError, Source, or};
use bookstore_runtime::db::DatabaseConfig;

use crate::Cost;

/// Less memory than this is no password hash, not even in a test or a benchmark (`BOOKSTORE_ARGON2_MEMORY_KIB`).
const LEAST_MEMORY_KIB: u32 = 1_024;

/// How long failed log-ins count.
pub(crate) const LOGIN_WINDOW: Duration = Duration::from_secs(15 * 60);

/// How often registrations are counted.
pub(crate) const REGISTRATION_WINDOW: Duration = Duration::from_secs(60);

/// The user service's settings. Each field's documentation names its variable and its default.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where accounts and sessions are kept: `DATABASE_URL`, `DATABASE_POOL`.
    pub database: DatabaseConfig,
    /// What a password hash costs: `BOOKSTORE_ARGON2_MEMORY_KIB` (19456, at least 1024) and `BOOKSTORE_ARGON2_PASSES` (2).
    /// The defaults are OWASP's first choice for Argon2id with little memory.
    pub password_cost: Cost,
    /// How many passwords are hashed at once, each in that much memory: `BOOKSTORE_HASHES_AT_ONCE` (the number of
    /// cores, at most 4).
    pub hashes_at_once: NonZeroUsize,
    /// How many may wait for their turn; more are answered 503: `BOOKSTORE_HASHES_WAITING` (256).
    pub hashes_waiting: usize,
    /// How long a session lasts: `BOOKSTORE_SESSION_DAYS` (30).
    pub session_lifetime: Duration,
    /// How many log-ins of one account may fail in 15 minutes: `BOOKSTORE_LOGIN_FAILURES_PER_ACCOUNT` (10; 0: no limit).
    pub login_failures_per_account: u32,
    /// How many log-ins from one address may fail in 15 minutes: `BOOKSTORE_LOGIN_FAILURES_PER_ADDRESS` (0: no limit).
    pub login_failures_per_address: u32,
    /// How many may register in a minute, all told: `BOOKSTORE_REGISTRATIONS_PER_MINUTE` (3000; 0: no limit).
    pub registrations_per_minute: u32,
    /// How many may register in a minute from one address: `BOOKSTORE_REGISTRATIONS_PER_MINUTE_PER_ADDRESS` (0: no
    /// limit).
    pub registrations_per_minute_per_address: u32,
    /// Whether the caller's address is taken from `x-forwarded-for`: `BOOKSTORE_TRUST_FORWARDED_FOR` (false). Without it
    /// there are no limits per address, since all calls come from the storefront.
    pub trust_forwarded_for: bool,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// When one cannot be used, or two do not go together.
    pub fn from_source(source: &impl Source) -> Result<Self, ConfigError> {
        let config = Self {
            database: DatabaseConfig::from_source(source)?,
            password_cost: Cost {
                memory_kib: or(source, "BOOKSTORE_ARGON2_MEMORY_KIB", 19_456)?,
                passes: or(source, "BOOKSTORE_ARGON2_PASSES", NonZeroU32::MIN.saturating_add(1))?.get(),
            },
            hashes_at_once: or(source, "BOOKSTORE_HASHES_AT_ONCE", default_hashes_at_once())?,
            hashes_waiting: or(source, "BOOKSTORE_HASHES_WAITING", 256)?,
            session_lifetime: days(or(source, "BOOKSTORE_SESSION_DAYS", NonZeroU32::MIN.saturating_add(29))?),
            login_failures_per_account: or(source, "BOOKSTORE_LOGIN_FAILURES_PER_ACCOUNT", 10)?,
            login_failures_per_address: or(source, "BOOKSTORE_LOGIN_FAILURES_PER_ADDRESS", 0)?,
            registrations_per_minute: or(source, "BOOKSTORE_REGISTRATIONS_PER_MINUTE", 3_000)?,
            registrations_per_minute_per_address: or(source, "BOOKSTORE_REGISTRATIONS_PER_MINUTE_PER_ADDRESS", 0)?,
            trust_forwarded_for: or(source, "BOOKSTORE_TRUST_FORWARDED_FOR", false)?,
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.password_cost.memory_kib < LEAST_MEMORY_KIB {
            return Err(ConfigError::Invalid {
                name: "BOOKSTORE_ARGON2_MEMORY_KIB",
                reason: format!("at least {LEAST_MEMORY_KIB} KiB are needed"),
            });
        }
        let per_address = [
            (self.login_failures_per_address, "BOOKSTORE_LOGIN_FAILURES_PER_ADDRESS"),
            (self.registrations_per_minute_per_address, "BOOKSTORE_REGISTRATIONS_PER_MINUTE_PER_ADDRESS"),
        ];
        for (limit, name) in per_address {
            if limit > 0 && !self.trust_forwarded_for {
                return Err(ConfigError::Invalid {
                    name,
                    reason: "the callers' addresses are known only with BOOKSTORE_TRUST_FORWARDED_FOR=true".to_owned(),
                });
            }
        }
        Ok(())
    }
}

fn default_hashes_at_once() -> NonZeroUsize {
    const MOST: NonZeroUsize = NonZeroUsize::MIN.saturating_add(3);
    std::thread::available_parallelism().map_or(NonZeroUsize::MIN, |cores| cores.min(MOST))
}

fn days(number: NonZeroU32) -> Duration {
    Duration::from_secs(u64::from(number.get()) * 24 * 60 * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATABASE: (&str, &str) = ("DATABASE_URL", "sqlite:user.db");

    #[test]
    fn the_defaults_are_safe_and_leave_a_load_machine_in() {
        let config = Config::from_source(&[DATABASE]).unwrap();
        assert_eq!(config.password_cost, Cost { memory_kib: 19_456, passes: 2 });
        assert_eq!(config.session_lifetime, days(NonZeroU32::new(30).unwrap()));
        assert_eq!(config.login_failures_per_account, 10);
        assert_eq!(config.login_failures_per_address, 0);
        assert!(!config.trust_forwarded_for);
    }

    #[test]
    fn what_is_unsafe_or_does_not_go_together_is_refused() {
        for (name, value) in [
            ("BOOKSTORE_ARGON2_MEMORY_KIB", "1023"),
            ("BOOKSTORE_ARGON2_PASSES", "0"),
            ("BOOKSTORE_HASHES_AT_ONCE", "0"),
            ("BOOKSTORE_SESSION_DAYS", "0"),
            ("BOOKSTORE_LOGIN_FAILURES_PER_ADDRESS", "5"),
            ("BOOKSTORE_REGISTRATIONS_PER_MINUTE_PER_ADDRESS", "5"),
            ("BOOKSTORE_TRUST_FORWARDED_FOR", "maybe"),
        ] {
            let error = Config::from_source(&[DATABASE, (name, value)]).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
