//! What happened: operations as the services wrote them down, independent of every tracer.

mod record;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::BufRead;

pub use record::{Kind, Op, PoolWork, Record};

use crate::identity::CLOCK_TOLERANCE;
use crate::lines::{self, ReadError};
use crate::names::{Names, Text};
use crate::verdict::SpanKind;

/// What an operation is to the process that wrote it down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    Server,
    Client,
    Statement,
}

/// One operation. Request, hop and role name it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) request: Text,
    pub(crate) hop: Text,
    pub(crate) parent: Text,
    pub(crate) service: Text,
    pub(crate) name: Text,
    pub(crate) role: Role,
    grpc: bool,
    pub(crate) cancelled: bool,
    /// How often it was written down: a transport that sends a call again has it received twice.
    pub(crate) times: u32,
}

impl Operation {
    pub(crate) fn kind(&self) -> SpanKind {
        match (self.role, self.grpc) {
            (Role::Server, _) => SpanKind::Server,
            (Role::Client, false) => SpanKind::HttpClient,
            (Role::Client, true) => SpanKind::RpcClient,
            (Role::Statement, _) => SpanKind::DbClient,
        }
    }
}

/// When a statement had a slot for itself, or, without a slot, was under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Occupied {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) operation: u32,
    pub(crate) text: Text,
}

/// What an operation's span must hang under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Nothing of these services: it came from outside.
    Outside,
    /// This operation.
    Operation(u32),
    /// An operation of which the truth holds no line, such as one that was under way when its process was killed.
    Unrecorded,
}

/// The truth logs of all services over one run.
#[derive(Debug, Default)]
pub struct Truth {
    pub(crate) names: Names,
    pub(crate) operations: Vec<Operation>,
    by_name: HashMap<(Text, Text, Role), u32>,
    /// The requests: ids whose hop 1 was received.
    requests: HashSet<Text>,
    /// All request ids, those of background work as well.
    known: HashSet<Text>,
    pub(crate) slots: HashMap<Text, Vec<Occupied>>,
    /// Statements without a slot, by request and the hop that made them.
    bare: HashMap<(Text, Text), Vec<Occupied>>,
    pub(crate) pool: BTreeMap<PoolWork, u64>,
    pub(crate) repeated: u64,
}

impl Truth {
    /// Adds a log, one [`Record`] a line. `name` is what errors call it.
    ///
    /// # Errors
    /// When it cannot be read, a line is no record, or there is none.
    pub fn read(&mut self, reader: impl BufRead, name: &str) -> Result<(), ReadError> {
        lines::each(reader, name, "a truth log: one operation a line, in JSON", |line| {
            let record: Record = serde_json::from_slice(line)?;
            Ok(self.add(&record)?)
        })
    }

    /// Adds one record.
    ///
    /// # Errors
    /// What it lacks.
    pub fn add(&mut self, record: &Record) -> Result<(), String> {
        let role = match record.op {
            Op::Received => Role::Server,
            Op::Called => Role::Client,
            Op::Statement => Role::Statement,
            Op::Pool => {
                let what = record.what.ok_or("a pool line needs `what`: connect, ping or rollback")?;
                *self.pool.entry(what).or_default() += 1;
                return Ok(());
            }
        };
        let given = |field: &Option<String>| field.as_deref().filter(|it| !it.is_empty()).map(str::to_owned);
        let request = given(&record.request).ok_or("an operation needs `request`, the id of its request")?;
        let hop = given(&record.hop).ok_or("an operation needs `hop`, its place in its request, such as 1.2")?;
        let grpc = match (role, record.kind) {
            (Role::Statement, None | Some(Kind::Sql)) | (Role::Server | Role::Client, Some(Kind::Http)) => false,
            (Role::Server | Role::Client, Some(Kind::Grpc)) => true,
            (Role::Statement, _) => return Err("a statement's `kind` is sql".to_owned()),
            _ => return Err("a call needs a `kind`: http or grpc".to_owned()),
        };
        let slot = given(&record.slot);
        let times = record.start_unix_nano.zip(record.end_unix_nano);
        if slot.is_some() && times.is_none() {
            return Err(
                "a slot needs `start_unix_nano` and `end_unix_nano`: slot and time name the statement".to_owned()
            );
        }
        let parent = given(&record.parent).or_else(|| Some(hop.rsplit_once('.')?.0.to_owned())).unwrap_or_default();
        let first = hop == "1";
        let operation = Operation {
            request: self.names.add(&request),
            hop: self.names.add(&hop),
            parent: self.names.add(&parent),
            service: self.names.add(&record.service),
            name: self.names.add(record.name.as_deref().unwrap_or_default()),
            role,
            grpc,
            cancelled: record.cancelled,
            times: 1,
        };
        self.known.insert(operation.request);
        if role == Role::Server && first {
            self.requests.insert(operation.request);
        }
        let number = self.keep(operation)?;
        if let (Role::Statement, Some((start, end))) = (role, times) {
            // A clock that was set back makes an operation end before it starts.
            let occupied = Occupied { start, end: end.max(start), operation: number, text: operation.name };
            match slot {
                Some(slot) => self.slots.entry(self.names.add(&slot)).or_default().push(occupied),
                None => self.bare.entry((operation.request, operation.parent)).or_default().push(occupied),
            }
        }
        Ok(())
    }

