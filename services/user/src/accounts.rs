//! Registering and logging in.

use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use bookstore_proto::user::{Credentials, NewSession, NewUser, User};
use bookstore_runtime::time::unix_ms;
use bookstore_runtime::{Call, Db};
use bookstore_telemetry::Sensitive;
use bookstore_telemetry::metrics::Counter;
use tracing::{Span, debug, field, info};
use uuid::Uuid;

use crate::config::{Config, LOGIN_WINDOW, REGISTRATION_WINDOW};
use crate::error::Error;
use crate::fields::{self, Checks, Email};
use crate::limit::{Exhausted, Limiter};
use crate::passwords::{PasswordError, Passwords, Verdict};
use crate::store::{Account, Store};
use crate::token::Token;

static REGISTRATIONS: Counter =
    Counter::new("bookstore.user.registrations", "{registration}", "Registrations by outcome");
static LOG_INS: Counter = Counter::new("bookstore.user.log_ins", "{log_in}", "Log-ins by outcome");

/// Who registers and logs in, and how often that may be tried.
#[derive(Debug)]
pub(crate) struct Accounts {
    pub(crate) store: Store,
    pub(crate) passwords: Passwords,
    session_lifetime: Duration,
    failures_per_account: Option<Limiter>,
    failures_per_address: Option<Limiter>,
    registrations: Option<Limiter>,
    registrations_per_address: Option<Limiter>,
}

impl Accounts {
    pub(crate) fn new(db: Db, config: &Config) -> Result<Self, PasswordError> {
        Ok(Self {
            store: Store::new(db),
            passwords: Passwords::new(config.password_cost, config.hashes_at_once.get(), config.hashes_waiting)?,
            session_lifetime: config.session_lifetime,
            failures_per_account: Limiter::new(config.login_failures_per_account, LOGIN_WINDOW),
            failures_per_address: Limiter::new(config.login_failures_per_address, LOGIN_WINDOW),
            registrations: Limiter::new(config.registrations_per_minute, REGISTRATION_WINDOW),
            registrations_per_address: Limiter::new(config.registrations_per_minute_per_address, REGISTRATION_WINDOW),
        })
    }

    /// Makes an account. `address` is the caller's own, where it is known.
    #[tracing::instrument(
        name = "register",
        skip_all,
        fields(bookstore.request.id = call.id_on_spans(), bookstore.hop = call.hop_on_spans(), bookstore.user.id = field::Empty, bookstore.registration.outcome = field::Empty),
    )]
    pub(crate) async fn register(&self, call: &Call, new: NewUser, address: Option<IpAddr>) -> Result<User, Error> {
        let result = self.try_register(call, new, address).await;
        let outcome = match &result {
            Ok(user) => {
                Span::current().record("bookstore.user.id", &user.id);
                info!(user_id = user.id, "a user registered");
                "created"
            }
            Err(error) => outcome(error),
        };
        Span::current().record("bookstore.registration.outcome", outcome);
        REGISTRATIONS.add(1, &[("bookstore.outcome", outcome)]);
        result
    }

    async fn try_register(&self, call: &Call, new: NewUser, address: Option<IpAddr>) -> Result<User, Error> {
        let mut checks = Checks::default();
        let email = checks.field("email", Email::parse(&new.email));
        let password = checks.field("password", fields::password(new.password));
        let name = checks.field("name", fields::name(&new.name));
        let (Some(email), Some(password), Some(name)) = (email, password, name) else {
            return Err(checks.into());
        };
        debug!(?password, "a registration came in");

        let now = Instant::now();
        if let (Some(limiter), Some(address)) = (&self.registrations_per_address, address) {
            limiter.take(network(address), now)?;
        }
        if let Some(limiter) = &self.registrations {
            limiter.take((), now)?;
        }

        // Only saves the hash: `add` decides.
        if self.store.has_account(call, &email).await? {
            return Err(Error::Taken);
        }
        let slot = self.passwords.slot(call.deadline()).await?;
        let account = Account {
            user: User { id: Uuid::new_v4().to_string(), email: email.as_str().to_owned(), name },
            password_hash: slot.hash(call, password).await?,
        };
        if self.store.add(call, &account, unix_ms()).await? { Ok(account.user) } else { Err(Error::Taken) }
    }

    /// Opens a session. Neither the answer nor the work done tells whether there is an account.
    #[tracing::instrument(
        name = "log in",
        skip_all,
        fields(bookstore.request.id = call.id_on_spans(), bookstore.hop = call.hop_on_spans(), bookstore.user.id = field::Empty, bookstore.log_in.outcome = field::Empty),
    )]
    pub(crate) async fn log_in(
        &self,
        call: &Call,
        credentials: Credentials,
        address: Option<IpAddr>,
    ) -> Result<NewSession, Error> {
        let result = self.try_log_in(call, credentials, address).await;
        let outcome = match &result {
            Ok(session) => {
                Span::current().record("bookstore.user.id", &session.user.id);
                info!(user_id = session.user.id, "a user logged in");
                "succeeded"
            }
            Err(error) => outcome(error),
        };
        Span::current().record("bookstore.log_in.outcome", outcome);
        LOG_INS.add(1, &[("bookstore.outcome", outcome)]);
        result
    }

    async fn try_log_in(
        &self,
        call: &Call,
        credentials: Credentials,
        address: Option<IpAddr>,
    ) -> Result<NewSession, Error> {
        let password = Sensitive::new(credentials.password);
        debug!(?password, "a log-in came in");
        // What can be no address has no account, and goes the same way as an address that has none.
        let email = Email::parse(&credentials.email).ok();

        let tries = Tries { accounts: self, email: email.as_ref(), address };
        // Who is shut out need not wait for its turn to learn it.
        tries.check(Instant::now())?;
        let slot = self.passwords.slot(call.deadline()).await?;
        // Counted before the password is looked at and given back if it is right: as many as there are slots try at
        // once, and none of them gets past the limit.
        tries.take(Instant::now())?;
        let account = match &email {
            Some(email) => self.store.account(call, email).await?,
            None => None,
        };
        let stored = account.as_ref().map(|account| account.password_hash.clone());
        let verdict = slot.verify(call, password, stored).await?;
        let (Some(account), Verdict::Right { rehashed }) = (account, verdict) else {
            return Err(Error::Credentials);
        };
        tries.give_back();

        let now = unix_ms();
        if let Some(hash) = rehashed {
            self.store.rehash(call, &account, &hash, now).await?;
        }
        let token = Token::generate()?;
        debug!(?token, "a session was opened");
        let lifetime = i64::try_from(self.session_lifetime.as_millis()).unwrap_or(i64::MAX);
        let expires_at = now.saturating_add(lifetime);
        self.store.open_session(call, &token.hash(), &account.user.id, now, expires_at).await?;
        Ok(NewSession { token: token.into_inner(), user: account.user })
    }
}

