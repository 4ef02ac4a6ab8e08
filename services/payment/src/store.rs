//! The SQL of the service, the same for SQLite and PostgreSQL.
//!
//! Every change is one statement that names the status it starts from, so that of two at once one wins, and a process
//! that ends anywhere leaves a whole row.

use bookstore_runtime::time::unix_ms;
use bookstore_runtime::{Call, Db};

use crate::payment::{Amount, Asked, DeclineReason, Payment, PaymentId, Status};

/// The columns of a [`Row`].
macro_rules! columns {
    () => {
        "payment_id, status, decline_reason, user_id, amount, currency, card_brand, card_last4, card_expiry"
    };
}

/// A row as the database gives it.
#[derive(sqlx::FromRow)]
struct Row {
    payment_id: String,
    status: String,
    decline_reason: Option<String>,
    user_id: Option<String>,
    amount: Option<i64>,
    currency: Option<String>,
    card_brand: Option<String>,
    card_last4: Option<String>,
    card_expiry: Option<String>,
}

/// The payments in the database.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    db: Db,
}

impl Store {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// A payment, if there is one of that id.
    pub(crate) async fn find(&self, call: &Call, id: &PaymentId) -> sqlx::Result<Option<Payment>> {
        sqlx::query_as::<_, Row>(concat!("SELECT ", columns!(), " FROM payments WHERE payment_id = $1"))
            .bind(id.as_str())
            .fetch_optional(self.db.run(call))
            .await?
            .map(Row::into_payment)
            .transpose()
    }

    /// Records that the issuer is going to be asked. False when there is a payment of that id.
    pub(crate) async fn begin(&self, call: &Call, id: &PaymentId, asked: &Asked) -> sqlx::Result<bool> {
        let done = sqlx::query(
            "INSERT INTO payments (payment_id, status, user_id, amount, currency, card_brand, card_last4, card_expiry,
                                   created_at, updated_at)
             VALUES ($1, 'authorising', $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT (payment_id) DO NOTHING",
        )
        .bind(id.as_str())
        .bind(&asked.user_id)
        .bind(asked.amount.minor)
        .bind(&asked.amount.currency)
        .bind(&asked.card_brand)
        .bind(&asked.card_last4)
        .bind(&asked.card_expiry)
        .bind(unix_ms())
        .execute(self.db.run(call))
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Moves a payment from one status to another. None when it is not, or no longer, in the first.
    pub(crate) async fn advance(
        &self,
        call: &Call,
        id: &PaymentId,
        from: Status,
        to: Status,
    ) -> sqlx::Result<Option<Payment>> {
        sqlx::query_as::<_, Row>(concat!(
            "UPDATE payments SET status = $1, decline_reason = $2, updated_at = $3
             WHERE payment_id = $4 AND status = $5 RETURNING ",
            columns!()
        ))
        .bind(to.as_str())
        .bind(to.decline_reason().map(DeclineReason::as_str))
        .bind(unix_ms())
        .bind(id.as_str())
        .bind(from.as_str())
        .fetch_optional(self.db.run(call))
        .await?
        .map(Row::into_payment)
        .transpose()
    }

    /// Voids a payment whose money has not been taken, or records that one of that id must never be authorised. None
    /// when there is one that is past that.
    pub(crate) async fn void(&self, call: &Call, id: &PaymentId) -> sqlx::Result<Option<Payment>> {
        sqlx::query_as::<_, Row>(concat!(
            "INSERT INTO payments (payment_id, status, created_at, updated_at) VALUES ($1, 'voided', $2, $2)
             ON CONFLICT (payment_id) DO UPDATE SET status = 'voided', updated_at = excluded.updated_at
             WHERE payments.status IN ('authorising', 'authorised') RETURNING ",
            columns!()
        ))
        .bind(id.as_str())
        .bind(unix_ms())
        .fetch_optional(self.db.run(call))
        .await?
        .map(Row::into_payment)
        .transpose()
    }
}

impl Row {
    fn into_payment(self) -> sqlx::Result<Payment> {
        let corrupt = || sqlx::Error::Decode(format!("the row of payment {} makes no sense", self.payment_id).into());
        let id = PaymentId::parse(&self.payment_id).ok_or_else(corrupt)?;
        let status = Status::from_row(&self.status, self.decline_reason.as_deref()).ok_or_else(corrupt)?;
        let asked = match (self.user_id, self.amount, self.currency, self.card_brand, self.card_last4, self.card_expiry)
        {
            (Some(user_id), Some(minor), Some(currency), Some(card_brand), Some(card_last4), Some(card_expiry)) => {
                let amount = Amount { minor, currency };
                Some(Asked { user_id, amount, card_brand, card_last4, card_expiry })
            }
            _ => None,
        };
        Ok(Payment { id, status, asked })
    }
}
