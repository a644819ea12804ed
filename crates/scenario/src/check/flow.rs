//! How often everything happens and how long it takes when nothing is wrong: rates along the calls, hit ratios, demands,
//! holding times of connections, response times.
//!
//! Means only. Each service is taken as M/M/c by its cores and as M/M/c by its workers, links as their mean latency; no
//! retries, no pauses. Users of closed sources send no more than asymptotic analysis allows (Denning and Buzen, "The Operational Analysis of
//! Queueing Network Models", 1978, section 9): N/(Z + D), and what the busiest station can do; and where only they come, no more wait than there are. Good enough to see whether a healthy state exists, which is all that is asked of it.

use super::formula::{
    contended, lfu_hits, lru_hits, mean_wait, popularity, random_hits, renewed_hits, stale_hits, ttl_hits,
};
use knockon_kernel::Duration;
use knockon_kernel::sampler::Law;
use knockon_model::blueprint::{
    Arrivals, Blueprint, Cores, Endpoint, Eviction, Join, Keyspace, LinkEnd, Runtime, Service, Source, Step,
};
use knockon_model::cpu::Contention;
use knockon_model::id::{EndpointId, KeyspaceId, PoolId, SamplerId, ServiceId, SourceId};
use knockon_model::lock::LockMode;
use std::collections::BTreeMap;
use std::ops::Range;

/// An endpoint by service and position.
type Place = (usize, usize);

/// The flow through a blueprint.
pub(crate) struct Flow<'b> {
    blueprint: &'b Blueprint,
    /// Requests a second, by service and endpoint, over all replicas.
    pub(crate) rates: Vec<Vec<f64>>,
    /// Hit ratio by key space.
    pub(crate) hits: Vec<f64>,
    /// Reads a second by key space.
    pub(crate) reads: Vec<f64>,
    /// Mean response time in seconds, by service and endpoint, without the network before it.
    pub(crate) responses: Vec<Vec<f64>>,
    /// The same as each source sees it when nobody else is there.
    pub(crate) unloaded: Vec<f64>,
    /// The same by service and endpoint.
    idle: Vec<Vec<f64>>,
    /// What part of N/(Z + D) the users of each closed source send: the rest their busiest station cannot do.
    closed: Vec<f64>,
}

/// What one execution of a program needs, in seconds.
#[derive(Clone, Default, Debug)]
pub(crate) struct Need {
    /// Demand on the processor.
    pub(crate) compute: f64,
    /// Everything, from start to answer.
    pub(crate) total: f64,
    /// Time that a connection is held, by pool.
    pub(crate) held: BTreeMap<u32, f64>,
    /// Time that threads are busy with its tasks, by executor.
    pub(crate) threads: BTreeMap<u32, f64>,
    /// Time that one task takes, by the position of its step.
    pub(crate) tasks: BTreeMap<usize, f64>,
    /// Time that rows are locked, by database and table.
    pub(crate) locked: BTreeMap<(usize, u32), f64>,
}

/// Enough rounds for hit ratios that depend on rates that depend on hit ratios.
const ROUNDS: usize = 6;

impl<'b> Flow<'b> {
    pub(crate) fn new(blueprint: &'b Blueprint) -> Self {
        let shape = |fill: f64| blueprint.services.iter().map(|service| vec![fill; service.endpoints.len()]).collect();
        let mut flow = Self {
            blueprint,
            rates: shape(0.0),
            hits: vec![0.0; blueprint.keyspaces.len()],
            reads: vec![0.0; blueprint.keyspaces.len()],
            responses: shape(0.0),
            unloaded: vec![0.0; blueprint.sources.len()],
            idle: Vec::new(),
            closed: vec![1.0; blueprint.sources.len()],
        };
        // Nothing flows yet: these are the times of a system that has nothing else to do.
        flow.respond();
        flow.unloaded = (0..blueprint.sources.len()).map(|n| flow.response(n)).collect();
        flow.idle = flow.responses.clone();
        for _ in 0..ROUNDS {
            flow.spread_what_can_be_done();
            flow.hits = (0..blueprint.keyspaces.len()).map(|n| flow.hit_ratio(n)).collect();
        }
        flow.spread_what_can_be_done();
        flow.respond();
        flow
    }

    /// The same with caches that hold nothing.
    pub(crate) fn cold(blueprint: &'b Blueprint) -> Self {
        let mut flow = Self::new(blueprint);
        flow.hits.fill(0.0);
        flow.spread_what_can_be_done();
        flow.respond();
        flow
    }

