//! The settings.

use std::time::Duration;

use bookstore_runtime::config::{ConfigError, Source, millis, or};
use bookstore_runtime::db::DatabaseConfig;

/// The settings of the service.
#[derive(Clone, Debug)]
pub struct Config {
    /// `DATABASE_URL`, `DATABASE_POOL`: where the books are kept.
    pub database: DatabaseConfig,
    /// `BOOKSTORE_INVENTORY_URL`: where inventory answers. Default `http://127.0.0.1:8082`.
    pub inventory_url: String,
    /// `BOOKSTORE_STOCK_TIMEOUT_MS`: how long a page waits for inventory before it is served without availability, in
    /// milliseconds. Default 300.
    pub stock_timeout: Duration,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn from_source(source: &impl Source) -> Result<Self, ConfigError> {
        Ok(Self {
            database: DatabaseConfig::from_source(source)?,
            inventory_url: or(source, "BOOKSTORE_INVENTORY_URL", "http://127.0.0.1:8082".to_owned())?,
            stock_timeout: millis(source, "BOOKSTORE_STOCK_TIMEOUT_MS", Duration::from_millis(300))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_must_be_named() {
        let config = Config::from_source(&[("DATABASE_URL", "sqlite:unused.db")]).unwrap();
        assert_eq!(config.inventory_url, "http://127.0.0.1:8082");
        assert_eq!(config.stock_timeout, Duration::from_millis(300));
        assert!(Config::from_source(&[("BOOKSTORE_INVENTORY_URL", "http://a:1")]).is_err());
        let slow = [("DATABASE_URL", "sqlite:unused.db"), ("BOOKSTORE_STOCK_TIMEOUT_MS", "soon")];
        assert!(Config::from_source(&slow).unwrap_err().to_string().contains("BOOKSTORE_STOCK_TIMEOUT_MS"));
    }
}
