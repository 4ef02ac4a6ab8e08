//! The process without rights: gives the agent its orders, and hears what it says.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::sync::watch;

use super::WATCHED;
use super::words::{Answer, Order};
use crate::service::Service;

/// How long the agent may take to begin: the kernel checks its programs, and it reads the executable's symbols.
const BEGIN: Duration = Duration::from_secs(20);
/// How long it may take to send what it has.
const END: Duration = Duration::from_secs(30);

/// The agent above this process.
#[derive(Clone)]
pub(crate) struct Agent {
    orders: Arc<UnixStream>,
    heard: watch::Receiver<Heard>,
    tell: watch::Sender<Heard>,
}

/// What was heard since the last order.
#[derive(Debug, Default)]
struct Heard {
    watching: BTreeSet<String>,
    /// How it ended.
    ended: Option<Result<Lost, String>>,
    /// The process above is gone.
    gone: bool,
}

/// What the agent could not keep.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Lost {
    /// Spans that were not taken by whom they were sent to.
    pub(crate) spans: u64,
    /// Events that had no room on their way out of the kernel, or came too late.
    pub(crate) events: u64,
}

impl Agent {
    /// The agent above this process, if there is one.
    pub(super) fn above() -> Option<Self> {
        std::env::var_os(WATCHED)?;
        let socket = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned().ok()?);
        let orders = Arc::new(socket);
        let (tell, heard) = watch::channel(Heard::default());
        let (ears, told) = (Arc::clone(&orders), tell.clone());
        std::thread::spawn(move || {
            for line in BufReader::new(&*ears).lines().map_while(Result::ok) {
                let Ok(answer) = line.parse() else { continue };
                told.send_modify(|heard| heard.hear(answer));
            }
            told.send_modify(|heard| heard.gone = true);
        });
        Some(Self { orders, heard, tell })
    }

    /// Tells it to watch what this process starts, to send the spans to `endpoint`, and to run on these cores.
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) fn watch(&self, endpoint: &str, cores: &[usize]) -> anyhow::Result<()> {
        self.tell.send_modify(|heard| (heard.watching, heard.ended) = (BTreeSet::new(), None));
        self.order(&Order::Watch { endpoint: endpoint.to_owned(), cores: cores.to_vec() })
    }

    /// Waits until it watches all services.
    ///
    /// # Errors
    /// When it does not come to that.
    pub(crate) async fn watches_all(&self) -> anyhow::Result<()> {
        let services = || Service::ALL.into_iter().filter(|it| it.has_database());
        let all = |heard: &Heard| services().all(|service| heard.watching.contains(service.name()));
        match self.until(BEGIN, all).await {
            Ok(()) => Ok(()),
            Err(error) => {
                let heard = self.heard.borrow();
                let lacking: Vec<_> =
                    services().map(Service::name).filter(|service| !heard.watching.contains(*service)).collect();
                Err(error.context(format!("the agent does not watch {}", lacking.join(", "))))
            }
        }
    }

    /// Ends it, once it has sent everything; for when the shop has ended.
    ///
    /// # Errors
    /// When it ended otherwise.
    pub(crate) async fn stop(&self) -> anyhow::Result<Lost> {
        self.order(&Order::Stop)?;
        self.until(END, |heard| heard.ended.is_some()).await?;
        match self.heard.borrow().ended {
            Some(Ok(lost)) => Ok(lost),
            _ => Ok(Lost::default()),
        }
    }

    /// Resolves when it has failed, with the reason.
    pub(crate) async fn failure(&self) -> String {
        let mut heard = self.heard.clone();
        let failed = heard.wait_for(|heard| matches!(heard.ended, Some(Err(_)))).await;
        match failed.as_deref() {
            Ok(Heard { ended: Some(Err(why)), .. }) => why.clone(),
            _ => std::future::pending().await,
        }
    }

    /// Resolves when the process above has gone: whoever ended it wants the shop to end.
    pub(crate) async fn gone(&self) {
        // An error is that the listening thread is no more, which is the same.
        let mut heard = self.heard.clone();
        let _gone = heard.wait_for(|heard| heard.gone).await;
    }

    async fn until(&self, limit: Duration, there: impl Fn(&Heard) -> bool) -> anyhow::Result<()> {
        let mut heard = self.heard.clone();
        let waited = heard.wait_for(|heard| there(heard) || heard.gone || matches!(heard.ended, Some(Err(_))));
        let Ok(waited) = tokio::time::timeout(limit, waited).await else {
            bail!("the agent has said nothing for {} s", limit.as_secs());
        };
        let heard = waited.context("the agent has ended")?;
        match &heard.ended {
            Some(Err(why)) => bail!("{why}"),
            _ if there(&heard) => Ok(()),
            _ => bail!("the agent has ended"),
        }
    }

    fn order(&self, order: &Order) -> anyhow::Result<()> {
        writeln!(&*self.orders, "{order}").context("the agent has ended")
    }
}

impl Heard {
    fn hear(&mut self, answer: Answer) {
        match answer {
            Answer::Watching(service) => drop(self.watching.insert(service)),
            Answer::Failed(why) => self.ended = Some(Err(why)),
            Answer::Stopped { spans, events } => self.ended = Some(Ok(Lost { spans, events })),
        }
    }
}
