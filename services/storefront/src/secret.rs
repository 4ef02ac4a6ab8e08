//! The storefront's own secret: a key kept in a file, outside of every database.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bookstore_telemetry::Sensitive;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// 256 bits.
const KEY_BYTES: usize = 32;

/// A key for message authentication. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Secret {
    key: Arc<Sensitive<[u8; KEY_BYTES]>>,
}

/// A key that cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// Its file cannot be read or written.
    #[error("the secret in {path} cannot be read or made: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// Its file holds something else.
    #[error("{path} does not hold 64 hexadecimal digits; remove it to have a new secret made")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The operating system gave no random numbers.
    #[error("random numbers: {0}")]
    Random(#[from] getrandom::Error),
}

impl Secret {
    /// The key in a file. Where there is none, one of 256 random bits is made, readable by its owner only.
    ///
    /// # Errors
    /// [`SecretError`] says what could not be done.
    pub fn load_or_make(path: &Path) -> Result<Self, SecretError> {
        let failed = |error| SecretError::File { path: path.to_owned(), error };
        let text = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(path, &hex::encode(Self::random()?.key.expose())).map_err(failed)?;
                // Whoever was first has written it.
                std::fs::read_to_string(path).map_err(failed)?
            }
            read => read.map_err(failed)?,
        };
        let mut key = [0; KEY_BYTES];
        hex::decode_to_slice(text.trim(), &mut key).map_err(|_| SecretError::Malformed { path: path.to_owned() })?;
        Ok(Self { key: Arc::new(Sensitive::new(key)) })
    }

    /// A new key.
    ///
    /// # Errors
    /// When the operating system gives no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key)?;
        Ok(Self { key: Arc::new(Sensitive::new(key)) })
    }

    /// HMAC-SHA-256 of `parts`. `purpose` keeps the uses of the key apart; each part is preceded by its length, so no
    /// two lists of parts are the same message.
    #[must_use]
    pub fn mac(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        self.begin(purpose, parts).finalize().into_bytes().into()
    }

    /// Whether `mac` is that of `parts`, in a time that does not tell where it differs.
    #[must_use]
    pub fn verify(&self, purpose: &str, parts: &[&[u8]], mac: &[u8]) -> bool {
        self.begin(purpose, parts).verify_slice(mac).is_ok()
    }

    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    fn begin(&self, purpose: &str, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.expose()).expect("a key of any length");
        for part in [purpose.as_bytes()].iter().chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}

/// Writes a file that only its owner can read, whole or not at all, unless there is one already.
fn make(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let draft = path.with_extension(format!("new-{}", uuid::Uuid::new_v4().simple()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    // A link fails where there is a file already; a rename would replace what another instance has begun to use.
    let placed = written.and_then(|()| std::fs::hard_link(&draft, path));
    std::fs::remove_file(&draft)?;
    match placed {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        placed => placed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys").join("secret");
        let made = Secret::load_or_make(&path).unwrap();
        let again = Secret::load_or_make(&path).unwrap();
        let mac = made.mac("test", &[b"a"]);
        assert!(again.verify("test", &[b"a"], &mac));
        assert!(!Secret::random().unwrap().verify("test", &[b"a"], &mac));
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft is left");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for text in ["", "00", &"0".repeat(63), &"g".repeat(64)] {
            std::fs::write(&path, text).unwrap();
            assert!(matches!(Secret::load_or_make(&path), Err(SecretError::Malformed { .. })), "{text}");
        }
    }

    #[test]
    fn neither_purposes_nor_parts_run_into_each_other() {
        let secret = Secret::random().unwrap();
        let mac = secret.mac("test", &[b"ab", b"c"]);
        assert_eq!(mac, secret.mac("test", &[b"ab", b"c"]));
        for (purpose, parts) in [("test", [&b"a"[..], b"bc"]), ("test", [b"abc", b""]), ("tes", [b"tab", b"c"])] {
            assert_ne!(mac, secret.mac(purpose, &parts));
        }
        assert!(!format!("{secret:?}").contains(&hex::encode(&secret.key.expose()[..4])));
    }
}
