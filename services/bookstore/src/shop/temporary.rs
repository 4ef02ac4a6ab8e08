//! A place for a shop that lives as long as a command.

use std::path::Path;

use anyhow::Context as _;
use tempfile::TempDir;

use crate::database::{Database, Server};
use crate::service::Service;
use crate::terminal::note;

/// A folder, and databases of its own. The folder goes when this is dropped; [`remove`](Self::remove) is the better end.
#[derive(Debug)]
pub(crate) struct Temporary {
    folder: TempDir,
    database: Database,
}

impl Temporary {
    /// A place for `what` (a word), with its databases where `wanted` says.
    ///
    /// # Errors
    /// When no folder can be made.
    pub(crate) fn new(what: &str, wanted: &Database) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("a temporary folder cannot be made")?;
        let database = match wanted {
            Database::Server(server) => Database::Server(
                server.with_prefix(format!("bookstore_{what}_{}", &uuid::Uuid::new_v4().simple().to_string()[..12])),
            ),
            other => other.clone(),
        };
        Ok(Self { folder, database })
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where the databases are.
    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// Removes the databases that were made on a server, and the folder. One that stays is said.
    pub(crate) async fn remove(self) {
        if let Database::Server(server) = &self.database {
            remove_databases(server).await;
        }
    }
}

async fn remove_databases(server: &Server) {
    use sqlx::migrate::MigrateDatabase as _;
    for service in Service::ALL.into_iter().filter(|service| service.has_database()) {
        if let Err(error) = sqlx::Postgres::drop_database(&server.url(service)).await {
            note(format_args!("the database of {service} in {server} stays: {error}"));
        }
    }
}
