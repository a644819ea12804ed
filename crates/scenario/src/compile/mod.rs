//! The text's tree to a blueprint: names become ids, steps become programs, and what makes no sense together is refused.
//!
//! Everything is compiled even where something is wrong, so that one pass finds all errors; a blueprint is only given
//! out when there were none.

mod admission;
mod broker;
mod cache;
mod cycle;
mod data;
mod executor;
mod expect;
mod fault;
pub(crate) mod health;
mod limit;
mod link;
mod load;
mod observer;
mod program;
mod reach;
mod replica;
mod row;
mod service;
mod storage;
mod store;
mod traffic;

use crate::data::DataFile;
use crate::decode::{At, Reader};
use crate::expectation::Expectation;
use crate::language::{FaultText, Law, LimitsText, ScenarioText, SystemText};
use crate::leaf::Name;
use crate::origin::{Origins, Span};
use crate::original::Original;
use crate::suggest;
use knockon_kernel::{Key, Sampler};
use knockon_model::blueprint::{Blueprint, CallPolicy, Limits, Recordings, Site};
use knockon_model::id::{ColumnId, DataId, EndpointId, KeyspaceId, PolicyId, SamplerId, ServiceId, SourceId};
use knockon_model::observing::Observing;
use program::Place;
use std::collections::BTreeMap;

/// What is being compiled, and what is wrong with it.
pub(crate) struct Compiler<'t> {
    pub(crate) system: &'t SystemText,
    pub(crate) reader: &'t mut Reader,
    pub(crate) blueprint: Blueprint,
    pub(crate) services: BTreeMap<&'t str, ServiceId>,
    /// By cache and name.
    pub(crate) keyspaces: BTreeMap<(&'t str, &'t str), KeyspaceId>,
    /// Key spaces of caches within processes, by service, cache and name.
    pub(crate) local_keyspaces: BTreeMap<(&'t str, &'t str, &'t str), KeyspaceId>,
    /// Columns of the keys of key spaces whose keys are recorded.
    recorded_keys: BTreeMap<KeyspaceId, &'t At<String>>,
    /// By source name; surges too.
    pub(crate) sources: BTreeMap<String, SourceId>,
    /// Where the steps of each endpoint went, in the order of the text.
    pub(crate) places: BTreeMap<(ServiceId, u32), Vec<Place>>,
    /// Calls between endpoints, for the search for circles.
    pub(crate) calls: Vec<cycle::Edge>,
    /// Recorded data, by id.
    tables: Vec<data::Table<'t>>,
    /// Columns that were asked for; none where one is wrong.
    columns: BTreeMap<(DataId, usize, data::Cells), Option<ColumnId>>,
    /// Steps that read their request's row.
    readings: Vec<data::Reading>,
    /// Mixes by recorded class so far.
    mixes: u32,
    /// Measured sets by file.
    originals: &'t BTreeMap<String, Original>,
}

/// Compiles a scenario whose `system`, `with`, `--set` and `--without` have been dealt with.
pub(crate) fn compile(
    text: &ScenarioText,
    system: &SystemText,
    (data, origins): (&[DataFile], &Origins),
    originals: &BTreeMap<String, Original>,
    seed: u64,
    reader: &mut Reader,
) -> (Blueprint, Vec<Expectation>, Option<Observing>) {
    let mut compiler = Compiler {
        system,
        reader,
        blueprint: empty(text, seed),
        services: BTreeMap::new(),
        keyspaces: BTreeMap::new(),
        local_keyspaces: BTreeMap::new(),
        recorded_keys: BTreeMap::new(),
        sources: BTreeMap::new(),
        places: BTreeMap::new(),
        calls: Vec::new(),
        tables: Vec::new(),
        columns: BTreeMap::new(),
        readings: Vec::new(),
        mixes: 0,
        originals,
    };
    compiler.tables(data, origins);
    compiler.names(text);
    compiler.keyspaces();
    compiler.components();
    compiler.sources(text);
    compiler.links();
    compiler.cycles();
    compiler.faults(text);
    compiler.rows_reach();
    let expectations = compiler.expectations(&text.expect);
    let observing = text.observer.value.as_ref().map(|observer| compiler.observer(observer));
    (compiler.blueprint, expectations, observing)
}

fn empty(text: &ScenarioText, seed: u64) -> Blueprint {
    Blueprint {
        seed,
        epoch_unix_ns: text.start.0,
        duration: text.duration.0,
        services: Vec::new(),
        links: Vec::new(),
        sources: Vec::new(),
        keyspaces: Vec::new(),
        local_caches: Vec::new(),
        samplers: Vec::new(),
        recordings: Recordings::default(),
        traffic: Vec::new(),
        policies: Vec::new(),
        faults: Vec::new(),
        patches: Vec::new(),
        scrape_interval: text.scrape.0,
        limits: limits(&text.limits),
    }
}

fn limits(text: &LimitsText) -> Limits {
    Limits {
        frames: text.frames.0,
        events_per_instant: text.events_per_instant.value.map_or(0, |count| u64::from(count.0)),
        ..Limits::default()
    }
}

impl<'t> Compiler<'t> {
    pub(crate) fn report(&mut self, span: Span, message: impl Into<String>, hint: Option<String>) {
        self.reader.report(span, message, hint);
    }