    /// Endpoints so that callers come before those they call.
    fn order(&self) -> Vec<Place> {
        let mut order = Vec::new();
        let mut seen: Vec<Vec<bool>> = self.rates.iter().map(|rates| vec![false; rates.len()]).collect();
        for service in 0..self.rates.len() {
            for endpoint in 0..self.rates[service].len() {
                self.visit((service, endpoint), &mut seen, &mut order);
            }
        }
        order.reverse();
        order
    }

    /// Depth first along synchronous calls, which never go in a circle.
    fn visit(&self, place: Place, seen: &mut [Vec<bool>], order: &mut Vec<Place>) {
        let mut stack = vec![(place, false)];
        while let Some((place, done)) = stack.pop() {
            if done {
                order.push(place);
            } else if !std::mem::replace(&mut seen[place.0][place.1], true) {
                stack.push((place, true));
                stack.extend(self.calls(place).into_iter().map(|(callee, _)| (callee, false)));
            }
        }
    }

    /// Whom an execution calls, and how often.
    fn calls(&self, (service, endpoint): Place) -> Vec<(Place, f64)> {
        let own = &self.blueprint.services[service];
        let mut calls = Vec::new();
        self.walk((service, endpoint), &mut |step, often| match *step {
            Step::Call { service, endpoint, .. } => calls.push(((service.index(), endpoint.index()), often)),
            Step::Query { pool, endpoint, .. } => {
                calls.push(((own.pools[pool.index()].database.index(), endpoint.index()), often));
            }
            Step::CacheGet { keyspace, endpoint, .. } | Step::CacheSet { keyspace, endpoint, .. } => {
                calls.push(((self.cache(keyspace), endpoint.index()), often));
            }
            Step::Publish { service, endpoint, .. } => {
                calls.push(((service.index(), endpoint.index()), often));
                // What is published is handled, by whoever shares the queue to equal parts.
                let consumers: Vec<_> = self.blueprint.consumers_of(service, endpoint.0).collect();
                let each = often / consumers.len() as f64;
                calls.extend(consumers.iter().map(|(service, endpoint)| ((service.index(), endpoint.index()), each)));
            }
            _ => {}
        });
        calls
    }

    fn cache(&self, keyspace: KeyspaceId) -> usize {
        self.blueprint[keyspace].cache.index()
    }

    /// Visits every step of a program with how often it runs in one execution, on average.
    pub(crate) fn walk(&self, (service, endpoint): Place, visit: &mut impl FnMut(&Step, f64)) {
        let endpoint = &self.blueprint.services[service].endpoints[endpoint];
        self.walk_range(endpoint, 0..endpoint.program.len(), &mut |_, step, often| visit(step, often));
    }

    /// The probability that a pass through a repeat's steps is followed by another.
    fn again_share(&self, endpoint: &Endpoint, steps: Range<usize>) -> f64 {
        let start = steps.start;
        let mut again = 0.0;
        self.walk_range(endpoint, steps, &mut |_, step, often| {
            // Those of repeats within begin further on.
            if matches!(*step, Step::Again { body, .. } if body as usize == start) {
                again += often;
            }
        });
        // Rounding is not to make a repeat endless that ends.
        if again < 1.0 { again } else { 1.0 - f64::EPSILON }
    }

