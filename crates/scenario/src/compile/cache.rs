//! Caches: servers, caches within the processes of services, and the key spaces that both hold.

use super::data::Cells;
use super::service::{draw_name, memory, restart};
use super::{Compiler, site};
use crate::decode::{At, Entry, Map};
use crate::language::{
    CacheText, CommandText, EvictionText, ExpiryText, KeysText, Law, LocalCacheText, PopularityText, PreloadText,
};
use crate::leaf::Name;
use crate::suggest;
use knockon_kernel::{Duration, Sampler};
use knockon_model::blueprint::{
    Admission, Cores, CpuDiscipline, Endpoint, Eviction, Expiry, Keyspace, LocalCache, Operation, Redis, Runtime,
    Service, Step,
};
use knockon_model::id::{EndpointId, KeyspaceId, LocalCacheId, ServiceId};

/// Keys of a key space at most: a cache holds real entries.
const MAXIMUM_KEYS: u32 = 10_000_000;
/// Caches within one process at most.
const MAXIMUM_LOCAL_CACHES: usize = 256;

/// Commands that every cache has: FLUSHALL, GET, SET. Its own follow.
pub(super) const COMMANDS: u32 = 3;

/// A key space and who holds it.
struct Held<'t> {
    name: &'t str,
    entry: &'t Entry<KeysText>,
    /// Name of the cache.
    cache: &'t str,
    /// Name of the service in whose processes the cache lies.
    within: Option<&'t str>,
    /// The name of cache and service that addresses draws.
    draws: String,
    holder: ServiceId,
    local: Option<LocalCacheId>,
}

impl<'t> Compiler<'t> {
    pub(super) fn cache(&mut self, name: &str, text: &CacheText) -> Service {
        let id = self.services[name];
        let mut endpoints = vec![
            self.command("FLUSHALL", &text.flush, Step::Flush, (id, EndpointId(0))),
            self.command("GET", &text.get, Step::Lookup, (id, EndpointId(1))),
            self.command("SET", &text.set, Step::Store, (id, EndpointId(2))),
        ];
        endpoints.extend(self.own_commands(text, id));
        let redis = Redis {
            maxmemory: text.maxmemory.value.map(|bytes| bytes.0),
            maxkeys: text.maxkeys.value.map(|count| u64::from(count.0)),
            eviction: eviction(&text.eviction),
            samples: text.samples.0,
            lfu_log_factor: text.lfu_log_factor.0,
            lfu_decay_minutes: text.lfu_decay_minutes.0,
            entry_overhead: text.entry_overhead.0,
            slow_log: text.slow_log.value.map(|period| period.0).or(Redis::default().slow_log),
            maxclients: text.maxclients.value.map(|count| count.0),
            expiry: text.expiry.value.as_ref().map(|expiry| self.expiry(expiry)),
        };
        Service {
            name: name.to_owned(),
            draw_name: draw_name(name, &text.was),
            runtime: Runtime::Redis(redis),
            replicas: 1,
            workers: Some(1),
            places: text.places.0,
            cores: Cores::Milli(1000),
            discipline: CpuDiscipline::FirstCome,
            memory: memory(&text.memory),
            start_up: self.sampler(&text.start_up, text.start_up.span),
            warm_up: None,
            certificate: None,
            vacation: None,
            health: None,
            restart: restart(&text.restart),
            quota: None,
            contention: None,
            prefork: None,
            executors: Vec::new(),
            stop_grace: knockon_kernel::Duration::ZERO,
            cancels_abandoned: false,
            storage: None,
            admission: Admission::default(),
            endpoints,
            pools: Vec::new(),
            consumers: Vec::new(),
        }
    }

    fn expiry(&mut self, text: &ExpiryText) -> Expiry {
        for (count, name, most) in [(&text.hz, "hz", 500), (&text.effort, "active-expire-effort", 10)] {
            if count.0 > most {
                self.report(count.span, format!("{name} is {most} at most"), None);
            }
        }
        Expiry { hz: text.hz.0, effort: text.effort.0, look: text.look.0, delete: text.delete.0 }
    }