    fn keep(&mut self, operation: Operation) -> Result<u32, String> {
        let key = (operation.request, operation.hop, operation.role);
        if let Some(&number) = self.by_name.get(&key) {
            if let Some(known) = self.operations.get_mut(number as usize) {
                known.times += 1;
                known.cancelled |= operation.cancelled;
            }
            self.repeated += 1;
            return Ok(number);
        }
        let number = u32::try_from(self.operations.len()).map_err(|_| "more than 2^32 operations".to_owned())?;
        self.operations.push(operation);
        self.by_name.insert(key, number);
        Ok(number)
    }

    /// How many operations it holds, those of background work as well.
    pub fn operations(&self) -> usize {
        self.operations.len()
    }

    /// How many requests it holds: ids whose hop 1 was received.
    pub fn requests(&self) -> usize {
        self.requests.len()
    }

    pub(crate) fn operation(&self, number: u32) -> &Operation {
        &self.operations[number as usize]
    }

    pub(crate) fn find(&self, request: Text, hop: Text, role: Role) -> Option<u32> {
        self.by_name.get(&(request, hop, role)).copied()
    }

    pub(crate) fn is_request(&self, request: Text) -> bool {
        self.requests.contains(&request)
    }

    pub(crate) fn is_known(&self, request: Text) -> bool {
        self.known.contains(&request)
    }

    /// Whether the hop that a server operation is sent a statement of this text and without a slot around that time.
    pub(crate) fn has_bare(&self, server: &Operation, text: &str, start: u64, end: u64) -> bool {
        self.bare_of(server.request, server.hop, text, start, end).is_some()
    }

    /// The statement of this text and without a slot that the same hop sent around that time as this statement.
    pub(crate) fn bare(&self, statement: &Operation, text: &str, start: u64, end: u64) -> Option<u32> {
        self.bare_of(statement.request, statement.parent, text, start, end)
    }

    fn bare_of(&self, request: Text, hop: Text, text: &str, start: u64, end: u64) -> Option<u32> {
        let sent = self.bare.get(&(request, hop)).map_or(&[][..], Vec::as_slice);
        let near = sent.iter().filter(|it| {
            it.start.saturating_sub(CLOCK_TOLERANCE) <= end && start <= it.end.saturating_add(CLOCK_TOLERANCE)
        });
        let same = near.filter(|it| self.names.get(it.text).eq_ignore_ascii_case(text));
        same.min_by_key(|it| it.start.abs_diff(start)).map(|it| it.operation)
    }

    /// What the span of an operation must hang under.
    pub(crate) fn cause(&self, operation: &Operation) -> Cause {
        let (hop, role, otherwise) = match operation.role {
            Role::Server => (operation.hop, Role::Client, Cause::Outside),
            Role::Client | Role::Statement => (operation.parent, Role::Server, Cause::Unrecorded),
        };
        self.find(operation.request, hop, role).map_or(otherwise, Cause::Operation)
    }
}
