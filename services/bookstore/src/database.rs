//! Where the services keep what they know.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use anyhow::Context as _;
use bookstore_telemetry::Sensitive;

use crate::service::Service;

/// What names a service's database on a PostgreSQL server, unless the URL says something else.
const PREFIX: &str = "bookstore";

/// Which database, as it is asked for.
#[derive(Clone, Debug)]
pub enum Database {
    /// A SQLite file a service, in the data directory.
    Sqlite,
    /// A private PostgreSQL in the data directory.
    Postgres,
    /// A PostgreSQL server that is there already.
    Server(Server),
}

impl Database {
    /// As it is written down where anybody may read it: without a password.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Server(_) => "server",
        }
    }
}

impl FromStr for Database {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" => Ok(Self::Postgres),
            url => Server::parse(url)
                .map(Self::Server)
                .ok_or("expected sqlite, postgres, or postgres://user:password@host[:port][/prefix]"),
        }
    }
}

/// A PostgreSQL server, by its URL.
#[derive(Clone)]
pub struct Server {
    /// `postgres://user:password@host:port`.
    base: Sensitive<String>,
    /// What the databases' names begin with.
    prefix: String,
    /// `?sslmode=…`, or nothing.
    query: String,
}

impl Server {
    fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"))?;
        let (rest, query) = rest.find('?').map_or((rest, ""), |at| rest.split_at(at));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = if path.is_empty() { PREFIX } else { path };
        // It becomes part of names that are made on the server.
        let plain = prefix.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        let host = authority.rsplit('@').next().unwrap_or_default();
        let known = !host.is_empty() && plain && prefix.len() <= 40;
        let base = Sensitive::new(format!("postgres://{authority}"));
        known.then(|| Self { base, prefix: prefix.to_owned(), query: query.to_owned() })
    }

    /// The private cluster of a data directory.
    pub(crate) fn private(password: &str, port: u16) -> Self {
        let base = Sensitive::new(format!("postgres://bookstore:{password}@127.0.0.1:{port}"));
        Self { base, prefix: PREFIX.to_owned(), query: String::new() }
    }

    /// The same server with other databases.
    pub(crate) fn with_prefix(&self, prefix: String) -> Self {
        Self { prefix, ..self.clone() }
    }

    pub(crate) fn url(&self, service: Service) -> String {
        format!("{}/{}_{}{}", self.base.expose(), self.prefix, service.name(), self.query)
    }

    /// Whether the URL holds no password, so that it may be written down.
    fn without_password(&self) -> String {
        let base = self.base.expose();
        let rest = base.trim_start_matches("postgres://");
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        format!("postgres://{host}/{}", self.prefix)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.without_password())
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.without_password())
    }
}

/// The databases of a shop that is up, or is being checked.
#[derive(Debug)]
pub(crate) enum Databases {
    /// `<folder>/<service>.db`.
    Sqlite(std::path::PathBuf),
    /// On a server, private or not.
    Server(Server),
}

impl Databases {
    /// The `DATABASE_URL` of a service.
    pub(crate) fn url(&self, service: Service) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite:{}", sqlite_file(folder, service).display()),
            Self::Server(server) => server.url(service),
        }
    }

    /// The same, for somebody who will not write.
    pub(crate) fn read_only_url(&self, service: Service) -> String {
        match self {
            Self::Sqlite(_) => format!("{}?mode=ro", self.url(service)),
            Self::Server(_) => self.url(service),
        }
    }
}

fn sqlite_file(folder: &Path, service: Service) -> std::path::PathBuf {
    folder.join(format!("{}.db", service.name()))
}

/// The databases of a private cluster, by the URL of any one of them.
pub(crate) fn of_cluster(url: &str) -> anyhow::Result<Databases> {
    let server = Server::parse(url).context("the private PostgreSQL has a URL that cannot be read")?;
    Ok(Databases::Server(server.with_prefix(PREFIX.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str, service: Service) -> Option<String> {
        let Ok(Database::Server(server)) = text.parse() else { return None };
        Some(server.url(service))
    }

    #[test]
    fn each_service_has_a_database_of_its_own() {
        let catalog = |text| url(text, Service::Catalog).unwrap();
        assert_eq!(catalog("postgres://db"), "postgres://db/bookstore_catalog");
        assert_eq!(catalog("postgresql://me:pw@db:5433/"), "postgres://me:pw@db:5433/bookstore_catalog");
        assert_eq!(catalog("postgres://db/shop?sslmode=disable"), "postgres://db/shop_catalog?sslmode=disable");
        let files = Databases::Sqlite("/data".into());
        assert_eq!(files.url(Service::User), "sqlite:/data/user.db");
        assert_eq!(files.read_only_url(Service::User), "sqlite:/data/user.db?mode=ro");
    }

    #[test]
    fn a_name_that_would_need_quoting_is_refused() {
        for text in
            ["postgres://db/Shop", "postgres://db/a-b", "postgres://db/a/b", "postgres://db/\"x", "postgres://me@/x"]
        {
            assert_eq!(url(text, Service::User), None, "{text}");
        }
    }

    #[test]
    fn the_password_is_shown_nowhere() {
        let database: Database = "postgres://me:s3cret@db/shop".parse().unwrap();
        let Database::Server(server) = &database else { panic!("not a server") };
        assert_eq!(server.to_string(), "postgres://db/shop");
        assert!(!format!("{database:?}").contains("s3cret"));
    }
}
