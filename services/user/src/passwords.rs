//! Passwords: hashing with Argon2id and verifying, off the async threads and so many at once.
//!
//! A password hash is meant to be expensive: 19 MiB and some 20 ms of a core. So there are a few slots; who finds them
//! taken waits, and beyond a number of waiters is turned away. Memory is given back when nobody waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use bookstore_runtime::Call;
use bookstore_telemetry::Sensitive;
use bookstore_telemetry::metrics::Histogram;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Span;

use crate::memory::Memory;

static DURATION: Histogram = Histogram::new(
    "bookstore.user.password_hash.duration",
    "s",
    "How long one password hash took, without waiting for its turn",
)
.with_boundaries(&[0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0]);

/// How long the output of the hash is, and how long a salt.
const OUTPUT_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

/// The cost of a password hash.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cost {
    /// KiB of memory.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

/// Hashes and verifies passwords.
#[derive(Clone, Debug)]
pub(crate) struct Passwords(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// What new hashes cost.
    params: Params,
    /// How many may be at work at once.
    slots: Arc<Semaphore>,
    /// How many wait for a slot, and how many may.
    waiting: AtomicUsize,
    max_waiting: usize,
    /// What hashes work in.
    memory: Memory,
    /// How many hashes were computed.
    computed: AtomicUsize,
    /// Verified where there is no account, so that this costs the same: no password fits it.
    nobodys: String,
}

/// The right to one turn at the processor.
#[derive(Debug)]
pub(crate) struct Slot {
    inner: Arc<Inner>,
    _permit: OwnedSemaphorePermit,
}

/// What a password turned out to be.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Not that account's password, or there is no such account.
    Wrong,
    /// The account's password. If its hash was made at another cost, a new one to keep.
    Right {
        /// A PHC string.
        rehashed: Option<String>,
    },
}

/// Why a password could not be hashed or verified.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordError {
    /// Too many wait already, or the caller's time was up before its turn.
    #[error("too many passwords wait to be hashed")]
    Busy,
    /// The cost is impossible.
    #[error("Argon2: {0}")]
    Argon2(#[from] argon2::Error),
    /// A stored hash is no PHC string of Argon2id.
    #[error("PHC string: {0}")]
    Phc(#[from] argon2::password_hash::phc::Error),
    /// A stored hash names parameters that cannot be.
    #[error("password hash: {0}")]
    Stored(#[from] argon2::password_hash::Error),
    /// The operating system gave no random numbers.
    #[error("random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// The hashing thread ended early.
    #[error("hashing thread: {0}")]
    Thread(#[from] tokio::task::JoinError),
}

impl Passwords {
    /// `at_once` slots, before which `max_waiting` may wait.
    pub(crate) fn new(cost: Cost, at_once: usize, max_waiting: usize) -> Result<Self, PasswordError> {
        let params = Params::new(cost.memory_kib, cost.passes, 1, Some(OUTPUT_BYTES))?;
        // Random output: finding a password for it is as hard as for any hash, and it need not be computed.
        let nobodys = phc(&params, random::<SALT_BYTES>()?, random::<OUTPUT_BYTES>()?)?;
        Ok(Self(Arc::new(Inner {
            params,
            slots: Arc::new(Semaphore::new(at_once.max(1))),
            waiting: AtomicUsize::new(0),
            max_waiting,
            memory: Memory::default(),
            computed: AtomicUsize::new(0),
            nobodys,
        })))
    }

    /// Waits for a turn, until `deadline`.
    pub(crate) async fn slot(&self, deadline: Instant) -> Result<Slot, PasswordError> {
        let inner = &self.0;
        let slots = Arc::clone(&inner.slots);
        let permit = match Arc::clone(&slots).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let _place = Place::take(inner).ok_or(PasswordError::Busy)?;
                tokio::time::timeout_at(deadline.into(), slots.acquire_owned())
                    .await
                    .ok()
                    .and_then(Result::ok)
                    .ok_or(PasswordError::Busy)?
            }
        };
        Ok(Slot { inner: Arc::clone(inner), _permit: permit })
    }

    /// How many hashes were computed so far.
    #[cfg(test)]
    pub(crate) fn computed(&self) -> usize {
        self.0.computed.load(Ordering::Relaxed)
    }
}

impl Slot {
    /// The hash of a new password, as a PHC string.
    pub(crate) async fn hash(self, call: &Call, password: Sensitive<String>) -> Result<String, PasswordError> {
        let call = call.clone();
        self.run(move |inner| inner.hash(&call, password.expose())).await
    }

    /// Whether a password is the one that was hashed into `stored`. Without a `stored` hash it costs the same and is
    /// wrong.
    pub(crate) async fn verify(
        self,
        call: &Call,
        password: Sensitive<String>,
        stored: Option<String>,
    ) -> Result<Verdict, PasswordError> {
        let call = call.clone();
        self.run(move |inner| inner.verify(&call, password.expose(), stored.as_deref())).await
    }

    /// Runs `work` on a thread for blocking work. The slot is held until it has ended, also when nobody waits any more.
    async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&Inner) -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let span = Span::current();
        tokio::task::spawn_blocking(move || span.in_scope(|| work(&self.inner))).await?
    }
}

