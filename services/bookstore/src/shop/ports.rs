//! The ports of a shop. The launcher takes them before anything is started, and keeps them until the end: a service
//! that is started again finds its port as it left it, and who connects meanwhile waits.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::anyhow;

use super::port_owner::{self, Owner};
use crate::service::Service;

/// Where exporters look for OTLP/gRPC and OTLP/HTTP, as the specification has it.
const OTLP_GRPC: u16 = 4317;
const OTLP_HTTP: u16 = 4318;

/// How long the processes of a launcher that was killed may take to end.
const PREDECESSOR: Duration = Duration::from_secs(3);
/// How long somebody may take who cannot be made out: a process that is just ending cannot.
const STRANGER: Duration = Duration::from_millis(300);
/// The pause before another look.
const PAUSE: Duration = Duration::from_millis(50);

/// Which ports a shop takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ports {
    /// The usual ones, but this one for the storefront.
    Usual {
        /// The storefront's.
        storefront: u16,
    },
    /// Free ones throughout.
    Free,
}

impl Ports {
    /// As `--port` says it.
    #[must_use]
    pub fn of(storefront: u16) -> Self {
        if storefront == 0 { Self::Free } else { Self::Usual { storefront } }
    }

    fn of_service(self, service: Service) -> u16 {
        match (self, service) {
            (Self::Free, _) => 0,
            (Self::Usual { storefront }, Service::Storefront) => storefront,
            (Self::Usual { .. }, other) => other.default_port(),
        }
    }
}

/// The ports, taken.
#[derive(Debug)]
pub(crate) struct Taken {
    addresses: BTreeMap<Service, SocketAddr>,
    /// Until they are handed over: whoever keeps a service running keeps its port.
    listeners: BTreeMap<Service, Listener>,
    /// Where compare takes OTLP beside its own port: gRPC, HTTP.
    pub(crate) otlp: Option<[SocketAddr; 2]>,
}

/// A port and, where it can be handed over, the listening socket.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    #[cfg(unix)]
    pub(crate) socket: TcpListener,
}

/// A port that cannot be had.
struct Refused {
    why: String,
    /// How soon it may be free.
    within: Option<Duration>,
}