    /// Visits the steps of a part of a program, with how often each runs when the part is run once.
    fn walk_range(&self, endpoint: &Endpoint, steps: Range<usize>, visit: &mut impl FnMut(usize, &Step, f64)) {
        // Jumps go forward but for loops, whose factor is kept apart; so one pass in order sees every way to a step.
        let mut reached = vec![0.0; endpoint.program.len() + 1];
        let mut repeats = vec![1.0];
        reached[steps.start] = 1.0;
        for n in steps {
            let step = &endpoint.program[n];
            let often = reached[n] * repeats.iter().product::<f64>();
            visit(n, step, often);
            let here = reached[n];
            match *step {
                Step::CacheGet { keyspace, hit, .. } | Step::LocalGet { keyspace, hit } => {
                    let ratio = self.hits[keyspace.index()];
                    reached[hit as usize] += here * ratio;
                    reached[n + 1] += here * (1.0 - ratio);
                }
                Step::Choose { choice, .. } => {
                    let branches = &endpoint.choices[choice as usize].branches;
                    let total: f64 = branches.iter().map(|(weight, _)| weight).sum();
                    branches.iter().for_each(|&(weight, to)| reached[to as usize] += here * weight / total);
                }
                Step::Jump { to } => reached[to as usize] += here,
                Step::Fail { .. } => {}
                Step::LoopStart { times } => {
                    repeats.push(f64::from(times));
                    reached[n + 1] += here;
                }
                Step::LoopEnd { .. } => {
                    repeats.pop();
                    reached[n + 1] += here;
                }
                Step::RepeatStart { end, .. } => {
                    let again = self.again_share(endpoint, n + 1..end as usize);
                    repeats.push(1.0 / (1.0 - again));
                    reached[n + 1] += here;
                }
                Step::RepeatEnd { .. } => {
                    // Each pass that is not followed by another leaves: the passes cancel.
                    reached[n + 1] += here * repeats.pop().unwrap_or(1.0);
                }
                Step::Again { .. } | Step::BranchEnd | Step::Branch { .. } => {}
                Step::Fork { branches, after, .. } => {
                    for branch in &endpoint.program[n + 1..=n + usize::from(branches)] {
                        if let Step::Branch { to } = *branch {
                            reached[to as usize] += here;
                        }
                    }
                    reached[after as usize] += here;
                }
                Step::HandOver { after, .. } => {
                    reached[n + 1] += here;
                    reached[after as usize] += here;
                }
                _ => reached[n + 1] += here,
            }
        }
    }

    /// Rates from the sources along the calls, those of closed sources no higher than what their busiest station can do beside the open ones.
    fn spread_what_can_be_done(&mut self) {
        let is_closed = |source: &Source| matches!(source.arrivals, Arrivals::Closed { .. });
        let closed: Vec<usize> =
            self.blueprint.sources.iter().enumerate().filter(|(_, source)| is_closed(source)).map(|(n, _)| n).collect();
        self.closed.fill(0.0);
        self.spread();
        if closed.is_empty() {
            return;
        }
        let open = self.used();
        let left: Vec<f64> = open.iter().map(|&open| if open < 1.0 { 1.0 - open } else { 0.0 }).collect();
        let mut own: Vec<Vec<f64>> = Vec::new();
        for &n in &closed {
            self.closed.fill(0.0);
            self.closed[n] = 1.0;
            self.spread();
            own.push(self.used().into_iter().zip(&open).map(|(all, open)| all - open).collect());
        }
        // Who shares a station that cannot do it all sends less in proportion, the most overloaded station first.
        let mut parts = vec![1.0; closed.len()];
        for _ in 0..left.len() {
            let over = |station: usize| {
                let wanted: f64 = own.iter().zip(&parts).map(|(own, part)| own[station] * part).sum();
                if wanted > left[station] { left[station] / wanted } else { 1.0 }
            };
            let worst = (0..left.len()).map(|station| (over(station), station));
            let Some((factor, station)) = worst.reduce(|a, b| if b.0 < a.0 { b } else { a }) else { break };
            if factor >= 1.0 {
                break;
            }
            let sharing = parts.iter_mut().zip(&own).filter(|(_, own)| own[station] > 0.0);
            sharing.for_each(|(part, _)| *part *= factor);
        }
        self.closed.fill(0.0);
        closed.iter().zip(parts).for_each(|(&n, part)| self.closed[n] = part);
        self.spread();
    }

    /// What part of the cores, and of the workers, of each service is busy, if nobody waits for anything.
    fn used(&self) -> Vec<f64> {
        let mut used = Vec::new();
        for (n, service) in self.blueprint.services.iter().enumerate() {
            if let Some((servers, _)) = self.servers(n) {
                used.push(self.core_load(n) / f64::from(servers));
            }
            if let Some(workers) = service.workers {
                let busy: f64 = self.rates[n].iter().zip(&self.idle[n]).map(|(rate, idle)| rate * idle).sum();
                used.push(busy / f64::from(service.replicas) / f64::from(workers));
            }
        }
        used
    }

    /// All users, where nobody else comes.
    fn people(&self) -> Option<u32> {
        let mut people = 0_u32;
        for source in self.blueprint.sources.iter().filter(|source| !source.mix.is_empty()) {
            let Arrivals::Closed { users, .. } = source.arrivals else { return None };
            people = people.saturating_add(users);
        }
        (people > 0).then_some(people)
    }