impl Inner {
    fn hash(&self, call: &Call, password: &str) -> Result<String, PasswordError> {
        let salt = random::<SALT_BYTES>()?;
        let output = self.compute(call, &self.params, &salt, password)?;
        phc(&self.params, salt, output)
    }

    fn verify(&self, call: &Call, password: &str, stored: Option<&str>) -> Result<Verdict, PasswordError> {
        let hash = PasswordHash::new(stored.unwrap_or(&self.nobodys))?;
        let params = Params::try_from(&hash)?;
        let (Some(salt), Some(expected)) = (hash.salt, hash.hash) else {
            return Err(argon2::password_hash::Error::ParamsInvalid.into());
        };
        let output = self.compute(call, &params, &salt, password)?;
        // `Output` compares in constant time.
        if Output::new(&output)? != expected || stored.is_none() {
            return Ok(Verdict::Wrong);
        }
        let same_cost = (params.m_cost(), params.t_cost(), params.p_cost())
            == (self.params.m_cost(), self.params.t_cost(), self.params.p_cost());
        let rehashed = (!same_cost).then(|| self.hash(call, password)).transpose()?;
        Ok(Verdict::Right { rehashed })
    }

    /// The one place where Argon2id runs.
    #[tracing::instrument(
        name = "hash password",
        skip_all,
        fields(bookstore.request.id = call.id_on_spans(), bookstore.hop = call.hop_on_spans(), bookstore.argon2.memory_kib = params.m_cost(), bookstore.argon2.passes = params.t_cost()),
    )]
    fn compute(
        &self,
        call: &Call,
        params: &Params,
        salt: &[u8],
        password: &str,
    ) -> Result<[u8; OUTPUT_BYTES], PasswordError> {
        let started = Instant::now();
        let mut memory = self.memory.take(params.block_count());
        let mut output = [0_u8; OUTPUT_BYTES];
        let result = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone()).hash_password_into_with_memory(
            password.as_bytes(),
            salt,
            &mut output,
            &mut *memory,
        );
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.memory.keep(memory);
        } else {
            self.memory.clear();
        }
        result?;
        self.computed.fetch_add(1, Ordering::Relaxed);
        DURATION.record(started.elapsed().as_secs_f64(), &[]);
        Ok(output)
    }
}

/// A place in the queue for a slot.
struct Place<'a>(&'a Inner);

impl<'a> Place<'a> {
    fn take(inner: &'a Inner) -> Option<Self> {
        let place = Self(inner);
        // `place` gives it back in either case.
        (inner.waiting.fetch_add(1, Ordering::Relaxed) < inner.max_waiting).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A PHC string of Argon2id.
fn phc(params: &Params, salt: [u8; SALT_BYTES], output: [u8; OUTPUT_BYTES]) -> Result<String, PasswordError> {
    Ok(PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params)?,
        salt: Some(Salt::new(&salt)?),
        hash: Some(Output::new(&output)?),
    }
    .to_string())
}

