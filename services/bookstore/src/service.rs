//! The processes of a shop.

use std::fmt;

use bookstore_runtime::process::{self, ProcessError};

/// A process of the shop: this executable with the service's name as its argument.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Service {
    /// The pages, the JSON API, baskets, orders.
    Storefront,
    /// Books.
    Catalog,
    /// Stock and reservations.
    Inventory,
    /// Card payments.
    Payment,
    /// Accounts and sessions.
    User,
    /// Where telemetry goes and is seen.
    Compare,
}

impl Service {
    /// All of them, in the order in which they are named to a person.
    pub const ALL: [Self; 6] =
        [Self::Storefront, Self::Catalog, Self::Inventory, Self::Payment, Self::User, Self::Compare];

    /// The name: `service.name` in telemetry, the subcommand, the database's file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Storefront => "storefront",
            Self::Catalog => "catalog",
            Self::Inventory => "inventory",
            Self::Payment => "payment",
            Self::User => "user",
            Self::Compare => "compare",
        }
    }

    /// The port, where nothing else is said.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Storefront => 8080,
            Self::Catalog => 8081,
            Self::Inventory => 8082,
            Self::Payment => 8083,
            Self::User => 8084,
            Self::Compare => 8090,
        }
    }

    /// Whether it keeps anything in a database.
    #[must_use]
    pub const fn has_database(self) -> bool {
        !matches!(self, Self::Compare)
    }

    /// Is this service, until it is told to end.
    ///
    /// # Errors
    /// What the service could not do.
    pub(crate) fn run(self) -> Result<(), ProcessError> {
        name_process(self.name());
        match self {
            Self::Storefront => bookstore_storefront::main(),
            Self::Catalog => bookstore_catalog::main(),
            Self::Inventory => bookstore_inventory::main(),
            Self::Payment => bookstore_payment::main(),
            Self::User => bookstore_user::main(),
            Self::Compare => compare(),
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// compare knows nothing of the shop, so what makes it a process of one is here.
fn compare() -> Result<(), ProcessError> {
    let failed = |error: &dyn std::error::Error| match error.source() {
        Some(source) => ProcessError::Service(format!("{error}: {source}")),
        None => ProcessError::Service(error.to_string()),
    };
    process::run("compare", env!("CARGO_PKG_VERSION"), Service::Compare.default_port(), |listener, shutdown| async {
        let config = bookstore_compare::Config::from_source(|name| std::env::var(name).ok());
        let config = config.map_err(|error| failed(&error))?;
        bookstore_compare::run(listener, config, shutdown).await.map_err(|error| failed(&error))
    })
}

/// Lets `top`, `ps` and profilers show the service's name: all services run one executable.
#[cfg(target_os = "linux")]
pub(crate) fn name_process(name: &'static str) {
    if let Ok(name) = std::ffi::CString::new(name) {
        let _ = rustix::thread::set_name(&name);
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn name_process(_name: &'static str) {}
