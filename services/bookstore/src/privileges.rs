//! Started as root, the shop gives root's rights up.
//!
//! Nothing here needs them, and PostgreSQL refuses them. So the launcher becomes an ordinary user before it does
//! anything else, by running itself again as that user: whatever is made afterwards (files, services, PostgreSQL)
//! belongs to that user by itself, and a later run without root works on it.
//!
//! Which user: who called `sudo`; else who owns the data directory or, where it is yet to be made, the one that it is
//! made in, if that is not root (a checkout mounted into a container); else `postgres` or `nobody`.

use std::path::Path;

/// Whether this process is root's.
pub(crate) fn is_root() -> bool {
    #[cfg(unix)]
    return rustix::process::geteuid().is_root();
    #[cfg(not(unix))]
    return false;
}

/// Becomes an ordinary user, if this process is root's: then this does not return. Before that, it makes sure that the
/// data directory, if one is named, is that user's.
///
/// # Errors
/// When there is nobody to become, or the data directory holds another's files.
#[cfg(unix)]
pub(crate) fn give_up(data_dir: Option<&Path>) -> anyhow::Result<()> {
    if is_root() { unix::become_ordinary(data_dir) } else { Ok(()) }
}

/// This program with its arguments, to be run again as an ordinary user, while this process keeps its rights.
///
/// # Errors
/// As [`give_up`].
#[cfg(target_os = "linux")]
pub(crate) fn as_ordinary(data_dir: Option<&Path>) -> anyhow::Result<std::process::Command> {
    unix::as_ordinary(data_dir).map(|(again, _)| again)
}

/// Nothing to give up that we know of.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same interface as on Unix")]
pub(crate) fn give_up(_data_dir: Option<&Path>) -> anyhow::Result<()> {
    Ok(())
}

#[cfg(unix)]
mod unix {
    use std::fs::DirBuilder;
    use std::io;
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, lchown};
    use std::os::unix::process::CommandExt as _;
    use std::path::Path;
    use std::process::Command;

    use anyhow::{Context as _, bail};
    use bookstore_runtime::postgres::RunAs;
    use bookstore_runtime::process;

    use crate::terminal;

    const NOBODY: &str = "the shop does not run as root, and there is nobody else to run it as: start it as an \
                          ordinary user, or by sudo, or add a user (useradd --system nobody)";

    pub(super) fn become_ordinary(data_dir: Option<&Path>) -> anyhow::Result<()> {
        let (mut again, user) = as_ordinary(data_dir)?;
        let error = again.exec();
        Err(error).context(format!(
            "this executable cannot be run by user {}: it has to be readable and executable for everybody",
            describe(user)
        ))
    }

    pub(super) fn as_ordinary(data_dir: Option<&Path>) -> anyhow::Result<(Command, RunAs)> {
        let user = choose(data_dir).context(NOBODY)?;
        if let Some(data_dir) = data_dir {
            hand_over(data_dir, user)?;
        }
        terminal::note(format_args!("started as root: the shop runs as user {}", describe(user)));
        // The kernel's name of this executable, so that it may lie where that user cannot go.
        let program = if cfg!(target_os = "linux") { "/proc/self/exe".into() } else { std::env::current_exe()? };
        let mut arguments = std::env::args_os();
        let name = arguments.next().unwrap_or_else(|| "bookstore".into());
        let mut again = Command::new(program);
        again.arg0(name).args(arguments).uid(user.uid).gid(user.gid);
        Ok((again, user))
    }

    fn choose(data_dir: Option<&Path>) -> Option<RunAs> {
        let called_by_sudo = std::env::var_os("SUDO_UID").is_some_and(|uid| uid != "0");
        let owner = || data_dir?.ancestors().find_map(|path| std::fs::metadata(path).ok());
        let owner = if called_by_sudo { None } else { owner() };
        match owner {
            Some(owner) if owner.uid() != 0 => Some(RunAs { uid: owner.uid(), gid: owner.gid() }),
            _ => process::unprivileged_user(),
        }
    }

    /// Makes the directory that user's: a new one, or one that root made and left empty. Others are left alone: a
    /// program with root's rights does not change the owner of files that it did not make.
    fn hand_over(path: &Path, user: RunAs) -> anyhow::Result<()> {
        let shown = path.display();
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(|| format!("{} cannot be made", parent.display()))?;
        }
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let owner = std::fs::symlink_metadata(path)?;
                if owner.uid() == user.uid {
                    return Ok(());
                }
                let empty = owner.is_dir() && std::fs::read_dir(path)?.next().is_none();
                if !(owner.uid() == 0 && empty) {
                    bail!(
                        "{shown} belongs to another user than {}, whom the shop would run as; use another --data-dir, \
                         or hand it over: chown -R {}:{} '{shown}'",
                        describe(user),
                        user.uid,
                        user.gid
                    );
                }
            }
            made => made.with_context(|| format!("{shown} cannot be made"))?,
        }
        lchown(path, Some(user.uid), Some(user.gid)).with_context(|| format!("{shown} cannot be handed over"))
    }

    /// `postgres (101)`.
    fn describe(user: RunAs) -> String {
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        super::user_name(&users, user.uid).map_or_else(|| user.uid.to_string(), |name| format!("{name} ({})", user.uid))
    }
}

/// The name of a user in the text of `/etc/passwd`.
#[cfg(unix)]
pub(crate) fn user_name(passwd: &str, uid: u32) -> Option<&str> {
    passwd.lines().find_map(|line| {
        // name:password:uid:gid:…
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

#[cfg(all(test, unix))]
mod tests {
    #[test]
    fn users_have_names() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\n\nbroken\nada:x:1000:1000::/home/ada:/bin/sh\n";
        assert_eq!(super::user_name(passwd, 1000), Some("ada"));
        assert_eq!(super::user_name(passwd, 7), None);
    }
}