/// The limits that one log-in counts against.
struct Tries<'a> {
    accounts: &'a Accounts,
    email: Option<&'a Email>,
    address: Option<IpAddr>,
}

impl Tries<'_> {
    fn check(&self, now: Instant) -> Result<(), Exhausted> {
        self.each(|limiter, key| limiter.check(key, now))
    }

    fn take(&self, now: Instant) -> Result<(), Exhausted> {
        self.each(|limiter, key| limiter.take(key, now))
    }

    fn give_back(&self) {
        let _: Result<(), Exhausted> = self.each(|limiter, key| {
            limiter.give_back(key);
            Ok(())
        });
    }

    fn each(&self, mut act: impl FnMut(&Limiter, Key<'_>) -> Result<(), Exhausted>) -> Result<(), Exhausted> {
        if let (Some(limiter), Some(address)) = (&self.accounts.failures_per_address, self.address) {
            act(limiter, Key::Network(network(address)))?;
        }
        if let (Some(limiter), Some(email)) = (&self.accounts.failures_per_account, self.email) {
            act(limiter, Key::Account(email))?;
        }
        Ok(())
    }
}

/// What a failed log-in counts against.
#[derive(Clone, Copy, Hash)]
enum Key<'a> {
    /// An account, whether it exists or not.
    Account(&'a Email),
    /// A network.
    Network(IpAddr),
}

/// What limits per address count by: an IPv4 address, or the /64 of an IPv6 address, which is what one customer gets.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

/// An error as metrics and spans name it.
fn outcome(error: &Error) -> &'static str {
    match error {
        Error::Invalid(_) => "invalid",
        Error::Taken => "taken",
        Error::Credentials => "refused",
        Error::Exhausted(_) => "limited",
        Error::Password(PasswordError::Busy) => "shed",
        _ => "failed",
    }
}

#[cfg(test)]
mod tests {
    use bookstore_runtime::testing::TestDatabase;

    use super::*;
    use crate::MIGRATIONS;

    const PASSWORD: &str = "correct horse battery staple";

    #[test]
    fn addresses_of_one_customer_count_together() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::2"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
    }

    /// Time cannot be compared without flaking; the work that takes it can.
    #[tokio::test]
    async fn a_log_in_costs_one_hash_whether_there_is_an_account_or_not() {
        let database = TestDatabase::sqlite();
        let settings =
            [("DATABASE_URL", database.config.url.expose().as_str()), ("BOOKSTORE_ARGON2_MEMORY_KIB", "1024")];
        let config = Config::from_source(&settings).unwrap();
        let db = Db::connect(&config.database, &MIGRATIONS).await.unwrap();
        let accounts = Accounts::new(db, &config).unwrap();
        let call = Call::new_root(Duration::from_secs(30));
        let new =
            NewUser { email: "ada@example.org".to_owned(), password: PASSWORD.to_owned(), name: "Ada".to_owned() };
        accounts.register(&call, new, None).await.unwrap();

        for (email, password, right) in [
            ("ada@example.org", PASSWORD, true),
            ("ada@example.org", "a wrong password", false),
            ("stranger@example.org", PASSWORD, false),
            ("no address at all", PASSWORD, false),
            ("ada@example.org", "", false),
        ] {
            let before = accounts.passwords.computed();
            let credentials = Credentials { email: email.to_owned(), password: password.to_owned() };
            let answer = accounts.log_in(&call, credentials, None).await;
            assert_eq!(answer.is_ok(), right, "{email}");
            assert_eq!(accounts.passwords.computed() - before, 1, "{email}");
        }
    }
}
