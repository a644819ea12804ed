//! The front of a path: whose field it is, by the names that the system has.

use super::{Component, Lost, Part, link_name, lost};
use crate::decode::Entry;
use crate::language::{LinkText, RuntimeText, SystemText};
use crate::origin::Span;
use crate::suggest;

impl Component {
    pub(super) fn resolve(system: &mut SystemText, name: &str) -> Result<Self, Lost> {
        let owned = name.to_owned();
        if system.services.get(name).is_some() {
            return Ok(Self::Service(owned));
        }
        if system.databases.get(name).is_some() {
            return Ok(Self::Database(owned));
        }
        if system.caches.get(name).is_some() {
            return Ok(Self::Cache(owned));
        }
        if system.brokers.get(name).is_some() {
            return Ok(Self::Broker(owned));
        }
        if system.load.get(name).is_some() {
            return Ok(Self::Load(owned));
        }
        if let Some((from, to)) = link_name(name) {
            return Self::link(system, &from, &to);
        }
        let names = component_names(system);
        lost(format!("there is no component {name:?}"), suggest::hint(name, names.iter().map(String::as_str)))
    }

    /// A link, which the text may leave to the defaults: it is written down now.
    fn link(system: &mut SystemText, from: &str, to: &str) -> Result<Self, Lost> {
        let names = component_names(system);
        for name in [from, to] {
            if !names.iter().any(|known| known == name) {
                return lost(
                    format!("there is no component {name:?}"),
                    suggest::hint(name, names.iter().map(String::as_str)),
                );
            }
        }
        let known = system.links.names().find(|known| link_name(known).is_some_and(|(a, b)| a == from && b == to));
        let name = known.map_or_else(|| format!("{from} -> {to}"), str::to_owned);
        system.links.entries.entry(name.clone()).or_insert_with(|| Entry {
            name: Span::default(),
            value: LinkText::standard(),
            broken: false,
        });
        Ok(Self::Link(name))
    }
}

/// Names of everything that paths begin with.
fn component_names(system: &SystemText) -> Vec<String> {
    let names = system.services.names().chain(system.databases.names()).chain(system.caches.names());
    names.chain(system.brokers.names()).chain(system.load.names()).map(str::to_owned).collect()
}

impl Part {
    pub(super) fn resolve(
        system: &mut SystemText,
        component: &Component,
        name: &str,
        part: Option<&str>,
    ) -> Result<Self, Lost> {
        let Some(part) = part else {
            return Ok(Self::Itself);
        };
        let owned = part.to_owned();
        let mut known: Vec<&str> = Vec::new();
        match component {
            Component::Service(service) => {
                let Some(service) = system.services.get(service) else { return Ok(Self::Itself) };
                let managed = matches!(service.runtime.value, RuntimeText::Jvm(_) | RuntimeText::CPython(_));
                match part {
                    "heap" if managed => return Ok(Self::Heap),
                    "memory" => return Ok(Self::Memory),
                    "queue" => return Ok(Self::Queue),
                    "rate_limit" if service.rate_limit.is_some() => return Ok(Self::RateLimit),
                    "concurrency" if service.concurrency.is_some() => return Ok(Self::Concurrency),
                    "warm_up" if service.warm_up.is_some() => return Ok(Self::WarmUp),
                    "vacation" if service.vacation.is_some() => return Ok(Self::Vacation),
                    "prefork" if service.prefork.is_some() => return Ok(Self::Prefork),
                    _ if service.pools.get(part).is_some() => return Ok(Self::Pool(owned)),
                    _ if service.executors.get(part).is_some() => return Ok(Self::Executor(owned)),
                    _ if service.health.value.as_ref().is_some_and(|health| health.probe(part).is_some()) => {
                        return Ok(Self::Probe(owned));
                    }
                    _ if service.all_endpoints().any(|(name, _)| name == part) => return Ok(Self::Endpoint(owned)),
                    _ if service.caches.get(part).is_some() => return Ok(Self::LocalCache(owned)),
                    _ if service.consumers.get(part).is_some() => return Ok(Self::Consumer(owned)),
                    _ => {}
                }
                if let Some((cache, keys)) = part.split_once('/')
                    && let Some(local) = service.caches.get(cache)
                {
                    if local.keys.get(keys).is_some() {
                        return Ok(Self::LocalKeys(cache.to_owned(), keys.to_owned()));
                    }
                    let hint = suggest::hint(keys, local.keys.names());
                    return lost(format!("the cache {cache:?} of {name:?} has no key space {keys:?}"), hint);
                }
                known.extend(managed.then_some("heap").into_iter().chain(["memory", "queue"]));
                known.extend(service.consumers.names());
                known.extend(service.pools.names().chain(service.executors.names()).chain(service.caches.names()));
                known.extend(service.all_endpoints().map(|(name, _)| name.as_str()));
            }
            Component::Database(database) => {
                let Some(database) = system.databases.get(database) else { return Ok(Self::Itself) };
                match part {
                    "memory" => return Ok(Self::Memory),
                    "disk" if database.disk.is_some() => return Ok(Self::Disk),
                    _ if database.queries.get(part).is_some() => return Ok(Self::Query(owned)),
                    _ => {}
                }
                known.extend(
                    ["memory"]
                        .into_iter()
                        .chain(database.disk.is_some().then_some("disk"))
                        .chain(database.queries.names()),
                );
            }
            Component::Cache(cache) => {
                let Some(cache) = system.caches.get(cache) else { return Ok(Self::Itself) };
                match part {
                    "memory" => return Ok(Self::Memory),
                    "expiry" if cache.expiry.is_some() => return Ok(Self::Expiry),
                    _ if cache.keys.get(part).is_some() => return Ok(Self::Keys(owned)),
                    _ if cache.commands.get(part).is_some() => return Ok(Self::Command(owned)),
                    _ => {}
                }
                known.push("memory");
                known.extend(cache.expiry.is_some().then_some("expiry"));
                known.extend(cache.keys.names().chain(cache.commands.names()));
            }
            Component::Broker(broker) => {
                let Some(broker) = system.brokers.get(broker) else { return Ok(Self::Itself) };
                match part {
                    "memory" => return Ok(Self::Memory),
                    "transport" => return Ok(Self::Transport),
                    _ if broker.queues.get(part).is_some() => return Ok(Self::MessageQueue(owned)),
                    _ => {}
                }
                known.extend(["memory", "transport"].into_iter().chain(broker.queues.names()));
            }
            Component::Load(_) => {
                if part == "backoff" {
                    return Ok(Self::Backoff);
                }
                known.push("backoff");
            }
            Component::Link(link) => {
                let Some(link) = system.links.entries.get_mut(link) else { return Ok(Self::Itself) };
                let guards = link.value.guards();
                if guards.contains(&part) {
                    return Ok(Self::Guard(owned));
                }
                known.extend(guards);
            }
        }
        lost(format!("{name:?} has no part {part:?}"), suggest::hint(part, known))
    }
}
