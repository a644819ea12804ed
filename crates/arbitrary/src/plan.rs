//! The skeleton of a world: which components there are and what they are called. Made before anything is written, so that what is
//! written can refer to all of it.

use crate::choices::Choices;

/// Names of everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) services: Vec<Service>,
    pub(crate) databases: Vec<Database>,
    pub(crate) caches: Vec<Cache>,
    pub(crate) brokers: Vec<Broker>,
    pub(crate) sources: Vec<String>,
}

/// An application.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    /// Pools, and the database of each.
    pub(crate) pools: Vec<(String, usize)>,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) runtime: Runtime,
    /// Caches within its processes.
    pub(crate) caches: Vec<Cache>,
    pub(crate) consumers: Vec<Consumer>,
}

/// A consumer of a queue.
#[derive(Clone, Debug)]
pub(crate) struct Consumer {
    pub(crate) name: String,
    pub(crate) broker: usize,
    pub(crate) queue: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Broker {
    pub(crate) name: String,
    pub(crate) redis: bool,
    pub(crate) queues: Vec<String>,
}

/// What a service runs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Runtime {
    Native,
    Node,
    Jvm,
    CPython,
}

impl Runtime {
    pub(crate) fn is_managed(self) -> bool {
        matches!(self, Self::Jvm | Self::CPython)
    }
}

/// An endpoint. It calls only endpoints of higher levels: services may call each other in circles, endpoints never do.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) name: String,
    pub(crate) level: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Database {
    pub(crate) name: String,
    pub(crate) queries: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Cache {
    pub(crate) name: String,
    pub(crate) keys: Vec<Keys>,
    /// Commands of a server beside those that every one has.
    pub(crate) commands: Vec<String>,
}

/// A key space.
#[derive(Clone, Default, Debug)]
pub(crate) struct Keys {
    pub(crate) name: String,
    pub(crate) count: usize,
    /// Whether its values get stale, so that they are loaded by tasks of their own.
    pub(crate) fresh: bool,
}

impl Cache {
    /// Key spaces have names of their own, so that a name alone says which is meant.
    fn new(name: String, choices: &mut Choices<'_>) -> Self {
        let keys = names(&format!("{name}-keys"), 1 + choices.below(2)).into_iter();
        let keys = keys.map(|name| Keys { name, count: choices.pick(&[10, 1, 100, 3000]), fresh: choices.chance(64) });
        let keys = keys.collect();
        Self { name, keys, commands: Vec::new() }
    }
}

/// Levels of endpoints: calls go at most so deep, less one.
const LEVELS: usize = 4;

fn names(what: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{what}-{n}")).collect()
}

impl Plan {
    pub(crate) fn new(choices: &mut Choices<'_>) -> Self {
        let databases = names("store", choices.below(3));
        let databases: Vec<_> = databases
            .into_iter()
            .map(|name| Database { name, queries: names("query", 1 + choices.below(3)) })
            .collect();
        let caches = names("cache", choices.below(3)).into_iter();
        let caches = caches.map(|name| {
            let cache = Cache::new(name, choices);
            Cache { commands: names("command", choices.below(3)), ..cache }
        });
        let caches = caches.collect();
        let brokers = names("broker", choices.pick(&[0, 0, 1, 2])).into_iter();
        let brokers: Vec<_> = brokers
            .map(|name| {
                let redis = choices.chance(100);
                Broker { name, redis, queues: names("queue", 1 + choices.below(3)) }
            })
            .collect();
        let services = names("app", 1 + choices.below(4)).into_iter();
        let services = services.map(|name| Service::new(name, databases.len(), &brokers, choices)).collect();
        Self { services, databases, caches, brokers, sources: names("clients", 1 + choices.below(3)) }
    }

    /// Endpoints that one of `level` may call, as service and endpoint.
    pub(crate) fn callable(&self, level: usize) -> Vec<(usize, usize)> {
        let all = self.services.iter().enumerate().flat_map(|(service, described)| {
            described.endpoints.iter().enumerate().map(move |(endpoint, e)| (service, endpoint, e.level))
        });
        all.filter(|&(.., other)| other > level).map(|(service, endpoint, _)| (service, endpoint)).collect()
    }
}

impl Service {
    fn new(name: String, databases: usize, brokers: &[Broker], choices: &mut Choices<'_>) -> Self {
        let pools = if databases == 0 { 0 } else { choices.below(3) };
        let pools = names("pool", pools).into_iter().map(|name| (name, choices.below(databases))).collect();
        let endpoints = (0..1 + choices.below(3))
            .map(|n| {
                let method = choices.pick(&["GET", "POST"]);
                Endpoint { name: format!("{method} /{n}"), level: choices.below(LEVELS) }
            })
            .collect();
        let runtime = choices.pick(&[Runtime::Native, Runtime::Jvm, Runtime::CPython, Runtime::Node, Runtime::Jvm]);
        let caches = if choices.chance(64) { 1 + choices.below(2) } else { 0 };
        let caches = names("local", caches).into_iter().map(|name| Cache::new(name, choices)).collect();
        let consumers = if brokers.is_empty() { 0 } else { choices.below(3) };
        let consumers = names("task", consumers).into_iter();
        let consumers = consumers.map(|name| {
            let broker = choices.below(brokers.len());
            Consumer { name, broker, queue: choices.below(brokers[broker].queues.len()) }
        });
        let consumers = consumers.collect();
        Self { name, pools, endpoints, runtime, caches, consumers }
    }
}
