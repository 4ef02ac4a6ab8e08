//! The service's settings.

use bookstore_runtime::config::{ConfigError, Source, or};
use bookstore_runtime::db::DatabaseConfig;

/// The payment service's settings. Each field's documentation names its variable and its default.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where payments are kept: `DATABASE_URL`, `DATABASE_POOL`.
    pub database: DatabaseConfig,
    /// Where the user service is: `BOOKSTORE_USER_URL` (`http://127.0.0.1:8084`).
    pub user_url: String,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// When one cannot be used.
    pub fn from_source(source: &impl Source) -> Result<Self, ConfigError> {
        Ok(Self {
            database: DatabaseConfig::from_source(source)?,
            user_url: or(source, "BOOKSTORE_USER_URL", "http://127.0.0.1:8084".to_owned())?,
        })
    }
}