    /// Mean wait for one of some servers, in units of the service time. Not more wait than there are.
    fn mean_wait(&self, servers: u32, load: f64) -> f64 {
        let wait = mean_wait(servers, load);
        let most = self.people().map_or(f64::INFINITY, |people| f64::from(people) / f64::from(servers));
        if wait < most { wait } else { most }
    }

    /// Rates from the sources along the calls.
    fn spread(&mut self) {
        self.rates.iter_mut().for_each(|rates| rates.fill(0.0));
        self.reads.fill(0.0);
        for (n, source) in self.blueprint.sources.iter().enumerate() {
            let rate = self.rate(n);
            let total: f64 = source.mix.iter().map(|part| part.weight).sum();
            for part in &source.mix {
                self.rates[source.target.index()][part.endpoint.index()] += rate * part.weight / total;
            }
        }
        for place in self.order() {
            let rate = self.rates[place.0][place.1];
            for (callee, often) in self.calls(place) {
                self.rates[callee.0][callee.1] += rate * often;
            }
            let mut reads = Vec::new();
            self.walk(place, &mut |step, often| {
                if let Step::CacheGet { keyspace, .. } | Step::LocalGet { keyspace, .. } = *step {
                    reads.push((keyspace.index(), rate * often));
                }
            });
            reads.into_iter().for_each(|(keyspace, rate)| self.reads[keyspace] += rate);
        }
    }

    fn hit_ratio(&self, n: usize) -> f64 {
        let keyspace = &self.blueprint.keyspaces[n];
        let law = self.blueprint[keyspace.popularity].law();
        let exponent = if let Law::Zipf { exponent, .. } = law { *exponent } else { 0.0 };
        let popularity = popularity(keyspace.keys, exponent);
        // Every process has a cache of its own, and its part of the reads.
        let rate = self.reads[n] / f64::from(self.blueprint[keyspace.cache].replicas);
        let fresh = keyspace.ttl.map(Duration::as_secs_f64).map_or(1.0, |ttl| match keyspace.fresh {
            Some(fresh) => stale_hits(&popularity, rate, fresh.as_secs_f64(), ttl),
            None if keyspace.renewed => renewed_hits(&popularity, rate, ttl),
            None => ttl_hits(&popularity, rate, ttl),
        });
        let (policy, entries) = self.capacity(keyspace);
        let kept = match policy {
            _ if entries == f64::INFINITY => 1.0,
            // What is full stays full of what came first: no key is likelier to be there than another.
            Eviction::NoEviction => (entries / f64::from(keyspace.keys)).min(1.0),
            Eviction::AllKeysRandom | Eviction::VolatileRandom | Eviction::VolatileTtl => {
                random_hits(&popularity, entries)
            }
            Eviction::AllKeysLfu | Eviction::VolatileLfu | Eviction::Lfu => lfu_hits(&popularity, entries),
            Eviction::AllKeysLru | Eviction::VolatileLru | Eviction::Lru => lru_hits(&popularity, entries),
        };
        if kept < fresh { kept } else { fresh }
    }

    /// How many entries of a key space its cache takes. Key spaces of one cache share its room; each is given all of it
    /// here, which flatters none that fits.
    fn capacity(&self, keyspace: &Keyspace) -> (Eviction, f64) {
        let (eviction, bytes, entries, overhead) = match (keyspace.local, &self.blueprint[keyspace.cache].runtime) {
            (Some(local), _) => {
                let cache = &self.blueprint[local];
                (cache.eviction, cache.maximum_bytes, cache.maximum_entries, cache.entry_overhead)
            }
            (None, Runtime::Redis(redis)) => (redis.eviction, redis.maxmemory, redis.maxkeys, redis.entry_overhead),
            _ => return (Eviction::NoEviction, f64::INFINITY),
        };
        let of_bytes = bytes.map_or(f64::INFINITY, |bytes| bytes as f64 / (keyspace.value_bytes + overhead) as f64);
        (eviction, entries.map_or(of_bytes, |entries| of_bytes.min(entries as f64)))
    }

    fn mean(&self, sampler: SamplerId) -> f64 {
        self.blueprint[sampler].mean() / 1e9
    }

