//! Who listens on a port. Linux: the socket's inode in `/proc/net/tcp` and `/proc/net/tcp6` (`proc_pid_net(5)`), then
//! the process that has it open (`/proc/PID/fd`). Processes of other users show that to root only; then the user is
//! named.

use std::fmt;

use crate::service::Service;

/// Whoever listens on a port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Owner {
    /// A process, and its name.
    Process { pid: u32, name: String },
    /// A process of this user.
    User(String),
}

impl Owner {
    /// Whether it is called like one of our services: then it may be what a killed launcher has left, about to end.
    pub(super) fn may_be_ours(&self) -> bool {
        matches!(self, Self::Process { name, .. } if Service::ALL.iter().any(|service| service.name() == name))
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { pid, name } => write!(f, "{name} (process {pid})"),
            Self::User(user) => write!(f, "a process of user {user}"),
        }
    }
}

/// Whoever listens on `port`; none where that cannot be known.
#[cfg(target_os = "linux")]
pub(super) fn of(port: u16) -> Option<Owner> {
    let socket = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .find_map(|table| listening(&std::fs::read_to_string(table).ok()?, port))?;
    if let Some((pid, name)) = holder(socket.inode) {
        return Some(Owner::Process { pid, name });
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user = crate::privileges::user_name(&users, socket.uid).map_or_else(|| socket.uid.to_string(), str::to_owned);
    Some(Owner::User(user))
}

/// Not known here.
#[cfg(not(target_os = "linux"))]
pub(super) fn of(_port: u16) -> Option<Owner> {
    None
}

#[cfg(target_os = "linux")]
#[derive(Debug, Eq, PartialEq)]
struct Socket {
    inode: u64,
    uid: u32,
}

/// The socket that listens on `port`, in the text of one of the tables.
#[cfg(target_os = "linux")]
fn listening(table: &str, port: u16) -> Option<Socket> {
    /// `TCP_LISTEN` of the kernel's `include/net/tcp_states.h`.
    const LISTEN: &str = "0A";
    table.lines().skip(1).find_map(|line| {
        // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode …
        let fields: Vec<_> = line.split_whitespace().collect();
        let (_, local_port) = fields.get(1)?.rsplit_once(':')?;
        let here = u16::from_str_radix(local_port, 16) == Ok(port) && fields.get(3) == Some(&LISTEN);
        let socket = || Some(Socket { uid: fields.get(7)?.parse().ok()?, inode: fields.get(9)?.parse().ok()? });
        if here { socket() } else { None }
    })
}

/// The process that has a socket open, and its name.
#[cfg(target_os = "linux")]
fn holder(inode: u64) -> Option<(u32, String)> {
    let wanted = std::path::PathBuf::from(format!("socket:[{inode}]"));
    std::fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let mut open = std::fs::read_dir(entry.path().join("fd")).ok()?.flatten();
        open.find(|fd| std::fs::read_link(fd.path()).is_ok_and(|target| target == wanted))?;
        let name = std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        Some((pid, name.trim().to_owned()))
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 100 1 0000000000000000 20 4 30 10 -1
   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 4242 1 0000000000000000 100 0 0 10 0
   2: 00000000000000000000000000000000:10DD 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 77 1
   3: short
";

    #[test]
    fn the_listening_socket_is_found_not_its_connections() {
        assert_eq!(listening(TABLE, 8080), Some(Socket { inode: 4242, uid: 101 }));
        assert_eq!(listening(TABLE, 4317), Some(Socket { inode: 77, uid: 0 }));
        assert_eq!(listening(TABLE, 8081), None);
        assert_eq!(listening("", 8080), None);
    }

    #[test]
    fn a_port_of_ours_is_ours() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let owner = of(listener.local_addr().unwrap().port()).unwrap();
        assert!(matches!(owner, Owner::Process { pid, .. } if pid == std::process::id()), "{owner}");
        assert!(!owner.may_be_ours());
    }
}
