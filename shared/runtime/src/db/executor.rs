//! One statement on the pool, as a `sqlx` executor.

use bookstore_telemetry::apart;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use sqlx::any::{AnyArguments, AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::error::BoxDynError;
use sqlx::{Any, Either, Execute, Executor, SqlStr};

use super::Db;
use super::record::Recorded;
use crate::Call;

/// Runs one statement on a connection of the pool, in a client span.
#[derive(Debug)]
pub struct OnPool<'a> {
    db: &'a Db,
    call: &'a Call,
}

impl<'a> OnPool<'a> {
    pub(super) fn new(db: &'a Db, call: &'a Call) -> Self {
        Self { db, call }
    }

    async fn fetch_optional_row(self, query: Query) -> Result<Option<AnyRow>, sqlx::Error> {
        let _writer = if query.writes() { self.db.may_write().await } else { None };
        let mut connection = self.db.acquire().await?;
        query.fetch_optional(self.db, self.call, &mut connection).await
    }

    async fn fetch_steps(self, query: Query) -> Result<Vec<Either<AnyQueryResult, AnyRow>>, sqlx::Error> {
        let _writer = if query.writes() { self.db.may_write().await } else { None };
        let mut connection = self.db.acquire().await?;
        query.fetch_steps(self.db, self.call, &mut connection).await
    }
}

/// A query taken apart, so that its text is known before it runs.
pub(super) struct Query {
    sql: SqlStr,
    arguments: Option<AnyArguments>,
    persistent: bool,
}

impl Query {
    pub(super) fn take<'q>(mut query: impl Execute<'q, Any>) -> Result<Self, sqlx::Error> {
        let arguments = query.take_arguments().map_err(sqlx::Error::Encode)?;
        Ok(Self { arguments, persistent: query.persistent(), sql: query.sql() })
    }

    /// Starts what records the statement, and gives it the text that is to be sent.
    fn observe(&mut self, db: &Db, call: &Call) -> Recorded {
        let statement = Recorded::start(db, call, self.sql.as_str());
        if let Some(text) = statement.text() {
            self.sql = text;
        }
        statement
    }

    fn writes(&self) -> bool {
        let text = self.sql.as_str().trim_start();
        !text.get(..6).is_some_and(|verb| verb.eq_ignore_ascii_case("select"))
    }

    pub(super) async fn fetch_optional(
        mut self,
        db: &Db,
        call: &Call,
        connection: &mut sqlx::AnyConnection,
    ) -> Result<Option<AnyRow>, sqlx::Error> {
        let statement = self.observe(db, call);
        let outcome = if self.writes() {
            apart(first_row(connection.fetch_many(self))).await
        } else {
            apart(connection.fetch_optional(self)).await
        };
        statement.finish(&outcome, |row| u64::from(row.is_some()));
        outcome
    }

    /// All rows are taken at once: no result here is large, and a connection is free again the sooner.
    pub(super) async fn fetch_steps(
        mut self,
        db: &Db,
        call: &Call,
        connection: &mut sqlx::AnyConnection,
    ) -> Result<Vec<Either<AnyQueryResult, AnyRow>>, sqlx::Error> {
        let statement = self.observe(db, call);
        let outcome: Result<Vec<_>, _> = apart(connection.fetch_many(self).try_collect()).await;
        // What a write has affected is no row that came back; and a SELECT says there how many PostgreSQL sent, or what the
        // write before it affected on SQLite.
        statement.finish(&outcome, |steps| steps.iter().filter(|step| step.is_right()).count() as u64);
        outcome
    }
}

/// The first row of a statement that has been run to its end: for what writes.
///
/// `Any`'s own `fetch_optional` answers as soon as there is a row. What writes and returns a row is not committed then,
/// neither by PostgreSQL, which commits after the last row, nor by SQLite, which does when the statement is reset: the
/// caller would be told of what may still fail. What only reads has nothing to commit, and waiting for its end would be
/// one more turn of SQLite's thread.
async fn first_row(mut steps: Steps<'_>) -> Result<Option<AnyRow>, sqlx::Error> {
    let mut first = None;
    while let Some(step) = steps.try_next().await? {
        if let Either::Right(row) = step {
            first.get_or_insert(row);
        }
    }
    Ok(first)
}

impl Execute<'static, Any> for Query {
    fn sql(self) -> SqlStr {
        self.sql
    }

    fn statement(&self) -> Option<&AnyStatement> {
        None
    }

    fn take_arguments(&mut self) -> Result<Option<AnyArguments>, BoxDynError> {
        Ok(self.arguments.take())
    }

    fn persistent(&self) -> bool {
        self.persistent
    }
}

type Steps<'e> = BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, sqlx::Error>>;

/// A list of steps as the stream that `sqlx` wants.
pub(super) fn into_stream<'e, F>(steps: F) -> Steps<'e>
where
    F: Future<Output = Result<Vec<Either<AnyQueryResult, AnyRow>>, sqlx::Error>> + Send + 'e,
{
    stream::once(steps).map_ok(|steps| stream::iter(steps.into_iter().map(Ok))).try_flatten().boxed()
}

impl<'c> Executor<'c> for OnPool<'c> {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Steps<'e>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        into_stream(async move { self.fetch_steps(Query::take(query)?).await })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        async move { self.fetch_optional_row(Query::take(query)?).await }.boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [AnyTypeInfo],
    ) -> BoxFuture<'e, Result<AnyStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        async move { self.db.acquire().await?.prepare_with(sql, parameters).await }.boxed()
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<sqlx::Describe<Any>, sqlx::Error>>
    where
        'c: 'e,
    {
        async move { self.db.acquire().await?.describe(sql).await }.boxed()
    }
}
