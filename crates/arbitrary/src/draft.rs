//! A scenario being written: the choices, the plan, and where the pen is.

use crate::choices::Choices;
use crate::plan::{Database, Keys, Plan, Service};
use crate::table::{Choice, Field, Record};
use std::collections::{BTreeMap, BTreeSet};

/// A scenario being written.
pub(crate) struct Draft<'b> {
    pub(crate) choices: Choices<'b>,
    pub(crate) plan: Plan,
    pub(crate) here: Here,
    /// Pairs that talk, as links are named.
    pub(crate) links: BTreeSet<String>,
    /// Those of them that the scenario describes.
    pub(crate) described_links: Vec<String>,
    /// Those of them that have a bulkhead, and that have throttling callers.
    pub(crate) bulkheads: Vec<String>,
    pub(crate) throttles: Vec<String>,
    /// Steps of each endpoint that have a field, by "service/endpoint" and field: whether it can be set later.
    pub(crate) settable: BTreeMap<(String, &'static str), Vec<bool>>,
    /// Sources whose clients have a patience.
    pub(crate) patient: Vec<String>,
    /// Paths of limits and vacations that can be set.
    pub(crate) limits: Vec<String>,
    /// Whether the platform of the service being written can ask for its health.
    pub(crate) asked: bool,
    /// Components whose processors have a bound.
    pub(crate) bounded: BTreeSet<String>,
    /// Services whose workers are processes.
    pub(crate) preforked: BTreeSet<String>,
    /// Executors, by their service.
    pub(crate) executors: BTreeMap<String, Vec<&'static str>>,
    /// Rows that statements lock: database, name of the row or table, how many rows.
    pub(crate) rows: Vec<(String, &'static str, usize)>,
    /// Databases that have a disk.
    pub(crate) disks: Vec<String>,
    /// Caches that take a limited number of connections.
    pub(crate) counting: Vec<String>,
    /// Caches of which it is said how they delete expired keys.
    pub(crate) expiries: Vec<String>,
    /// Databases that others can replicate, and replicas whose rate is told.
    pub(crate) primaries: Vec<String>,
    pub(crate) replicas: Vec<String>,
    /// Tables that statements lock: database and name.
    pub(crate) tables: Vec<(String, &'static str)>,
    /// Fields and variants that this world does without: what drowns others must be absent now and then.
    muted: u64,
    /// Rows of tables that were used, for the test that all can be.
    pub(crate) used: BTreeSet<(&'static str, &'static str)>,
}

/// Where the pen is.
#[derive(Clone, Default)]
pub(crate) struct Here {
    pub(crate) service: usize,
    pub(crate) endpoint: usize,
    pub(crate) database: usize,
    pub(crate) cache: usize,
    pub(crate) broker: usize,
    /// The queue of a broker being written.
    pub(crate) queue: usize,
    /// The consumer being written, where it is not an endpoint.
    pub(crate) task: Option<usize>,
    pub(crate) source: String,
    /// Whether its requests come from users who wait for their answers.
    pub(crate) closed: bool,
    /// The key space being written or read, whether its keys expire, and whether they are there at the start.
    pub(crate) keys: Keys,
    pub(crate) expires: bool,
    pub(crate) warm: bool,
    /// The pool of the step being written, those held around it, and those that are held by who waits for it.
    pub(crate) pool: usize,
    pub(crate) held: Vec<usize>,
    pub(crate) awaited: Vec<usize>,
    pub(crate) loops: u32,
    /// The innermost repeat around it.
    pub(crate) again: Option<Again>,
    /// Whether the load being written is a task of its own, and whether others join it.
    pub(crate) apart: bool,
    pub(crate) shared: bool,
    /// Key spaces of the loads around, which a load that joins others would wait for.
    pub(crate) loading: Vec<String>,
    pub(crate) depth: u32,
    /// Steps that may still be written for this endpoint.
    pub(crate) steps: usize,
    /// When the fault being written acts, in nanoseconds.
    pub(crate) moment_ns: u64,
    /// The executor being written, and whether it has no queue.
    pub(crate) executor: &'static str,
    pub(crate) synchronous: bool,
    /// Whether the task being written is waited for.
    pub(crate) waits: bool,
    /// Whether the probe being written is one of readiness.
    pub(crate) of_readiness: bool,
    /// The row, or the table, that the fault being written is about.
    pub(crate) row: usize,
    /// Tables of the database being written whose locks are kept.
    pub(crate) kept: Vec<&'static str>,
    /// The table being written, and those of the database that have a size; the table of the query class being written, and whether there is a disk.
    pub(crate) writing: Option<&'static str>,
    pub(crate) sized: Vec<&'static str>,
    pub(crate) named: Option<&'static str>,
    pub(crate) disk: bool,
    /// Whether the database being written is a replica.
    pub(crate) replica: bool,
    /// That of the query class being written, if it is one of those.
    pub(crate) table: Option<&'static str>,
    /// Name of the service that the deploy being written is of.
    pub(crate) deployed: String,
}

/// A repeat around the step being written.
#[derive(Clone, Copy)]
pub(crate) struct Again {
    /// Pools held where it begins.
    pub(crate) held: usize,
    /// Whether there is a way on beside the step being written.
    pub(crate) may: bool,
}

impl<'b> Draft<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        let mut choices = Choices::new(bytes);
        let muted = if choices.chance(128) { choices.any() } else { 0 };
        let plan = Plan::new(&mut choices);
        Self {
            choices,
            plan,
            here: Here::default(),
            links: BTreeSet::new(),
            described_links: Vec::new(),
            bulkheads: Vec::new(),
            throttles: Vec::new(),
            settable: BTreeMap::new(),
            patient: Vec::new(),
            limits: Vec::new(),
            asked: true,
            bounded: BTreeSet::new(),
            preforked: BTreeSet::new(),
            executors: BTreeMap::new(),
            rows: Vec::new(),
            tables: Vec::new(),
            disks: Vec::new(),
            counting: Vec::new(),
            expiries: Vec::new(),
            primaries: Vec::new(),
            replicas: Vec::new(),
            muted,
            used: BTreeSet::new(),
        }
    }

    pub(crate) fn record(&mut self, record: &'static Record) -> String {
        self.fields(record.what, record.fields)
    }

    fn fields(&mut self, what: &'static str, fields: &'static [Field]) -> String {
        let mut parts = Vec::new();
        for (n, field) in fields.iter().enumerate() {
            let muted = field.often.is_some() && self.muted >> ((n + what.len() * 7) % 64) & 1 == 1;
            if muted || field.often.is_some_and(|often| !self.choices.chance(often)) {
                continue;
            }
            if let Some(value) = (field.make)(self) {
                self.used.insert((what, field.name));
                parts.push(format!("{}: {value}", field.name));
            }
        }
        format!("({})", parts.join(", "))
    }

    pub(crate) fn choice(&mut self, choice: &'static Choice) -> String {
        let muted = self.muted.rotate_left(choice.what.len() as u32 * 5);
        let mut fitting: Vec<_> = choice.variants.iter().enumerate().filter(|(_, v)| (v.fits)(self)).collect();
        if fitting.iter().any(|(n, _)| muted >> (n % 64) & 1 == 0) {
            fitting.retain(|(n, _)| muted >> (n % 64) & 1 == 0);
        }
        let fitting: Vec<_> = fitting.into_iter().flat_map(|(_, v)| std::iter::repeat_n(v, v.weight.into())).collect();
        let variant = fitting[self.choices.below(fitting.len())];
        self.used.insert((choice.what, variant.name));
        (variant.enter)(self);
        if variant.fields.is_empty() {
            return variant.name.to_owned();
        }
        format!("{}{}", variant.name, self.fields(variant.name, variant.fields))
    }

    /// A list of so many entries.
    pub(crate) fn list(&mut self, count: usize, make: impl Fn(&mut Self) -> String) -> String {
        let entries: Vec<String> = (0..count).map(|_| make(self)).collect();
        format!("[{}]", entries.join(", "))
    }

    /// One of some literals.
    pub(crate) fn one_of(&mut self, from: &[&str]) -> Option<String> {
        Some(self.choices.pick(from).to_owned())
    }

    /// A text in quotes, one of some.
    pub(crate) fn quoted(&mut self, from: &[&str]) -> Option<String> {
        Some(quote(self.choices.pick(from)))
    }

    /// A number in a range.
    pub(crate) fn number(&mut self, from: usize, to: usize) -> Option<String> {
        Some((from + self.choices.below(to - from + 1)).to_string())
    }

    pub(crate) fn service(&self) -> &Service {
        &self.plan.services[self.here.service]
    }

    /// The database behind the pool of the step being written.
    pub(crate) fn pooled(&self) -> &Database {
        &self.plan.databases[self.service().pools[self.here.pool].1]
    }

    /// Any service, database, cache or broker.
    pub(crate) fn any_component(&mut self) -> String {
        let names: Vec<&str> = (self.plan.services.iter().map(|service| &service.name))
            .chain(self.plan.databases.iter().map(|database| &database.name))
            .chain(self.plan.caches.iter().map(|cache| &cache.name))
            .chain(self.plan.brokers.iter().map(|broker| &broker.name))
            .map(String::as_str)
            .collect();
        self.choices.pick(&names).to_owned()
    }
}

/// A map of entries by name.
pub(crate) fn map(entries: impl IntoIterator<Item = (String, String)>) -> String {
    let entries: Vec<String> = entries.into_iter().map(|(name, value)| format!("{}: {value}", quote(&name))).collect();
    format!("{{{}}}", entries.join(", "))
}

pub(crate) fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
