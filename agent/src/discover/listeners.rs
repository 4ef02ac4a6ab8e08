//! Who listens on a port.

use std::collections::{HashMap, HashSet};
use std::fs;

use procfs::net::{TcpNetEntry, TcpState};
use procfs::process::{FDTarget, Process, all_processes};

/// Who listens on the ports that matter.
#[derive(Debug, Default)]
pub struct Listeners {
    /// By the number of a socket that listens, its port.
    sockets: HashMap<u64, u16>,
    /// Processes with the ports that they listen on.
    processes: HashSet<(u32, u16)>,
}

impl Listeners {
    /// Whether a process listens on a port.
    #[must_use]
    pub fn listens(&self, pid: u32, port: u16) -> bool {
        self.processes.contains(&(pid, port))
    }

    /// Everybody who listens.
    pub fn pids(&self) -> impl Iterator<Item = u32> {
        self.processes.iter().map(|(pid, _)| *pid)
    }

    /// Looks for those who listen on these ports, in whatever container they are. Whose sockets these are is looked for
    /// only where they have changed: it takes a look at each descriptor of each process.
    pub fn look(&mut self, ports: &[u16]) {
        if ports.is_empty() {
            return;
        }
        let sockets = sockets(ports);
        if sockets == self.sockets {
            return;
        }
        let processes = all_processes().into_iter().flatten().filter_map(Result::ok);
        self.processes = processes
            .flat_map(|process| {
                let pid = u32::try_from(process.pid()).ok();
                let port = |target| if let FDTarget::Socket(number) = target { sockets.get(&number) } else { None };
                let descriptors = process.fd().into_iter().flatten().filter_map(Result::ok);
                let ports: Vec<u16> = descriptors.filter_map(|it| port(it.target).copied()).collect();
                pid.into_iter().flat_map(move |pid| ports.clone().into_iter().map(move |port| (pid, port)))
            })
            .collect();
        self.sockets = sockets;
    }
}

/// The sockets that listen, by their numbers, in all network namespaces.
fn sockets(ports: &[u16]) -> HashMap<u64, u16> {
    let mut namespaces = HashSet::new();
    let mut found = HashMap::new();
    for process in all_processes().into_iter().flatten().filter_map(Result::ok) {
        let Ok(namespace) = fs::read_link(format!("/proc/{}/ns/net", process.pid())) else { continue };
        if namespaces.insert(namespace) {
            let listens =
                |entry: &TcpNetEntry| entry.state == TcpState::Listen && ports.contains(&entry.local_address.port());
            let of = entries(&process).into_iter().filter(listens);
            found.extend(of.map(|entry| (entry.inode, entry.local_address.port())));
        }
    }
    found
}

fn entries(process: &Process) -> Vec<TcpNetEntry> {
    [process.tcp(), process.tcp6()].into_iter().flatten().flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn whoever_listens_is_found_and_nobody_else() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        let port = listener.local_addr().expect("it has an address").port();
        let mut listeners = Listeners::default();
        listeners.look(&[port]);
        assert!(listeners.listens(std::process::id(), port));
        assert_eq!(listeners.pids().collect::<Vec<_>>(), [std::process::id()]);
        drop(listener);
        listeners.look(&[port]);
        assert!(!listeners.listens(std::process::id(), port));
    }
}