    /// Cores as so many servers of some speed.
    pub(crate) fn servers(&self, service: usize) -> Option<(u32, f64)> {
        let described = &self.blueprint.services[service];
        if let Some(Contention { sigma_nano, kappa_nano }) = described.contention {
            let cores = match effective(described) {
                Cores::Unlimited => f64::INFINITY,
                Cores::Milli(milli) => f64::from(milli) / 1e3,
            };
            let workers = described.workers.unwrap_or(u32::MAX);
            let most = workers.min(self.people().unwrap_or(u32::MAX));
            let capacity = contended(cores, most, sigma_nano as f64 / 1e9, kappa_nano as f64 / 1e9);
            // What grows without bound is no limit.
            let whole = if capacity < 1.0 { 1.0 } else { capacity.floor() };
            return (whole < f64::from(u32::MAX)).then(|| (whole as u32, capacity / whole));
        }
        match effective(described) {
            Cores::Unlimited => None,
            Cores::Milli(milli) if milli < 1000 => Some((1, f64::from(milli) / 1000.0)),
            // A part of a core is spread over the whole ones.
            Cores::Milli(milli) => Some((milli / 1000, f64::from(milli) / 1000.0 / f64::from(milli / 1000))),
        }
    }

    /// Offered load on the cores of one process of a service, in servers.
    pub(crate) fn core_load(&self, service: usize) -> f64 {
        let speed = self.servers(service).map_or(1.0, |(_, speed)| speed);
        let replicas = f64::from(self.blueprint.services[service].replicas);
        let endpoints = 0..self.rates[service].len();
        endpoints.map(|n| self.rates[service][n] * self.compute((service, n))).sum::<f64>() / speed / replicas
    }

    /// Share of the time for which synchronous work keeps the event loop of one process of a service.
    pub(crate) fn blocked(&self, service: usize) -> f64 {
        let mut kept = 0.0;
        for endpoint in 0..self.rates[service].len() {
            self.walk((service, endpoint), &mut |step, often| {
                if let Step::Block { time, .. } = *step {
                    kept += self.rates[service][endpoint] * often * self.mean(time);
                }
            });
        }
        kept / f64::from(self.blueprint.services[service].replicas)
    }

    fn compute(&self, place: Place) -> f64 {
        let mut demand = 0.0;
        self.walk(place, &mut |step, often| {
            if let Step::Compute { demand: sampler, .. } = *step {
                demand += often * self.mean(sampler);
            }
        });
        demand
    }

    /// Response times, callees first.
    fn respond(&mut self) {
        let mut order = self.order();
        order.reverse();
        for place in order {
            self.responses[place.0][place.1] = self.need(place).total;
        }
        // Stores queue before their workers; their programs need nobody else, so one round does.
        for service in 0..self.responses.len() {
            let Some(wait) = self.worker_wait(service) else { continue };
            self.responses[service].iter_mut().for_each(|response| *response += wait);
        }
        let mut order = self.order();
        order.reverse();
        for place in order {
            let runtime = &self.blueprint.services[place.0].runtime;
            if !matches!(runtime, Runtime::Postgres(_) | Runtime::Redis(_) | Runtime::Broker(_)) {
                let wait = self.worker_wait(place.0).unwrap_or(0.0);
                self.responses[place.0][place.1] = self.need(place).total + wait;
            }
        }
    }

    /// Mean wait for a worker.
    fn worker_wait(&self, service: usize) -> Option<f64> {
        let workers = self.blueprint.services[service].workers?;
        let rate: f64 = self.rates[service].iter().sum::<f64>();
        if rate == 0.0 {
            return Some(0.0);
        }
        let busy = self.worker_load(service);
        Some(self.mean_wait(workers, busy) * busy / (rate / f64::from(self.blueprint.services[service].replicas)))
    }

    /// Mean number of busy workers of one process, by Little's law.
    pub(crate) fn worker_load(&self, service: usize) -> f64 {
        let replicas = f64::from(self.blueprint.services[service].replicas);
        let endpoints = 0..self.rates[service].len();
        let load = |n: usize| {
            if self.rates[service][n] == 0.0 { 0.0 } else { self.rates[service][n] * self.need((service, n)).total }
        };
        endpoints.map(load).sum::<f64>() / replicas
    }

    /// Mean number of sessions that have rows of a table locked, if nobody waits.
    pub(crate) fn locked(&self, database: usize, table: u32) -> f64 {
        let mut locked = 0.0;
        for service in 0..self.rates.len() {
            for endpoint in 0..self.rates[service].len() {
                let rate = self.rates[service][endpoint];
                if rate > 0.0 {
                    locked +=
                        rate * self.need((service, endpoint)).locked.get(&(database, table)).copied().unwrap_or(0.0);
                }
            }
        }
        locked
    }