    fn command(&mut self, command: &str, demand: &At<Law>, effect: Step, place: (ServiceId, EndpointId)) -> Endpoint {
        let demand = self.step_sampler(demand, demand.span, place);
        Endpoint {
            name: command.to_owned(),
            operation: Operation::Cache { command: command.to_owned() },
            program: vec![Step::Compute { site: site("compute", "", 0), demand }, effect],
            choices: Vec::new(),
            messages: Vec::new(),
        }
    }

    /// The commands that a cache has beside [`COMMANDS`], in the order of their names.
    fn own_commands(&mut self, text: &CacheText, id: ServiceId) -> Vec<Endpoint> {
        let mut endpoints = Vec::new();
        for (name, entry) in text.commands.iter() {
            if let Some(refusal) = Name::refusal(name) {
                self.report(entry.name, refusal, None);
            } else if text.keys.get(name).is_some() {
                let hint = "a path could mean either".into();
                self.report(entry.name, format!("there is a key space {name:?} already"), Some(hint));
            }
            let CommandText { name: command, demand } = &entry.value;
            if !command.broken
                && (command.is_empty()
                    || !command.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_' || c == '.'))
            {
                let hint = "in capitals, as the server's documentation has it: \"KEYS\"".into();
                self.report(command.span, format!("{:?} is not a command", command.value), Some(hint));
            }
            let place = (id, EndpointId(COMMANDS + endpoints.len() as u32));
            let demand = self.step_sampler(demand, demand.span, place);
            endpoints.push(Endpoint {
                // Several may run the same command; who is blamed for holding the thread is to be told by both.
                name: format!("{} {name}", command.value),
                operation: Operation::Cache { command: command.value.clone() },
                program: vec![Step::Compute { site: site("compute", "", 0), demand }],
                choices: Vec::new(),
                messages: Vec::new(),
            });
        }
        endpoints
    }

    /// A cache's command as a step names it: "redis/report".
    pub(super) fn find_command(&mut self, named: &At<String>) -> Option<(ServiceId, EndpointId)> {
        if named.broken {
            return None;
        }
        let Some((cache, command)) = named.split_once('/') else {
            let hint = "cache and command: \"redis/report\"".into();
            self.report(named.span, format!("{:?} names no command of a cache", named.value), Some(hint));
            return None;
        };
        let service = self.find_service(cache, named.span)?;
        let Some(text) = self.system.caches.get(cache) else {
            self.report(named.span, format!("{cache:?} is not a cache"), None);
            return None;
        };
        let found = text.commands.names().position(|name| name == command);
        if found.is_none() && !text.commands.partial {
            let hint = suggest::hint(command, text.commands.names());
            self.report(named.span, format!("{cache:?} has no command {command:?}"), hint);
        }
        found.map(|n| (service, EndpointId(COMMANDS + n as u32)))
    }

    /// Caches within processes, by service, then by name; then the key spaces of all caches, by name, cache and service.
    pub(super) fn keyspaces(&mut self) {
        let system = self.system;
        let mut all: Vec<Held<'t>> = Vec::new();
        for (cache, entry) in system.caches.iter() {
            let holder = self.services.get(cache.as_str()).copied().unwrap_or_default();
            let draws = draw_name(cache, &entry.value.was);
            held(&mut all, &entry.value.keys, |name, entry| Held {
                name,
                entry,
                cache,
                within: None,
                draws: draws.clone(),
                holder,
                local: None,
            });
        }
        for (service, entry) in system.services.iter() {
            let holder = self.services.get(service.as_str()).copied().unwrap_or_default();
            let owner = draw_name(service, &entry.value.was);
            for (cache, entry) in entry.value.caches.iter() {
                let id = self.local_cache(holder, cache, entry);
                let draws = format!("{owner}/{cache}");
                held(&mut all, &entry.value.keys, |name, entry| Held {
                    name,
                    entry,
                    cache,
                    within: Some(service),
                    draws: draws.clone(),
                    holder,
                    local: Some(id),
                });
            }
            if entry.value.caches.entries.len() > MAXIMUM_LOCAL_CACHES {
                self.report(entry.name, format!("at most {MAXIMUM_LOCAL_CACHES} caches within a process"), None);
            }
        }
        all.sort_by_key(|held| (held.name, held.cache, held.within));
        for (n, held) in all.iter().enumerate() {
            let id = KeyspaceId(n as u32);
            match held.within {
                None => self.keyspaces.insert((held.cache, held.name), id),
                Some(service) => self.local_keyspaces.insert((service, held.cache, held.name), id),
            };
            let keyspace = self.keyspace(held);
            self.blueprint.keyspaces.push(keyspace);
            if let PopularityText::Recorded(recorded) = &held.entry.value.popularity.value {
                self.recorded_keys.insert(id, &recorded.column);
            }
        }
        for (n, held) in all.iter().enumerate() {
            self.share_keys(n, held);
        }
    }

    fn local_cache(&mut self, service: ServiceId, name: &str, entry: &Entry<LocalCacheText>) -> LocalCacheId {
        if let Some(refusal) = Name::refusal(name) {
            self.report(entry.name, refusal, None);
        }
        let text = &entry.value;
        self.blueprint.local_caches.push(LocalCache {
            service,
            name: name.to_owned(),
            maximum_entries: text.maximum_entries.value.map(|count| u64::from(count.0)),
            maximum_bytes: text.maximum_bytes.value.map(|bytes| bytes.0),
            eviction: eviction(&text.eviction),
            entry_overhead: text.entry_overhead.0,
        });
        LocalCacheId(self.blueprint.local_caches.len() as u32 - 1)
    }

    fn keyspace(&mut self, held: &Held<'t>) -> Keyspace {
        if let Some(refusal) = Name::refusal(held.name) {
            self.report(held.entry.name, refusal, None);
        }
        let keys = &held.entry.value;
        if keys.count.0 > MAXIMUM_KEYS {
            self.report(keys.count.span, format!("at most {MAXIMUM_KEYS} keys: a cache holds real entries"), None);
        }
        let count = keys.count.0.min(MAXIMUM_KEYS);
        self.check_ages(keys);
        let popularity = match &keys.popularity.value {
            PopularityText::Uniform => Sampler::uniform(0.0, f64::from(count)),
            PopularityText::Zipf(zipf) => Sampler::zipf(count, zipf.exponent.0),
            // Nothing is drawn; formulas take what was recorded.
            PopularityText::Recorded(_) => Sampler::uniform(0.0, f64::from(count)),
        };
        let popularity = popularity.or_else(|error| {
            self.report(keys.popularity.span, error.to_string(), None);
            Sampler::constant(0.0)
        });
        Keyspace {
            name: held.name.to_owned(),
            draw_name: format!("{}/{}", held.draws, draw_name(held.name, &keys.was)),
            cache: held.holder,
            local: held.local,
            keys: count,
            popularity: popularity.map(|sampler| self.add_sampler(sampler)).unwrap_or_default(),
            recorded: None,
            ttl: keys.ttl.value.map(|period| period.0),
            expire_at: keys.expire_at.value.map(|period| period.0),
            renewed: keys.renewed.value,
            fresh: keys.fresh.value.map(|period| period.0),
            value_bytes: keys.value.0,
            warm: keys.warm.value,
            expiries: match &keys.preload.value {
                Some(preload) => self.preload(preload, count),
                None => keys.expiries.iter().map(|at| at.value).collect(),
            },
        }
    }

    /// Recorded expiries by key; zero for a key that is not there.
    fn preload(&mut self, text: &PreloadText, count: u32) -> Vec<Duration> {
        let Some(data) = self.find_table(&text.data) else { return Vec::new() };
        let Some(expires) = self.column(data, &text.expires, Cells::Times) else { return Vec::new() };
        let keys = match &text.key.value {
            Some(name) => {
                let name = At { value: name.clone(), span: text.key.span, broken: text.key.broken };
                let Some(keys) = self.column(data, &name, Cells::Numbers) else { return Vec::new() };
                Some(keys)
            }
            None => None,
        };
        let columns = &self.blueprint.recordings.columns;
        let key_of = |row: usize| keys.map_or(row as u64, |keys| columns[keys.index()].values[row]);
        let mut expiries = vec![Duration::ZERO; count as usize];
        for (row, &nanos) in columns[expires.index()].values.iter().enumerate() {
            let key = key_of(row);
            let Some(expiry) = usize::try_from(key).ok().and_then(|key| expiries.get_mut(key)) else {
                let message = format!("row {} is about key {key}, and there are {count}", row + 1);
                self.report(text.data.span, message, Some("keys are numbered from 0".into()));
                return Vec::new();
            };
            *expiry = Duration::from_nanos(nanos);
        }
        expiries
    }

    /// Times that make no sense together.
    fn check_ages(&mut self, keys: &KeysText) {
        let ttl = keys.ttl.value.map(|period| period.0);
        if keys.expire_at.value.is_some_and(|grid| grid.0.is_zero()) {
            let hint = "the distance of the instants at which keys expire: \"1h\"".into();
            self.report(keys.expire_at.span, "keys cannot expire at every instant", Some(hint));
        }
        if keys.renewed.value && ttl.is_none() && !keys.ttl.broken {
            let hint = "give it a `ttl`, or leave `renewed` out".into();
            self.report(keys.renewed.span, "reads renew a time to live that there is not", Some(hint));
        }
        if let (Some(fresh), Some(ttl)) = (keys.fresh.value, ttl)
            && fresh.0 >= ttl
        {
            let hint = "a value is stale from `fresh` to the end of its `ttl`".into();
            self.report(keys.fresh.span, "values expire before they are stale", Some(hint));
        }
        let preloads = keys.preload.value.is_some();
        for (span, twice) in [
            (keys.expiries.span, keys.warm.value && !keys.expiries.is_empty()),
            (keys.preload.span, preloads && (keys.warm.value || !keys.expiries.is_empty())),
        ] {
            if twice {
                let hint = "`warm` spreads the ages of all keys evenly, `expiries` and `preload` say them".into();
                self.report(span, "keys are there at the start in one way only", Some(hint));
            }
        }
        if keys.expiries.len() > keys.count.0 as usize && !keys.count.broken {
            let message = format!("{} expiries of {} keys", keys.expiries.len(), keys.count.0);
            self.report(keys.expiries.span, message, None);
        }
    }

    /// Makes a key space draw the keys of another one.
    fn share_keys(&mut self, n: usize, held: &Held<'t>) {
        let Some(other) = &held.entry.value.same_as.value else { return };
        let span = held.entry.value.same_as.span;
        let found = other.split_once('/').and_then(|(cache, name)| self.keyspaces.get(&(cache, name)));
        let Some(&found) = found else {
            let names: Vec<String> = self.keyspaces.keys().map(|(cache, name)| format!("{cache}/{name}")).collect();
            let hint = suggest::hint(other, names.iter().map(String::as_str));
            self.report(span, format!("there is no key space {other:?} of a cache"), hint);
            return;
        };
        let (keys, popularity, draw_name) = {
            let shared = &self.blueprint[found];
            (shared.keys, shared.popularity, shared.draw_name.clone())
        };
        let own = &mut self.blueprint.keyspaces[n];
        let differs = own.keys != keys;
        if let Some(&column) = self.recorded_keys.get(&found) {
            self.recorded_keys.insert(KeyspaceId(n as u32), column);
        }
        (own.popularity, own.draw_name) = (popularity, draw_name);
        if differs {
            let message = format!("{other:?} has {keys} keys, and this key space another number");
            self.report(held.entry.value.count.span, message, None);
        }
    }

    /// A step reads a key space: where its keys are recorded, every request that comes there must have one.
    pub(super) fn read_keys(&mut self, keyspace: KeyspaceId, place: (ServiceId, EndpointId)) {
        let Some(column) = self.recorded_keys.get(&keyspace).copied() else { return };
        let field = self.recorded_number(column, place);
        let keyspace = &mut self.blueprint.keyspaces[keyspace.index()];
        keyspace.recorded = Some(field);
        let keys = keyspace.keys;
        let recordings = &self.blueprint.recordings;
        let columns = recordings.fields[field.index()].columns.iter().flatten();
        let beyond = columns.flat_map(|column| recordings.columns[column.index()].values.iter().enumerate());
        if let Some((row, key)) = beyond.into_iter().find(|(_, key)| **key >= u64::from(keys)) {
            let message = format!("row {} of {:?} asks for key {key}, and there are {keys}", row + 1, column.value);
            self.report(
                column.span,
                message,
                Some("keys are numbered from 0; `count` is one more than the last".into()),
            );
        }
    }

    /// A key space that a service's step means: `name`, or "cache/name" where several caches have one of that name.
    pub(super) fn find_keys<'k>(&mut self, service: &str, keys: &'k At<String>) -> Option<(KeyspaceId, &'k str)> {
        self.find_keys_of(&[service], keys)
    }

