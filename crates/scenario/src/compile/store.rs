//! Databases and caches: services with programs that everyone knows.

use super::service::{draw_name, memory, restart};
use super::{Compiler, MAXIMUM_KEYS, site};
use crate::decode::{At, Entry};
use crate::language::{CacheText, DatabaseText, EvictionText, KeysText, Law, PopularityText};
use crate::leaf::Name;
use knockon_kernel::Sampler;
use knockon_model::blueprint::{
    Admission, Cores, CpuDiscipline, Endpoint, Eviction, Keyspace, Operation, Postgres, Redis, Runtime, Service, Step,
};
use knockon_model::id::{EndpointId, KeyspaceId, ServiceId};

impl<'t> Compiler<'t> {
    pub(super) fn database(&mut self, name: &str, text: &DatabaseText) -> Service {
        if text.reserved.0 >= text.max_connections.0 {
            self.report(text.reserved.span, "every connection slot is reserved: nobody could connect", None);
        }
        let id = self.services[name];
        let mut endpoints = vec![
            self.statement("COMMIT", "COMMIT", "", "COMMIT", (&text.commit, (id, EndpointId(0)))),
            self.statement("ROLLBACK", "ROLLBACK", "", "ROLLBACK", (&text.rollback, (id, EndpointId(1)))),
        ];
        for (n, (name, entry)) in text.queries.iter().enumerate() {
            if let Some(refusal) = Name::refusal(name) {
                self.report(entry.name, refusal, None);
            }
            let query = &entry.value;
            let statement = query.text.value.clone().unwrap_or_else(|| standard_text(&query.operation, &query.table));
            let place = (id, EndpointId(n as u32 + 2));
            endpoints.push(self.statement(name, &query.operation, &query.table, &statement, (&query.demand, place)));
        }
        let postgres = Postgres {
            max_connections: text.max_connections.0,
            reserved: text.reserved.0,
            slow_query: text.slow_query.value.map(|period| period.0),
            connect: self.sampler(&text.connect, text.connect.span),
        };
        Service {
            name: name.to_owned(),
            draw_name: draw_name(name, &text.was),
            runtime: Runtime::Postgres(postgres),
            replicas: 1,
            workers: text.workers.0,
            places: None,
            cores: text.cores.0.map_or(Cores::Unlimited, Cores::Milli),
            discipline: CpuDiscipline::Shared,
            memory: memory(&text.memory),
            start_up: self.sampler(&text.start_up, text.start_up.span),
            warm_up: None,
            restart: restart(&text.restart),
            stop_grace: knockon_kernel::Duration::ZERO,
            cancels_abandoned: false,
            admission: Admission::default(),
            endpoints,
            pools: Vec::new(),
        }
    }

    fn statement(
        &mut self,
        name: &str,
        operation: &str,
        table: &str,
        text: &str,
        (demand, place): (&At<Law>, (ServiceId, EndpointId)),
    ) -> Endpoint {
        let operation = Operation::Sql { operation: operation.into(), table: table.into(), text: text.into() };
        let demand = self.step_sampler(demand, demand.span, place);
        let program = vec![Step::Compute { site: site("compute", "", 0), demand }];
        Endpoint { name: name.to_owned(), operation, program, choices: Vec::new(), messages: Vec::new() }
    }

    pub(super) fn cache(&mut self, name: &str, text: &CacheText) -> Service {
        let id = self.services[name];
        let endpoints = vec![
            self.command("FLUSHALL", &text.flush, Step::Flush, (id, EndpointId(0))),
            self.command("GET", &text.get, Step::Lookup, (id, EndpointId(1))),
            self.command("SET", &text.set, Step::Store, (id, EndpointId(2))),
        ];
        let redis = Redis {
            maxmemory: text.maxmemory.value.map(|bytes| bytes.0),
            eviction: match text.eviction.value {
                EvictionText::NoEviction => Eviction::NoEviction,
                EvictionText::AllKeysLru => Eviction::AllKeysLru,
                EvictionText::AllKeysRandom => Eviction::AllKeysRandom,
            },
            entry_overhead: text.entry_overhead.0,
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
            restart: restart(&text.restart),
            stop_grace: knockon_kernel::Duration::ZERO,
            cancels_abandoned: false,
            admission: Admission::default(),
            endpoints,
            pools: Vec::new(),
        }
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

    /// Key spaces of all caches, in order of name, then of cache.
    pub(super) fn keyspaces(&mut self) {
        let system = self.system;
        let mut all: Vec<(&'t str, &'t str, &'t CacheText, &'t Entry<KeysText>)> = system
            .caches
            .iter()
            .flat_map(|(cache, text)| {
                let keys = text.value.keys.iter();
                keys.map(move |(name, entry)| (name.as_str(), cache.as_str(), &text.value, entry))
            })
            .collect();
        all.sort_unstable_by_key(|&(name, cache, ..)| (name, cache));
        for (n, (name, cache, text, entry)) in all.into_iter().enumerate() {
            if let Some(refusal) = Name::refusal(name) {
                self.report(entry.name, refusal, None);
            }
            let keys = &entry.value;
            if keys.count.0 > MAXIMUM_KEYS {
                self.report(keys.count.span, format!("at most {MAXIMUM_KEYS} keys: a cache holds real entries"), None);
            }
            let count = keys.count.0.min(MAXIMUM_KEYS);
            let popularity = match &keys.popularity.value {
                PopularityText::Uniform => Sampler::uniform(0.0, f64::from(count)),
                PopularityText::Zipf(zipf) => Sampler::zipf(count, zipf.exponent.0),
            };
            let popularity = popularity.or_else(|error| {
                self.report(keys.popularity.span, error.to_string(), None);
                Sampler::constant(0.0)
            });
            let popularity = popularity.map(|sampler| self.add_sampler(sampler)).unwrap_or_default();
            self.keyspaces.insert((cache, name), KeyspaceId(n as u32));
            self.blueprint.keyspaces.push(Keyspace {
                name: name.to_owned(),
                draw_name: format!("{}/{}", draw_name(cache, &text.was), draw_name(name, &keys.was)),
                cache: self.services.get(cache).copied().unwrap_or_default(),
                keys: count,
                popularity,
                ttl: keys.ttl.value.map(|period| period.0),
                value_bytes: keys.value.0,
                warm: keys.warm.value,
            });
        }
    }
}

fn standard_text(operation: &str, table: &str) -> String {
    match operation {
        "INSERT" => format!("INSERT INTO {table} VALUES ($1)"),
        "UPDATE" => format!("UPDATE {table} SET value = $2 WHERE id = $1"),
        "DELETE" => format!("DELETE FROM {table} WHERE id = $1"),
        "SELECT" => format!("SELECT * FROM {table} WHERE id = $1"),
        other => format!("{other} {table}").trim_end().to_owned(),
    }
}
