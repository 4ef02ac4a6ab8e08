//! Where telemetry came from, and strings: each kept once however many spans share it.

use std::collections::{HashMap, HashSet};
use std::mem::size_of;
use std::sync::Arc;

use bookstore_otlp::Message;
use bookstore_otlp::common::{KeyValue, Resource};

/// Which of the two ways of seeing the shop made a piece of telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The services' own code, through an SDK.
    Manual,
    /// An agent, from outside of the process.
    Ebpf,
}

impl Side {
    /// Our own attribute says it; else the name of the distribution does, which agents set and the SDK does not.
    fn of(resource: &Resource) -> Self {
        let said = resource.attribute("bookstore.side").map(str::to_ascii_lowercase);
        let distro = resource.attribute("telemetry.distro.name").map(str::to_ascii_lowercase);
        match (said.as_deref(), distro.as_deref()) {
            (Some("ebpf"), _) => Self::Ebpf,
            (Some("manual"), _) => Self::Manual,
            (_, Some("bookstore-agent")) => Self::Ebpf,
            (_, Some(distro)) if distro.contains("ebpf") => Self::Ebpf,
            _ => Self::Manual,
        }
    }

    /// As it is written in JSON and on the page.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Ebpf => "ebpf",
        }
    }
}

/// The longest name of a service, in bytes; a longer one is cut. The names of services are kept for good.
const MOST_NAME: usize = 256;

/// A resource as it arrives, made ready outside of the store's lock.
#[derive(Debug)]
pub(crate) struct NewOrigin {
    service: String,
    side: Side,
    /// The resource, encoded: also what tells one resource from another.
    encoded: Vec<u8>,
}

impl NewOrigin {
    pub(crate) fn new(resource: Option<Resource>) -> Self {
        let mut resource = resource.unwrap_or_default();
        resource.attributes.sort_by(|a, b| a.key.cmp(&b.key));
        let service = resource.attribute("service.name").filter(|name| !name.is_empty()).unwrap_or("unknown_service");
        Self {
            service: service[..service.floor_char_boundary(MOST_NAME)].to_owned(),
            side: Side::of(&resource),
            encoded: resource.encode_to_vec(),
        }
    }
}

/// A resource that something in the store came from.
#[derive(Debug)]
pub struct Origin {
    /// `service.name`, or `unknown_service` as the conventions ask.
    pub service: Arc<str>,
    /// Which side it is on.
    pub side: Side,
    encoded: Arc<[u8]>,
}

impl Origin {
    /// All attributes of the resource.
    pub fn attributes(&self) -> Vec<KeyValue> {
        Resource::decode(&*self.encoded).unwrap_or_default().attributes
    }
}

/// What is kept once. Entries that nothing refers to any more are let go by [`Interned::prune`].
#[derive(Debug, Default)]
pub(crate) struct Interned {
    strings: HashSet<Arc<str>>,
    origins: HashMap<Arc<[u8]>, Arc<Origin>>,
    bytes: usize,
    /// `bytes` after the last pruning: pruning again before they have doubled, or many are known to be unused, would
    /// cost more than it gives.
    live: usize,
    /// The bytes of those that nothing refers to any more, as far as that was noted.
    unused: usize,
}

/// An `Arc`'s counters, an allocator's header and a slot in a table that is half full.
const STRING_OVERHEAD: usize = 16 + 16 + 2 * (size_of::<Arc<str>>() + 1);
const ORIGIN_OVERHEAD: usize = 2 * STRING_OVERHEAD + size_of::<Origin>() + 2 * size_of::<Arc<Origin>>();
const PRUNE_AT_LEAST: usize = 256 << 10;
/// The references to what only one still uses: its own, and the one here.
const LAST: usize = 2;

