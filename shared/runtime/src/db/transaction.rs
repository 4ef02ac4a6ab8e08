//! A writing transaction.

use std::fmt;

use bookstore_telemetry::apart;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use sqlx::any::{AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::{Any, Either, Execute, Executor, SqlStr, Transaction};
use tokio::sync::OwnedSemaphorePermit;

use super::executor::{Query, into_stream};
use super::record::Recorded;
use super::{Db, Dialect};
use crate::Call;
use crate::truth::OpenTransaction;

/// A transaction that may write. Rolled back when dropped before [`commit`](Self::commit).
pub struct Tx {
    inner: Transaction<'static, Any>,
    db: Db,
    call: Call,
    open: OpenTransaction,
    /// Declared last: given back after the transaction has ended.
    _writer: Option<OwnedSemaphorePermit>,
}

impl Tx {
    pub(super) async fn begin(db: &Db, call: &Call) -> Result<Self, sqlx::Error> {
        let writer = db.may_write().await;
        let connection = db.acquire().await?;
        let begin = match db.inner.dialect {
            // A deferred transaction that turns into a writer can fail with BUSY at once.
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::Postgres => "BEGIN",
        };
        let statement = Recorded::start(db, call, begin);
        let text = statement.text().unwrap_or_else(|| SqlStr::from_static(begin));
        let begun = apart(Transaction::begin(connection, Some(text))).await;
        statement.finish(&begun, |_| 0);
        let inner = begun?;
        Ok(Self { inner, db: db.clone(), call: call.clone(), open: OpenTransaction::default(), _writer: writer })
    }

    /// An executor for one statement in the transaction.
    #[must_use]
    pub fn run(&mut self) -> OnTx<'_> {
        OnTx { tx: self }
    }

    /// Makes it so.
    ///
    /// # Errors
    /// When the database could not, or its answer was lost.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        let statement = Recorded::start_bare(&self.db, &self.call, "COMMIT");
        let outcome = apart(self.inner.commit()).await;
        if outcome.is_ok() {
            self.open.close();
        }
        statement.finish(&outcome, |()| 0);
        outcome
    }

    /// Undoes it now. Dropping it does the same a little later, when the connection is back in the pool.
    ///
    /// # Errors
    /// When the database could not, or its answer was lost; it is undone all the same.
    pub async fn rollback(self) -> Result<(), sqlx::Error> {
        let statement = Recorded::start_bare(&self.db, &self.call, "ROLLBACK");
        let outcome = apart(self.inner.rollback()).await;
        if outcome.is_ok() {
            self.open.close();
        }
        statement.finish(&outcome, |()| 0);
        outcome
    }
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").finish_non_exhaustive()
    }
}

/// Runs one statement in a transaction, in a client span.
#[derive(Debug)]
pub struct OnTx<'a> {
    tx: &'a mut Tx,
}

impl<'c> Executor<'c> for OnTx<'c> {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        into_stream(
            async move { Query::take(query)?.fetch_steps(&self.tx.db, &self.tx.call, &mut self.tx.inner).await },
        )
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        async move { Query::take(query)?.fetch_optional(&self.tx.db, &self.tx.call, &mut self.tx.inner).await }.boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [AnyTypeInfo],
    ) -> BoxFuture<'e, Result<AnyStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        (&mut *self.tx.inner).prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<sqlx::Describe<Any>, sqlx::Error>>
    where
        'c: 'e,
    {
        (&mut *self.tx.inner).describe(sql)
    }
}