impl Taken {
    /// Takes the ports. `with_otlp`: those for OTLP too, where there are usual ones. What a launcher that was killed
    /// has left is given some time to end.
    ///
    /// # Errors
    /// Names each port that is in use and, where that can be known, by which process.
    pub(crate) fn take(ports: Ports, with_otlp: bool) -> anyhow::Result<Self> {
        let started = Instant::now();
        let mut deadline = started;
        loop {
            let refused = match Self::take_now(ports, with_otlp) {
                Ok(taken) => return Ok(taken),
                Err(refused) => refused,
            };
            // The longest that was ever granted holds: a process that is just ending cannot be made out any more.
            let Some(patience) = patience(&refused) else { return Err(refusal(ports, &refused)) };
            deadline = deadline.max(started + patience);
            if Instant::now() > deadline {
                return Err(refusal(ports, &refused));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Fails if a port cannot be had now, nor in a moment.
    ///
    /// # Errors
    /// As of [`take`](Self::take).
    pub(crate) fn probe(ports: Ports, with_otlp: bool) -> anyhow::Result<()> {
        match Self::take_now(ports, with_otlp) {
            Err(refused) if patience(&refused).is_none() => Err(refusal(ports, &refused)),
            _ => Ok(()),
        }
    }

    fn take_now(ports: Ports, with_otlp: bool) -> Result<Self, Vec<Refused>> {
        let (mut listeners, mut refused) = (BTreeMap::new(), Vec::new());
        for service in Service::ALL {
            match listen(ports.of_service(service)) {
                Ok(listener) => drop(listeners.insert(service, listener)),
                Err(error) => refused.push(explain(ports.of_service(service), service.name(), &error)),
            }
        }
        let otlp = (with_otlp && ports != Ports::Free).then_some([OTLP_GRPC, OTLP_HTTP]);
        for (port, what) in otlp.into_iter().flatten().zip(["OTLP over gRPC", "OTLP over HTTP"]) {
            // compare listens on these itself: they are only looked at.
            if let Err(error) = listen(port) {
                refused.push(explain(port, what, &error));
            }
        }
        if !refused.is_empty() {
            return Err(refused);
        }
        let addresses = listeners.iter().map(|(service, listener): (&Service, &Listener)| (*service, listener.address));
        Ok(Self { addresses: addresses.collect(), listeners, otlp: otlp.map(|ports| ports.map(local)) })
    }

    pub(crate) fn address(&self, service: Service) -> SocketAddr {
        // All services have one: `take` fails otherwise.
        self.addresses.get(&service).copied().unwrap_or_else(|| local(service.default_port()))
    }

    pub(crate) fn url(&self, service: Service) -> String {
        format!("http://{}", self.address(service))
    }

    /// Where compare takes OTLP, gRPC as well as HTTP.
    pub(crate) fn otlp_url(&self) -> String {
        let address = self.otlp.map_or_else(|| self.address(Service::Compare), |[grpc, _]| grpc);
        format!("http://{address}")
    }

    /// Hands a service's listener over; once.
    pub(crate) fn hand_over(&mut self, service: Service) -> Option<Listener> {
        self.listeners.remove(&service)
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn listen(port: u16) -> io::Result<Listener> {
    let socket = TcpListener::bind(local(port))?;
    let address = socket.local_addr()?;
    #[cfg(unix)]
    return Ok(Listener { address, socket });
    // Where a socket cannot be handed over the service takes the port itself.
    #[cfg(not(unix))]
    return Ok(Listener { address });
}

/// How long it is worth waiting for all of them; none if one will not be free.
fn patience(refused: &[Refused]) -> Option<Duration> {
    refused.iter().try_fold(Duration::ZERO, |most, refused| Some(most.max(refused.within?)))
}

fn refusal(ports: Ports, refused: &[Refused]) -> anyhow::Error {
    let why: Vec<_> = refused.iter().map(|refused| refused.why.as_str()).collect();
    let advice = match ports {
        Ports::Usual { .. } => "\nUse --port 0 for free ports throughout, or --port N to move the storefront.",
        Ports::Free => "",
    };
    anyhow!("{}{advice}", why.join("\n"))
}

fn explain(port: u16, what: &str, error: &io::Error) -> Refused {
    let why = match error.kind() {
        io::ErrorKind::AddrInUse => {
            let owner = port_owner::of(port);
            if matches!(owner, Some(Owner::Process { pid, .. }) if pid == std::process::id()) {
                return Refused { why: format!("port {port} is {what}'s: the storefront needs another"), within: None };
            }
            let within = match &owner {
                Some(owner) if owner.may_be_ours() => Some(PREDECESSOR),
                Some(Owner::Process { .. }) => None,
                Some(Owner::User(_)) | None => Some(STRANGER),
            };
            let by = owner.map(|owner| format!(" by {owner}")).unwrap_or_default();
            return Refused { why: format!("port {port} ({what}) is in use{by}"), within };
        }
        io::ErrorKind::PermissionDenied => {
            format!("port {port} ({what}) is root's, whose rights the shop gives up; take one from 1024 up")
        }
        _ => format!("port {port} ({what}) cannot be listened on: {error}"),
    };
    Refused { why, within: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_are_all_different() {
        let taken = Taken::take(Ports::Free, true).unwrap();
        let mut addresses: Vec<_> = Service::ALL.map(|service| taken.address(service)).into();
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), Service::ALL.len());
        assert_eq!(taken.otlp_url(), taken.url(Service::Compare));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_storefront_cannot_have_the_port_of_another_service() {
        let listener = listen(0).unwrap();
        let port = listener.address.port();
        let refused = explain(port, "catalog", &listen(port).unwrap_err());
        assert_eq!(refused.why, format!("port {port} is catalog's: the storefront needs another"));
        assert_eq!(refused.within, None);
    }

    #[test]
    fn whoever_may_go_is_waited_for_unless_somebody_stays() {
        let refused = |within| Refused { why: String::new(), within };
        assert_eq!(patience(&[refused(Some(STRANGER)), refused(Some(PREDECESSOR))]), Some(PREDECESSOR));
        assert_eq!(patience(&[refused(Some(PREDECESSOR)), refused(None)]), None);
    }
}