    /// Share of the most popular of so many rows.
    pub(crate) fn most_popular(&self, law: SamplerId, rows: u32) -> f64 {
        let exponent = if let Law::Zipf { exponent, .. } = self.blueprint[law].law() { *exponent } else { 0.0 };
        popularity(rows, exponent).first().map_or(1.0, |class| class.p)
    }

    /// What one execution needs.
    pub(crate) fn need(&self, place: Place) -> Need {
        let service = &self.blueprint.services[place.0];
        let stretch = self.servers(place.0).map_or(1.0, |(servers, speed)| {
            // Jobs that contend are never faster than one alone.
            let speed = if service.contention.is_some() && speed > 1.0 { 1.0 } else { speed };
            (1.0 + self.mean_wait(servers, self.core_load(place.0))) / speed
        });
        let mut need = Need::default();
        let mut alone = 0;
        let mut holding: Vec<PoolId> = Vec::new();
        let mut locking: Vec<(PoolId, (usize, u32))> = Vec::new();
        let endpoint = &service.endpoints[place.1];
        let mut times = vec![0.0; endpoint.program.len()];
        let mut runs = vec![0.0; endpoint.program.len()];
        self.walk_range(endpoint, 0..endpoint.program.len(), &mut |n, step, often| {
            let time = match *step {
                Step::Compute { demand, .. } => {
                    need.compute += often * self.mean(demand);
                    self.mean(demand) * stretch
                }
                Step::Sleep { time, .. } | Step::Block { time, .. } => self.mean(time),
                Step::Call { service, endpoint, .. } | Step::Publish { service, endpoint, confirm: true, .. } => {
                    self.remote(place.0, service, endpoint)
                }
                Step::Query { pool, endpoint, .. } => {
                    let database = service.pools[pool.index()].database;
                    let statement = &self.blueprint[database].endpoints[endpoint.index()];
                    for step in &statement.program {
                        let table = match *step {
                            Step::Lock { table, .. } => table,
                            Step::LockTable { table, mode } if mode.excludes(LockMode::RowExclusive) => table,
                            _ => continue,
                        };
                        if !locking.contains(&(pool, (database.index(), table.0))) {
                            locking.push((pool, (database.index(), table.0)));
                        }
                    }
                    self.remote(place.0, service.pools[pool.index()].database, endpoint)
                }
                Step::CacheGet { keyspace, endpoint, .. } | Step::CacheSet { keyspace, endpoint, .. } => {
                    self.remote(place.0, self.blueprint[keyspace].cache, endpoint)
                }
                Step::Acquire { pool } => {
                    holding.push(pool);
                    0.0
                }
                Step::Release { pool } => {
                    holding.retain(|held| *held != pool);
                    locking.retain(|(held, _)| *held != pool);
                    0.0
                }
                _ => 0.0,
            };
            if let Step::HandOver { waits: false, after, .. } = *step {
                alone = alone.max(after as usize);
            }
            if often > 0.0 {
                (times[n], runs[n]) = (often * time, often);
            }
            // What nobody waits for keeps neither a transaction open nor its rows locked.
            if often > 0.0 && n >= alone {
                for (_, row) in &locking {
                    *need.locked.entry(*row).or_insert(0.0) += often * time;
                }
                for pool in &holding {
                    *need.held.entry(pool.0).or_insert(0.0) += often * time;
                }
            }
        });
        join(&endpoint.program, &mut times, &mut need);
        need.tasks.iter_mut().for_each(|(&at, time)| *time /= if runs[at] > 0.0 { runs[at] } else { 1.0 });
        need.total = times.iter().sum();
        need
    }

    /// Requests a second of a source at the height of its profile; of a closed one the most that can be: N/(Z + D), as when nobody else is there,
    /// or what the busiest station can do.
    pub(crate) fn rate(&self, source: usize) -> f64 {
        let described = &self.blueprint.sources[source];
        match described.arrivals {
            Arrivals::Closed { users, think } => {
                self.closed[source] * f64::from(users) / (self.mean(think) + self.unloaded[source])
            }
            _ => peak_rate(described, self.blueprint),
        }
    }

