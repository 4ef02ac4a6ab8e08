//! Settings of the storefront.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `DATABASE_URL` | where baskets, orders and sagas are kept: `sqlite:/path/of/a.db` or `postgres://…` | required |
//! | `DATABASE_POOL` | the most database connections | 4 for SQLite, 10 for PostgreSQL |
//! | `BOOKSTORE_CATALOG_URL` | the catalog service | `http://127.0.0.1:8081` |
//! | `BOOKSTORE_INVENTORY_URL` | the inventory service | `http://127.0.0.1:8082` |
//! | `BOOKSTORE_PAYMENT_URL` | the payment service | `http://127.0.0.1:8083` |
//! | `BOOKSTORE_USER_URL` | the user service | `http://127.0.0.1:8084` |
//! | `BOOKSTORE_COMPARE_URL` | where a browser reaches compare, for the link at the foot of each page | none: no link |
//! | `BOOKSTORE_SECRET_FILE` | the key for message authentication; made with mode 0600 if absent | required |
//! | `BOOKSTORE_SECURE_COOKIES` | `true` where browsers reach the shop by HTTPS: cookies are `Secure` | `false` |
//! | `BOOKSTORE_REQUEST_LIMIT_MS` | how long a request may take, in milliseconds | 10,000 |
//! | `BOOKSTORE_SAGA_LEASE_MS` | how long a saga that has shown no progress is left to its owner, in milliseconds | 10,000 |
//! | `BOOKSTORE_SAGA_STEP_LIMIT_MS` | how long one step of a saga may take, in milliseconds; at most the lease | 8,000 |
//! | `BOOKSTORE_SAGA_SWEEP_MS` | how often sagas without an owner are looked for, in milliseconds | 1,000 |
//!
//! The process's own variables are in [`bookstore_runtime::process`].

use std::path::PathBuf;
use std::time::Duration;

use bookstore_runtime::config::{ConfigError, Source, millis, optional, or, required};
use bookstore_runtime::db::DatabaseConfig;

/// Settings of the storefront.
#[derive(Clone, Debug)]
pub struct Config {
    /// `DATABASE_URL`, `DATABASE_POOL`.
    pub database: DatabaseConfig,
    /// Where the other services are.
    pub services: ServiceUrls,
    /// `BOOKSTORE_SECRET_FILE`.
    pub secret_file: PathBuf,
    /// `BOOKSTORE_REQUEST_LIMIT_MS`.
    pub request_limit: Duration,
    /// How sagas are run.
    pub saga: SagaConfig,
    /// `BOOKSTORE_COMPARE_URL`.
    pub compare_url: Option<String>,
    /// `BOOKSTORE_SECURE_COOKIES`.
    pub secure_cookies: bool,
}

/// Where the other services are.
#[derive(Clone, Debug)]
pub struct ServiceUrls {
    /// `BOOKSTORE_CATALOG_URL`.
    pub catalog: String,
    /// `BOOKSTORE_INVENTORY_URL`.
    pub inventory: String,
    /// `BOOKSTORE_PAYMENT_URL`.
    pub payment: String,
    /// `BOOKSTORE_USER_URL`.
    pub user: String,
}

/// How sagas are run.
#[derive(Clone, Copy, Debug)]
pub struct SagaConfig {
    /// `BOOKSTORE_SAGA_LEASE_MS`.
    pub lease: Duration,
    /// `BOOKSTORE_SAGA_STEP_LIMIT_MS`.
    pub step_limit: Duration,
    /// `BOOKSTORE_SAGA_SWEEP_MS`.
    pub sweep_interval: Duration,
}