    /// A key space of a cache server, or of a cache within the processes of one of these services: `name`, "cache/name", or
    /// "service/cache/name".
    pub(super) fn find_keys_of<'k>(
        &mut self,
        services: &[&str],
        keys: &'k At<String>,
    ) -> Option<(KeyspaceId, &'k str)> {
        if keys.broken || self.system.caches.partial {
            return None;
        }
        let mut parts = keys.rsplitn(3, '/');
        let (name, cache, service) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
        let fits = |c: &str, n: &str| n == name && cache.is_none_or(|cache| cache == c);
        let within = |s: &str, c: &str, n: &str| fits(c, n) && service.is_none_or(|service| service == s);
        let servers = self.keyspaces.iter().filter(|((c, n), _)| service.is_none() && fits(c, n)).map(|(_, &id)| id);
        let locals = self.local_keyspaces.iter().filter(|((s, c, n), _)| services.contains(s) && within(s, c, n));
        let own = locals.map(|(_, &id)| id);
        let mut found = servers.chain(own);
        match (found.next(), found.next()) {
            (Some(id), None) => Some((id, keys.as_str())),
            (Some(_), Some(_)) => {
                self.report(
                    keys.span,
                    format!("several caches have a key space {name:?}"),
                    Some("name one as \"cache/name\"".into()),
                );
                None
            }
            (None, _) => {
                let elsewhere = self.local_keyspaces.keys().find(|(s, c, n)| within(s, c, n));
                if let Some(&(s, c, n)) = elsewhere {
                    let message = format!("the key space \"{s}/{c}/{n}\" lies within the processes of {s:?} only");
                    let others = self.keyspaces.keys().map(|(cache, name)| format!("{cache}/{name}"));
                    let own = self.local_keyspaces.keys().filter(|(s, ..)| services.contains(s));
                    let known: Vec<_> = others.chain(own.map(|(_, cache, name)| format!("{cache}/{name}"))).collect();
                    let hint = (!known.is_empty()).then(|| format!("known here: {}", known.join(", ")));
                    self.report(keys.span, message, hint);
                    return None;
                }
                let own = self.local_keyspaces.keys().filter(|(s, ..)| services.contains(s)).map(|(.., name)| *name);
                let names: Vec<&str> = self.keyspaces.keys().map(|(_, name)| *name).chain(own).collect();
                let hint = suggest::hint(name, names);
                self.report(keys.span, format!("no cache has a key space {:?}", keys.value), hint);
                None
            }
        }
    }
}

fn held<'t>(all: &mut Vec<Held<'t>>, keys: &'t Map<KeysText>, of: impl Fn(&'t str, &'t Entry<KeysText>) -> Held<'t>) {
    all.extend(keys.iter().map(|(name, entry)| of(name, entry)));
}

fn eviction(text: &EvictionText) -> Eviction {
    match text {
        EvictionText::NoEviction => Eviction::NoEviction,
        EvictionText::AllKeysLru => Eviction::AllKeysLru,
        EvictionText::AllKeysLfu => Eviction::AllKeysLfu,
        EvictionText::AllKeysRandom => Eviction::AllKeysRandom,
        EvictionText::VolatileLru => Eviction::VolatileLru,
        EvictionText::VolatileLfu => Eviction::VolatileLfu,
        EvictionText::VolatileRandom => Eviction::VolatileRandom,
        EvictionText::VolatileTtl => Eviction::VolatileTtl,
        EvictionText::Lru => Eviction::Lru,
        EvictionText::Lfu => Eviction::Lfu,
    }
}