    /// Mean response time that a source sees, with the way there and back.
    pub(crate) fn response(&self, source: usize) -> f64 {
        let described = &self.blueprint.sources[source];
        let total: f64 = described.mix.iter().map(|part| part.weight).sum();
        let from = LinkEnd::Source(SourceId(source as u32));
        let link = self.blueprint.links.iter().find(|link| link.from == from && link.to == described.target);
        let latency = link.map_or(0.0, |link| self.mean(link.latency));
        let responses = &self.responses[described.target.index()];
        let parts = described.mix.iter().map(|part| part.weight / total * responses[part.endpoint.index()]);
        2.0 * latency + parts.sum::<f64>()
    }

    /// Whether the users of a closed source send less than they would if nobody waited: a station of theirs is busy all the time.
    pub(crate) fn is_saturated(&self, source: usize) -> bool {
        self.closed[source] < 1.0
    }

    /// Response time with the way there and back.
    fn remote(&self, from: usize, to: ServiceId, endpoint: EndpointId) -> f64 {
        let from = LinkEnd::Service(ServiceId(from as u32));
        let link = self.blueprint.links.iter().find(|link| link.from == from && link.to == to);
        let latency = link.map_or(0.0, |link| self.mean(link.latency));
        2.0 * latency + self.responses[to.index()][endpoint.index()]
    }
}

/// Cores that a service can use in the long run: no more than its quota.
fn effective(service: &Service) -> Cores {
    match (service.cores, service.quota) {
        (cores, None) => cores,
        (Cores::Unlimited, Some(quota)) => Cores::Milli(quota),
        (Cores::Milli(milli), Some(quota)) => Cores::Milli(milli.min(quota)),
    }
}

/// Branches run at the same time: a fork takes as long as the slowest that it waits for. By means, which is too little for branches that
/// vary. Tasks are waited for, or not; their time is that of the executor's threads.
fn join(program: &[Step], times: &mut [f64], need: &mut Need) {
    // Forks within branches come later in the program, so they are joined first.
    for (n, step) in program.iter().enumerate().rev() {
        if let Step::HandOver { executor, waits, after, .. } = *step {
            let task = times[n + 1..after as usize].iter().sum();
            *need.threads.entry(executor.0).or_insert(0.0) += task;
            need.tasks.insert(n, task);
            times[n + 1..after as usize].fill(0.0);
            times[n] = if waits { task } else { 0.0 };
            continue;
        }
        let Step::Fork { branches, join, after, .. } = *step else { continue };
        let starts = program[n + 1..=n + usize::from(branches)].iter().filter_map(|step| match *step {
            Step::Branch { to } => Some(to as usize),
            _ => None,
        });
        let starts: Vec<usize> = starts.collect();
        let ends = starts.iter().skip(1).copied().chain([after as usize]);
        let lengths = starts.iter().zip(ends).map(|(&start, end)| times[start..end].iter().sum::<f64>());
        let waited = lengths.reduce(|a, b| if (a > b) == (join == Join::All) { a } else { b });
        times[n + 1..after as usize].fill(0.0);
        times[n] = waited.unwrap_or(0.0);
    }
}

/// Requests a second of an open source at the height of its profile.
fn peak_rate(source: &Source, blueprint: &Blueprint) -> f64 {
    let base = match &source.arrivals {
        Arrivals::Constant { rate } | Arrivals::Poisson { rate } => *rate,
        Arrivals::Replay { at } => {
            let last = at.last().map_or(0.0, |last| last.as_nanos() as f64 / 1e9);
            let length = if last > 0.0 { last } else { blueprint.duration.as_secs_f64() };
            at.len() as f64 / length
        }
        Arrivals::Renewal { gap } => 1e9 / blueprint[*gap].mean(),
        // How often depends on the system.
        Arrivals::Closed { .. } => 0.0,
        Arrivals::Recorded { column } => {
            let at = &blueprint.recordings.columns[column.index()].values;
            let last = at.last().map_or(0.0, |&last| last as f64 / 1e9);
            let length = if last > 0.0 { last } else { blueprint.duration.as_secs_f64() };
            at.len() as f64 / length
        }
    };
    let points = source.profile.iter().flat_map(|profile| profile.points.iter().map(|&(_, factor)| factor));
    let batch = source.batch.map_or(1.0, |batch| batch.mean);
    base * batch * points.reduce(|a, b| if a > b { a } else { b }).unwrap_or(1.0)
}