/// What the pages need to know.
#[derive(Clone, Debug)]
pub struct WebSettings {
    /// Where a browser reaches compare; no link where there is none. Without a slash at its end.
    pub compare_url: Option<String>,
    /// Whether cookies are `Secure`.
    pub secure_cookies: bool,
    /// For what pages sign: each use with a purpose of its own.
    pub secret: crate::Secret,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn from_source(source: &impl Source) -> Result<Self, ConfigError> {
        let lease = positive(source, "BOOKSTORE_SAGA_LEASE_MS", Duration::from_secs(10))?;
        let config = Self {
            database: DatabaseConfig::from_source(source)?,
            services: ServiceUrls {
                catalog: or(source, "BOOKSTORE_CATALOG_URL", "http://127.0.0.1:8081".to_owned())?,
                inventory: or(source, "BOOKSTORE_INVENTORY_URL", "http://127.0.0.1:8082".to_owned())?,
                payment: or(source, "BOOKSTORE_PAYMENT_URL", "http://127.0.0.1:8083".to_owned())?,
                user: or(source, "BOOKSTORE_USER_URL", "http://127.0.0.1:8084".to_owned())?,
            },
            secret_file: required(source, "BOOKSTORE_SECRET_FILE", "the path of a file, made if absent")?,
            request_limit: positive(source, "BOOKSTORE_REQUEST_LIMIT_MS", Duration::from_secs(10))?,
            saga: SagaConfig {
                lease,
                step_limit: positive(source, "BOOKSTORE_SAGA_STEP_LIMIT_MS", Duration::from_secs(8).min(lease))?,
                sweep_interval: positive(source, "BOOKSTORE_SAGA_SWEEP_MS", Duration::from_secs(1))?,
            },
            compare_url: optional::<String>(source, "BOOKSTORE_COMPARE_URL")?
                .map(|url| url.trim_end_matches('/').to_owned()),
            secure_cookies: or(source, "BOOKSTORE_SECURE_COOKIES", false)?,
        };
        if config.saga.step_limit > config.saga.lease {
            return Err(ConfigError::Invalid {
                name: "BOOKSTORE_SAGA_STEP_LIMIT_MS",
                reason: "a step may not take longer than the lease (BOOKSTORE_SAGA_LEASE_MS)".to_owned(),
            });
        }
        if let Some(url) = &config.compare_url
            && !["http://", "https://"].iter().any(|scheme| url.starts_with(scheme))
        {
            let reason = "it is neither http:// nor https://".to_owned();
            return Err(ConfigError::Invalid { name: "BOOKSTORE_COMPARE_URL", reason });
        }
        Ok(config)
    }
}

fn positive(source: &impl Source, name: &'static str, default: Duration) -> Result<Duration, ConfigError> {
    let duration = millis(source, name, default)?;
    if duration.is_zero() {
        return Err(ConfigError::Invalid { name, reason: "it is zero".to_owned() });
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: [(&str, &str); 2] = [("DATABASE_URL", "sqlite:unused.db"), ("BOOKSTORE_SECRET_FILE", "unused.secret")];

    #[test]
    fn only_database_and_secret_must_be_named() {
        let config = Config::from_source(&LEAST).unwrap();
        assert_eq!(config.services.payment, "http://127.0.0.1:8083");
        assert_eq!(config.saga.lease, Duration::from_secs(10));
        assert!(config.compare_url.is_none());
        assert!(Config::from_source(&[LEAST[0]]).is_err());
        assert!(Config::from_source(&[LEAST[1]]).is_err());
    }

    #[test]
    fn a_short_lease_shortens_the_steps() {
        let config = Config::from_source(&[LEAST[0], LEAST[1], ("BOOKSTORE_SAGA_LEASE_MS", "300")]).unwrap();
        assert_eq!(config.saga.step_limit, Duration::from_millis(300));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (name, value) in [
            ("BOOKSTORE_SAGA_LEASE_MS", "0"),
            ("BOOKSTORE_SAGA_STEP_LIMIT_MS", "10001"),
            ("BOOKSTORE_SAGA_SWEEP_MS", "-1"),
            ("BOOKSTORE_REQUEST_LIMIT_MS", "soon"),
            ("BOOKSTORE_SECURE_COOKIES", "maybe"),
            ("BOOKSTORE_COMPARE_URL", "javascript:alert(1)"),
        ] {
            let error = Config::from_source(&[LEAST[0], LEAST[1], (name, value)]).unwrap_err();
            assert!(error.to_string().contains(name), "{name}={value}: {error}");
        }
    }
}