fn random<const N: usize>() -> Result<[u8; N], PasswordError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use argon2::password_hash::PasswordVerifier as _;

    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1 };

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    fn call() -> Call {
        Call::new_root(Duration::from_secs(30))
    }

    fn secret(text: &str) -> Sensitive<String> {
        Sensitive::new(text.to_owned())
    }

    async fn hash(passwords: &Passwords, password: &str) -> String {
        let slot = passwords.slot(soon()).await.unwrap();
        slot.hash(&call(), secret(password)).await.unwrap()
    }

    async fn verify(passwords: &Passwords, password: &str, stored: Option<&str>) -> Verdict {
        let slot = passwords.slot(soon()).await.unwrap();
        slot.verify(&call(), secret(password), stored.map(str::to_owned)).await.unwrap()
    }

    #[tokio::test]
    async fn the_hash_is_what_argon2_itself_makes_and_salted() {
        let passwords = Passwords::new(CHEAP, 2, 10).unwrap();
        let stored = hash(&passwords, "correct horse").await;
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{stored}");
        assert!(Argon2::default().verify_password(b"correct horse", stored.as_str()).is_ok());
        assert_ne!(hash(&passwords, "correct horse").await, stored);
    }

    #[tokio::test]
    async fn only_the_right_password_fits() {
        let passwords = Passwords::new(CHEAP, 2, 10).unwrap();
        let stored = hash(&passwords, "correct horse").await;
        let verdict = verify(&passwords, "correct horse", Some(&stored)).await;
        assert!(matches!(verdict, Verdict::Right { rehashed: None }));
        let verdict = verify(&passwords, "wrong horse", Some(&stored)).await;
        assert!(matches!(verdict, Verdict::Wrong));
    }

    #[tokio::test]
    async fn nobodys_password_costs_the_same_and_is_never_right() {
        let passwords = Passwords::new(CHEAP, 2, 10).unwrap();
        let stored = hash(&passwords, "correct horse").await;
        let before = passwords.computed();
        verify(&passwords, "wrong horse", Some(&stored)).await;
        let cost_of_somebody = passwords.computed() - before;
        let verdict = verify(&passwords, "wrong horse", None).await;
        assert!(matches!(verdict, Verdict::Wrong));
        assert_eq!(passwords.computed() - before - cost_of_somebody, cost_of_somebody);

        let parameters = |phc: &str| phc.rsplitn(3, '$').nth(2).map(str::to_owned);
        assert_eq!(parameters(&passwords.0.nobodys), parameters(&stored));
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_is_made_anew() {
        let old = Passwords::new(CHEAP, 1, 10).unwrap();
        let stored = hash(&old, "correct horse").await;
        let dearer = Cost { memory_kib: 128, passes: 2 };
        let new = Passwords::new(dearer, 1, 10).unwrap();
        let Verdict::Right { rehashed: Some(rehashed) } = verify(&new, "correct horse", Some(&stored)).await else {
            panic!("not rehashed");
        };
        assert!(rehashed.contains("m=128,t=2"), "{rehashed}");
        let verdict = verify(&new, "correct horse", Some(&rehashed)).await;
        assert!(matches!(verdict, Verdict::Right { rehashed: None }));
        let verdict = verify(&new, "wrong horse", Some(&stored)).await;
        assert!(matches!(verdict, Verdict::Wrong));
    }

    #[tokio::test]
    async fn who_comes_when_the_queue_is_full_is_turned_away() {
        let passwords = Passwords::new(CHEAP, 1, 1).unwrap();
        let slot = passwords.slot(soon()).await.unwrap();
        let waiter = tokio::spawn({
            let passwords = passwords.clone();
            async move { passwords.slot(soon()).await.is_ok() }
        });
        while passwords.0.waiting.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        let refused = passwords.slot(soon()).await;
        assert!(matches!(refused, Err(PasswordError::Busy)));
        drop(slot);
        assert!(waiter.await.unwrap());
        assert!(passwords.slot(soon()).await.is_ok());
    }

    #[tokio::test]
    async fn nobody_waits_past_the_deadline() {
        let passwords = Passwords::new(CHEAP, 1, 10).unwrap();
        let _slot = passwords.slot(soon()).await.unwrap();
        let refused = passwords.slot(Instant::now()).await;
        assert!(matches!(refused, Err(PasswordError::Busy)));
        assert_eq!(passwords.0.waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_stored_hash_that_is_none_is_an_error_not_a_panic() {
        let passwords = Passwords::new(CHEAP, 1, 10).unwrap();
        for stored in [
            "",
            "x",
            "$argon2id$v=19$m=64,t=1,p=1",
            "$argon2id$v=19$m=1,t=0,p=0$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            let slot = passwords.slot(soon()).await.unwrap();
            assert!(slot.verify(&call(), secret("x"), Some(stored.to_owned())).await.is_err(), "{stored}");
        }
    }
}
