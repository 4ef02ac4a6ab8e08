//! Which database, and how a statement failed: the words that the runtime says to the instrumentation.

/// Which database system (`db.system.name`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgresql,
}

impl System {
    /// The name in the conventions.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgresql => "postgresql",
        }
    }
}

/// The database that statements go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// `db.system.name`.
    pub system: System,
    /// `db.namespace`: the database's name, or a SQLite file's.
    pub namespace: String,
    /// `server.address`; none for SQLite.
    pub server_address: Option<String>,
    /// `server.port`; none for SQLite.
    pub server_port: Option<u16>,
}

/// How a statement failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorInfo {
    /// `error.type`: of low cardinality, such as `unique_violation` or `pool_timed_out`.
    pub kind: &'static str,
    /// `db.response.status_code`: the SQLSTATE, or SQLite's result code.
    pub code: Option<String>,
}

/// The state of a connection pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolState {
    /// Connections in use.
    pub used: u32,
    /// Connections open and idle.
    pub idle: u32,
    /// The most connections that may be open.
    pub max: u32,
    /// Requests waiting for a connection, where known.
    pub pending: Option<u32>,
}
