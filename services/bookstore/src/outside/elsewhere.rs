//! Where there is no eBPF there is no agent: what the module offers on Linux, with nobody behind it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use bookstore_agent::trace::LinkBy;

use crate::privileges;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wish {
    Without,
    Welcome,
    Needed,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Manner {
    pub(crate) link_by: LinkBy,
    pub(crate) record: Option<PathBuf>,
}

pub(crate) enum Place {
    Here(Option<Agent>),
    Done(ExitCode),
}

/// There is none.
#[derive(Clone)]
pub(crate) enum Agent {}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Lost {
    pub(crate) spans: u64,
    pub(crate) events: u64,
}

pub(crate) fn enter(wish: Wish, data_dir: Option<&Path>, _manner: Manner) -> anyhow::Result<Place> {
    if wish == Wish::Needed {
        bail!("{}", why_not());
    }
    privileges::give_up(data_dir)?;
    Ok(Place::Here(None))
}

pub(crate) fn why_not() -> String {
    "the eBPF agent looks into processes by what Linux alone has, so telemetry is manual alone".to_owned()
}

impl Agent {
    pub(crate) fn watch(&self, _endpoint: &str, _cores: &[usize]) -> anyhow::Result<()> {
        match *self {}
    }

    pub(crate) async fn watches_all(&self) -> anyhow::Result<()> {
        match *self {}
    }

    pub(crate) async fn stop(&self) -> anyhow::Result<Lost> {
        match *self {}
    }

    pub(crate) async fn failure(&self) -> String {
        match *self {}
    }

    pub(crate) async fn gone(&self) {
        match *self {}
    }
}