impl Interned {
    pub(crate) fn string(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.strings.get(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        self.bytes += text.len() + STRING_OVERHEAD;
        self.strings.insert(new.clone());
        new
    }

    pub(crate) fn origin(&mut self, new: &NewOrigin) -> Arc<Origin> {
        if let Some(known) = self.origins.get(new.encoded.as_slice()) {
            return known.clone();
        }
        let encoded: Arc<[u8]> = new.encoded.as_slice().into();
        let origin = Arc::new(Origin { service: self.string(&new.service), side: new.side, encoded: encoded.clone() });
        self.bytes += encoded.len() + ORIGIN_OVERHEAD;
        self.origins.insert(encoded, origin.clone());
        origin
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Notes that somebody is about to let go of a string.
    pub(crate) fn leaving(&mut self, text: &Arc<str>) {
        if Arc::strong_count(text) == LAST {
            self.unused += text.len() + STRING_OVERHEAD;
        }
    }

    /// Notes that somebody is about to let go of an origin.
    pub(crate) fn leaving_origin(&mut self, origin: &Arc<Origin>) {
        if Arc::strong_count(origin) == LAST {
            self.unused += origin.encoded.len() + ORIGIN_OVERHEAD;
        }
    }

    /// Lets go of what nothing refers to, if it may be worth the walk.
    pub(crate) fn prune(&mut self) {
        let grown = self.bytes >= 2 * self.live && self.bytes >= PRUNE_AT_LEAST;
        let unused = self.unused >= self.bytes / 8 && self.unused >= PRUNE_AT_LEAST / 4;
        if grown || unused {
            self.prune_now();
        }
    }

    /// Lets go of what nothing refers to.
    pub(crate) fn prune_now(&mut self) {
        let mut freed = 0;
        self.origins.retain(|encoded, origin| {
            let used = Arc::strong_count(origin) > 1;
            freed += if used { 0 } else { encoded.len() + ORIGIN_OVERHEAD };
            used
        });
        self.strings.retain(|text| {
            let used = Arc::strong_count(text) > 1;
            freed += if used { 0 } else { text.len() + STRING_OVERHEAD };
            used
        });
        self.strings.shrink_to_fit();
        self.origins.shrink_to_fit();
        self.bytes -= freed;
        self.live = self.bytes;
        self.unused = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(attributes: &[(&str, &str)]) -> Resource {
        Resource {
            attributes: attributes.iter().map(|(key, value)| KeyValue::new(*key, *value)).collect(),
            ..Resource::default()
        }
    }

    #[test]
    fn the_side_comes_from_the_resource() {
        for (attributes, side) in [
            (vec![], Side::Manual),
            (vec![("telemetry.distro.name", "bookstore-agent")], Side::Ebpf),
            (vec![("telemetry.distro.name", "opentelemetry-ebpf-instrumentation")], Side::Ebpf),
            (vec![("telemetry.distro.name", "something-else")], Side::Manual),
            (vec![("bookstore.side", "ebpf")], Side::Ebpf),
            (vec![("bookstore.side", "manual"), ("telemetry.distro.name", "ebpf")], Side::Manual),
        ] {
            assert_eq!(Side::of(&resource(&attributes)), side, "{attributes:?}");
        }
    }

    #[test]
    fn equal_resources_are_one_whatever_their_order() {
        let mut interned = Interned::default();
        let one = interned.origin(&NewOrigin::new(Some(resource(&[("a", "1"), ("service.name", "x")]))));
        let two = interned.origin(&NewOrigin::new(Some(resource(&[("service.name", "x"), ("a", "1")]))));
        assert!(Arc::ptr_eq(&one, &two));
        assert_eq!(&*one.service, "x");
    }

    #[test]
    fn unused_strings_are_let_go() {
        let mut interned = Interned::default();
        let kept = interned.string("kept");
        for index in 0..100_000 {
            interned.string(&format!("span {index}"));
        }
        interned.prune();
        assert_eq!(interned.strings.len(), 1);
        assert_eq!(interned.bytes(), kept.len() + STRING_OVERHEAD);
    }
}