    /// Checks the names of all components and numbers the services.
    fn names(&mut self, text: &ScenarioText) {
        let system = self.system;
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        let mut drawn: BTreeMap<String, Span> = BTreeMap::new();
        let services = system.services.iter().map(|(name, entry)| (name, entry.name, "a service", &entry.value.was));
        let databases = system.databases.iter().map(|(name, entry)| (name, entry.name, "a database", &entry.value.was));
        let caches = system.caches.iter().map(|(name, entry)| (name, entry.name, "a cache", &entry.value.was));
        let brokers = system.brokers.iter().map(|(name, entry)| (name, entry.name, "a broker", &entry.value.was));
        let load = system.load.iter().map(|(name, entry)| (name, entry.name, "a load source", &entry.value.was));
        for (name, span, kind, was) in services.chain(databases).chain(caches).chain(brokers).chain(load) {
            if let Some(refusal) = Name::refusal(name) {
                self.report(span, refusal, None);
            }
            if let Some(other) = seen.insert(name, kind) {
                self.report(
                    span,
                    format!("{name:?} is {kind} and {other} at once"),
                    Some("give one of them another name".into()),
                );
            }
            let draws = was.value.as_ref().map_or(name.clone(), |was| was.0.clone());
            if drawn.insert(draws.clone(), span).is_some() && was.is_some() {
                self.report(was.span, format!("the draws of {draws:?} belong to two components"), None);
            }
        }
        for (name, entry) in text.faults.iter() {
            if let Some(refusal) = Name::refusal(name) {
                self.report(entry.name, refusal, None);
            }
            if let FaultText::Surge(surge) = &entry.value {
                let was = &surge.load.was;
                let draws = was.value.as_ref().map_or(surge.source.0.clone(), |was| was.0.clone());
                if drawn.insert(draws.clone(), entry.name).is_some() && was.is_some() {
                    self.report(was.span, format!("the draws of {draws:?} belong to two components"), None);
                }
            }
        }
        let names = system.services.names().chain(system.databases.names()).chain(system.caches.names());
        let names = names.chain(system.brokers.names());
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names.dedup();
        self.services = names.into_iter().enumerate().map(|(n, name)| (name, ServiceId(n as u32))).collect();
        if self.services.is_empty() && !self.unsure() {
            self.report(text.title.span, "a scenario needs at least one service", None);
        }
    }

    /// Compiles services, databases and caches, in name order.
    fn components(&mut self) {
        let system = self.system;
        for name in self.services.keys().copied().collect::<Vec<_>>() {
            let service = if let Some(entry) = system.services.entries.get(name) {
                self.service(name, entry)
            } else if let Some(database) = system.databases.get(name) {
                self.database(name, database)
            } else if let Some(cache) = system.caches.get(name) {
                self.cache(name, cache)
            } else if let Some(broker) = system.brokers.entries.get(name) {
                self.broker(name, broker)
            } else {
                continue;
            };
            self.blueprint.services.push(service);
        }
    }

    /// A service by name; reports what it could not find.
    pub(crate) fn find_service(&mut self, name: &str, span: Span) -> Option<ServiceId> {
        let found = self.services.get(name).copied();
        if found.is_none() && !name.is_empty() && !self.unsure() {
            let hint = suggest::hint(name, self.services.keys().copied());
            self.report(span, format!("there is no service {name:?}"), hint);
        }
        found
    }

    /// Whether so much is wrong that a name that is not found may be right.
    pub(crate) fn unsure(&self) -> bool {
        self.system.is_partial()
    }

    /// The sampler of a law that belongs to no request.
    pub(crate) fn sampler(&mut self, law: &Law, span: Span) -> SamplerId {
        if law.recorded().is_some() {
            let hint = "`Recorded` is for the steps of requests and the demands of queries and commands".to_owned();
            self.report(span, "what is recorded belongs to requests", Some(hint));
        }
        let sampler = law.sampler().or_else(|error| {
            self.report(span, error.to_string(), None);
            Sampler::constant(0.0)
        });
        let id = SamplerId(self.blueprint.samplers.len() as u32);
        self.blueprint.samplers.extend(sampler.ok());
        id
    }

    /// The sampler of a law of a request's step, in the program at `place`.
    pub(crate) fn step_sampler(&mut self, law: &Law, span: Span, place: (ServiceId, EndpointId)) -> SamplerId {
        match law.recorded() {
            Some(recorded) => self.recorded_sampler(recorded, span, place),
            None => self.sampler(law, span),
        }
    }

    pub(crate) fn add_sampler(&mut self, sampler: Sampler) -> SamplerId {
        let id = SamplerId(self.blueprint.samplers.len() as u32);
        self.blueprint.samplers.push(sampler);
        id
    }

    pub(crate) fn policy(&mut self, policy: CallPolicy) -> PolicyId {
        let id = PolicyId(self.blueprint.policies.len() as u32);
        self.blueprint.policies.push(policy);
        id
    }
}

/// The address of a step: a hash of what it is, whom it is about, and how many like it came before.
pub(crate) fn site(kind: &str, target: &str, ordinal: u64) -> Site {
    let bits = Key::new(0).name(kind).name(target).with(ordinal).bits();
    // Both halves take part, so that no bit of the hash is lost.
    Site((bits ^ (bits >> 32)) as u32)
}
