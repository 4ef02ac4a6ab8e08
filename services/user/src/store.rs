//! The SQL of the service, the same for SQLite and PostgreSQL.

use bookstore_proto::user::{BillingProfile, Profile, User};
use bookstore_runtime::{Call, Db};

use crate::fields::Email;

/// Accounts and sessions in the database. Times are milliseconds since the Unix epoch.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    db: Db,
}

/// A user and the hash of its password.
pub(crate) struct Account {
    pub(crate) user: User,
    /// A PHC string.
    pub(crate) password_hash: String,
}

impl Store {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// Whether the e-mail address has an account.
    pub(crate) async fn has_account(&self, call: &Call, email: &Email) -> sqlx::Result<bool> {
        let found: Option<(i64,)> = sqlx::query_as("SELECT CAST(1 AS BIGINT) FROM users WHERE email = $1")
            .bind(email.as_str())
            .fetch_optional(self.db.run(call))
            .await?;
        Ok(found.is_some())
    }

    /// Adds an account. False when the e-mail address has one: of two at once, one wins.
    pub(crate) async fn add(&self, call: &Call, account: &Account, now: i64) -> sqlx::Result<bool> {
        let done = sqlx::query(
            "INSERT INTO users (user_id, email, name, password_hash, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (email) DO NOTHING",
        )
        .bind(&account.user.id)
        .bind(&account.user.email)
        .bind(&account.user.name)
        .bind(&account.password_hash)
        .bind(now)
        .execute(self.db.run(call))
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The account of an e-mail address.
    pub(crate) async fn account(&self, call: &Call, email: &Email) -> sqlx::Result<Option<Account>> {
        let row: Option<(String, String, String, String)> =
            sqlx::query_as("SELECT user_id, email, name, password_hash FROM users WHERE email = $1")
                .bind(email.as_str())
                .fetch_optional(self.db.run(call))
                .await?;
        Ok(row.map(|(id, email, name, password_hash)| Account { user: User { id, email, name }, password_hash }))
    }

    /// Puts a new hash in an old one's place, unless that has changed meanwhile.
    pub(crate) async fn rehash(&self, call: &Call, account: &Account, hash: &str, now: i64) -> sqlx::Result<()> {
        sqlx::query("UPDATE users SET password_hash = $1, updated_at = $2 WHERE user_id = $3 AND password_hash = $4")
            .bind(hash)
            .bind(now)
            .bind(&account.user.id)
            .bind(&account.password_hash)
            .execute(self.db.run(call))
            .await?;
        Ok(())
    }

    /// Opens a session.
    pub(crate) async fn open_session(
        &self,
        call: &Call,
        token_hash: &str,
        user_id: &str,
        now: i64,
        expires_at: i64,
    ) -> sqlx::Result<()> {
        sqlx::query("INSERT INTO sessions (token_hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)")
            .bind(token_hash)
            .bind(user_id)
            .bind(now)
            .bind(expires_at)
            .execute(self.db.run(call))
            .await?;
        Ok(())
    }

    /// Whose session it is, unless it has expired.
    pub(crate) async fn session_user(&self, call: &Call, token_hash: &str, now: i64) -> sqlx::Result<Option<User>> {
        let row: Option<(String, String, String)> = sqlx::query_as(
            "SELECT users.user_id, users.email, users.name FROM sessions
             JOIN users ON users.user_id = sessions.user_id
             WHERE sessions.token_hash = $1 AND sessions.expires_at > $2",
        )
        .bind(token_hash)
        .bind(now)
        .fetch_optional(self.db.run(call))
        .await?;
        Ok(row.map(|(id, email, name)| User { id, email, name }))
    }

    /// Closes a session, if there is one.
    pub(crate) async fn close_session(&self, call: &Call, token_hash: &str) -> sqlx::Result<()> {
        sqlx::query("DELETE FROM sessions WHERE token_hash = $1").bind(token_hash).execute(self.db.run(call)).await?;
        Ok(())
    }

    /// Removes up to `limit` sessions that have expired, and says how many.
    pub(crate) async fn remove_expired(&self, call: &Call, now: i64, limit: i64) -> sqlx::Result<u64> {
        let done = sqlx::query(
            "DELETE FROM sessions WHERE token_hash IN
             (SELECT token_hash FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
        )
        .bind(now)
        .bind(limit)
        .execute(self.db.run(call))
        .await?;
        Ok(done.rows_affected())
    }

    /// What a user can change of itself.
    pub(crate) async fn profile(&self, call: &Call, user_id: &str) -> sqlx::Result<Option<Profile>> {
        let row: Option<(String, String, String)> =
            sqlx::query_as("SELECT name, address, country FROM users WHERE user_id = $1")
                .bind(user_id)
                .fetch_optional(self.db.run(call))
                .await?;
        Ok(row.map(|(name, address, country)| Profile { name, address, country }))
    }

    /// Changes it. False when there is no such user.
    pub(crate) async fn change_profile(
        &self,
        call: &Call,
        user_id: &str,
        profile: &Profile,
        now: i64,
    ) -> sqlx::Result<bool> {
        let done =
            sqlx::query("UPDATE users SET name = $1, address = $2, country = $3, updated_at = $4 WHERE user_id = $5")
                .bind(&profile.name)
                .bind(&profile.address)
                .bind(&profile.country)
                .bind(now)
                .bind(user_id)
                .execute(self.db.run(call))
                .await?;
        Ok(done.rows_affected() == 1)
    }

    /// What payment needs to know of a user.
    pub(crate) async fn billing(&self, call: &Call, user_id: &str) -> sqlx::Result<Option<BillingProfile>> {
        let profile = self.profile(call, user_id).await?;
        Ok(profile.map(|Profile { name, address, country }| BillingProfile {
            user_id: user_id.to_owned(),
            name,
            address,
            country,
        }))
    }
}
