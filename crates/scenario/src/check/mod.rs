//! What the healthy state of a scenario looks like on paper, before anything runs.
//!
//! One line for each loop that can turn into an incident, from the formulas in `formula`, with a warning where
//! the healthy state is not healthy: an incident that happens without its trigger shows nothing. Surges are left out, faults
//! have not happened yet.

mod clients;
mod commands;
mod executors;
mod expiry;
mod faults;
mod flow;
mod forked;
mod formula;
mod traffic;

pub use faults::idle as idle_faults;

use crate::Loaded;
use crate::unit::print_bytes;
use flow::Flow;
use formula::{erlang_c, exceeds};
use knockon_kernel::{Duration, Time};
use knockon_model::blueprint::{
    Ack, Arrivals, Blueprint, Broker, Heap, LinkEnd, OnFailure, Pool, Postgres, ProbeKind, Replica, Runtime, Service,
    Step, Storage,
};
use knockon_model::disk::PAGE;
use knockon_model::id::{ServiceId, SourceId};
use knockon_model::lock::LockMode;

/// A line of the check.
#[derive(Clone, PartialEq, Debug)]
pub struct CheckLine {
    /// What was computed, with the numbers.
    pub text: String,
    /// Whether it is as a healthy system has it.
    pub healthy: bool,
}

/// Utilisation above this is no calm state: queues are five times the service time.
const BUSY: f64 = 0.8;
/// Part of a pool that may be in use on average.
const POOL_BUSY: f64 = 0.7;
/// Share of time for collections.
const GC_SHARE: f64 = 0.1;
/// Share of calls that may miss their timeout.
const TIMED_OUT: f64 = 0.001;

/// The analytic lines of a scenario's healthy state.
#[must_use]
pub fn check(loaded: &Loaded) -> Vec<CheckLine> {
    let mut blueprint = loaded.blueprint.clone();
    // A surge is a source that begins later.
    for source in &mut blueprint.sources {
        if blueprint
            .faults
            .iter()
            .any(|fault| fault.kind == "surge" && fault.at == source.from && source.from.as_nanos() > 0)
        {
            source.mix.clear();
        }
    }
    let mut report =
        Report { flow: Flow::new(&blueprint), cold: Flow::cold(&blueprint), blueprint: &blueprint, lines: Vec::new() };
    for (n, service) in blueprint.services.iter().enumerate() {
        report.service(n, service);
    }
    report.caches();
    report.sources();
    report.traffic();
    report.faults();
    report.lines
}

struct Report<'b> {
    blueprint: &'b Blueprint,
    flow: Flow<'b>,
    cold: Flow<'b>,
    lines: Vec<CheckLine>,
}

impl Report<'_> {
    fn line(&mut self, healthy: bool, text: String) {
        self.lines.push(CheckLine { text, healthy });
    }

    fn service(&mut self, n: usize, service: &Service) {
        let name = &service.name;
        let rate: f64 = self.flow.rates[n].iter().sum();
        let of_each = f64::from(service.replicas);
        if let Some((servers, _)) = self.flow.servers(n) {
            let used = self.flow.core_load(n) / f64::from(servers);
            self.line(used < BUSY, format!("{name}: {} requests/s, cores {} used", number(rate), share(used)));
        }
        if service.blocks_its_loop() {
            let (blocked, computing) = (self.flow.blocked(n), self.flow.core_load(n));
            let text = format!(
                "{name}: its event loop is kept {} of the time: {} by what computes, {} by what blocks",
                share(blocked + computing),
                share(computing),
                share(blocked)
            );
            self.line(blocked + computing < BUSY, text);
        }
        if let Some(workers) = service.workers {
            let busy = self.flow.worker_load(n);
            let used = busy / f64::from(workers);
            self.line(used < BUSY, format!("{name}: {} of {workers} workers busy, {}", number(busy), share(used)));
            if let Some(prefork) = &service.prefork {
                self.forked(n, service, prefork, workers);
            }
        }
        self.rate_limits(n, service);
        for (p, pool) in service.pools.iter().enumerate() {
            self.pool(n, service, p, pool);
        }
        self.executors(n, service);
        if let Runtime::Jvm(heap) = &service.runtime {
            self.heap(n, service, heap, rate / of_each);
        }
        if let Runtime::Redis(redis) = &service.runtime {
            self.commands(n, service, redis);
            self.expiry(n, service, redis);
            self.clients(n, service, redis);
        }
        if let Runtime::Postgres(postgres) = &service.runtime {
            self.rows(n, service);
            self.storage(n, service);
            self.replica(n, service);
            self.connections(n, service, postgres.max_connections.saturating_sub(postgres.reserved));
        }
        if let Runtime::Broker(broker) = &service.runtime {
            self.queues(n, service, broker);
        }
        if let Some(expires) = service.certificate
            && expires < Time::ZERO + self.blueprint.duration
        {
            self.line(
                false,
                format!("{name}: its certificate expires after {expires}", expires = rounded(expires - Time::ZERO)),
            );
        }
        self.probes(n, service);
        self.calls(n, service);
    }

    /// P(T > timeout) of each probe, and what a process that it ends needs while it is cold.
    fn probes(&mut self, n: usize, service: &Service) {
        let Some(health) = &service.health else { return };
        for kind in ProbeKind::ALL {
            let Some(probe) = health.probe(kind) else { continue };
            let name = kind.name().to_lowercase();
            let after = probe.period.as_secs_f64() * f64::from(probe.failures);
            let Some(endpoint) = probe.endpoint else { continue };
            let response = self.flow.responses[n][endpoint.index()];
            let timeout = probe.timeout.as_secs_f64();
            let missed = exceeds(response, timeout);
            self.line(
                missed < TIMED_OUT,
                format!(
                    "{}: {name} probe: mean {}, P(T > {}) ≈ {}; {} failures in a row, {}, count",
                    service.name,
                    time(response),
                    time(timeout),
                    share(missed),
                    probe.failures,
                    time(after),
                ),
            );
            let cold = service.warm_up.filter(|_| kind == ProbeKind::Liveness);
            if let (Some(cold), Some((servers, _))) = (cold, self.flow.servers(n)) {
                let used = self.flow.core_load(n) / f64::from(servers) * cold.factor;
                let text = format!(
                    "{}: whoever it ends is followed by a cold process, which needs up to {} of the cores for {} requests",
                    service.name,
                    share(used),
                    cold.requests
                );
                // Whether that ends in a loop is for whatever makes it slow first.
                self.line(true, text);
            }
        }
    }

    /// λ against the rates that limiters let through.
    fn rate_limits(&mut self, n: usize, service: &Service) {
        let of_each = |endpoint: usize| self.flow.rates[n][endpoint] / f64::from(service.replicas);
        let own = |endpoint: usize| service.admission.endpoint_limits.get(endpoint).copied().flatten();
        let mut lines = Vec::new();
        if let Some(limit) = service.admission.rate_limit {
            let rate: f64 = (0..service.endpoints.len()).filter(|&e| own(e).is_none()).map(of_each).sum();
            lines.push((service.name.clone(), rate, limit));
        }
        for (e, endpoint) in service.endpoints.iter().enumerate() {
            if let Some(limit) = own(e) {
                lines.push((format!("{} {}", service.name, endpoint.name), of_each(e), limit));
            }
        }
        for (who, rate, limit) in lines {
            let allowed = limit.rate_milli as f64 / 1000.0;
            let used = rate / allowed;
            let text = format!(
                "{who}: {} requests/s against a rate limit of {}/s and a burst of {}, {}",
                number(rate),
                number(allowed),
                limit.burst,
                share(used)
            );
            self.line(used < BUSY, text);
        }
    }

    /// Connections in use = λ·hold; the wait by Erlang C.
    fn pool(&mut self, n: usize, service: &Service, p: usize, pool: &Pool) {
        let (mut rate, mut in_use) = (0.0, 0.0);
        for endpoint in 0..service.endpoints.len() {
            let calls = self.flow.rates[n][endpoint] / f64::from(service.replicas);
            if calls > 0.0 {
                in_use += calls * self.flow.need((n, endpoint)).held.get(&(p as u32)).copied().unwrap_or(0.0);
            }
            self.flow.walk((n, endpoint), &mut |step, often| {
                if let Step::Acquire { pool } = *step
                    && pool.index() == p
                {
                    rate += calls * often;
                }
            });
        }
        let size = pool.maximum + pool.overflow;
        let hold = if rate > 0.0 { in_use / rate } else { 0.0 };
        let waits = erlang_c(size, in_use);
        self.line(
            in_use < POOL_BUSY * f64::from(size),
            format!(
                "{}/{}: λ·hold = {}/s · {} = {} of {size} connections in use, a caller waits with probability {}",
                service.name,
                pool.name,
                number(rate),
                time(hold),
                number(in_use),
                share(waits),
            ),
        );
        self.leaks(n, service, p, f64::from(size) - in_use);
    }

    /// A leak of ℓ connections/s exhausts a pool of c at (c − λ·hold)/ℓ.
    fn leaks(&mut self, n: usize, service: &Service, p: usize, free: f64) {
        let mut leaked = 0.0;
        for endpoint in 0..service.endpoints.len() {
            let calls = self.flow.rates[n][endpoint] / f64::from(service.replicas);
            self.flow.walk((n, endpoint), &mut |step, often| match *step {
                Step::Leak { pool, share, .. } if pool.index() == p => leaked += calls * often * share,
                _ => {}
            });
        }
        if leaked > 0.0 {
            let left = Duration::from_real_nanos(free / leaked * 1e9).unwrap_or(Duration::MAX);
            let (name, pool) = (&service.name, &service.pools[p].name);
            let text =
                format!("{name}/{pool}: {} connections/s leak: exhausted after {}", number(leaked), rounded(left));
            self.line(false, text);
        }
    }

    /// How long rows are locked: λ·hold of the one that is asked for most.
    fn rows(&mut self, n: usize, service: &Service) {
        let mut seen = Vec::new();
        for endpoint in &service.endpoints {
            for step in &endpoint.program {
                if let Step::LockTable { table, mode } = *step
                    && mode.excludes(LockMode::RowExclusive)
                    && !seen.contains(&table)
                {
                    seen.push(table);
                    let locked = self.flow.locked(n, table.0);
                    let text = format!(
                        "{}: the table that {} locks keeps statements out {} of the time",
                        service.name,
                        endpoint.name,
                        share(locked)
                    );
                    self.line(locked < BUSY, text);
                }
                let Step::Lock { table, rows, popularity, .. } = *step else { continue };
                if seen.contains(&table) {
                    continue;
                }
                seen.push(table);
                let most = if rows == 1 { 1.0 } else { self.flow.most_popular(popularity, rows) };
                let locked = self.flow.locked(n, table.0) * most;
                let which = if rows == 1 { "the row" } else { "the most popular row" };
                let text = format!(
                    "{}: {which} that {} locks is held {} of the time",
                    service.name,
                    endpoint.name,
                    share(locked)
                );
                self.line(locked < BUSY, text);
            }
        }
    }

    /// What a primary writes against what its replica replays.
    fn replica(&mut self, n: usize, service: &Service) {
        let Runtime::Postgres(Postgres { replica: Some(Replica { primary, rate, .. }), .. }) = service.runtime else {
            return;
        };
        let described = &self.blueprint[primary];
        let mut written = 0.0;
        for endpoint in 0..described.endpoints.len() {
            let calls = self.flow.rates[primary.index()][endpoint];
            self.flow.walk((primary.index(), endpoint), &mut |step, often| {
                if let Step::WriteRows { wal, .. } = *step {
                    written += calls * often * wal as f64;
                }
            });
        }
        let used = written / rate as f64;
        let text = format!(
            "{}: replays {}/s of {}/s that it can, {}",
            self.blueprint.services[n].name,
            size(written),
            size(rate as f64),
            share(used)
        );
        self.line(used < BUSY, text);
    }

    /// Pages of tables against those in memory, and when the disk is full by what grows and is written.
    fn storage(&mut self, n: usize, service: &Service) {
        let Some(Storage { disk, buffers, tables }) = &service.storage else { return };
        let name = &service.name;
        let all: u64 = tables.iter().sum();
        if all > 0 {
            let text = format!(
                "{name}: shared buffers of {} for tables of {}",
                size((buffers * PAGE) as f64),
                size((all * PAGE) as f64)
            );
            self.line(true, text);
        }
        let mut written = 0.0;
        for endpoint in 0..service.endpoints.len() {
            let rate = self.flow.rates[n][endpoint];
            self.flow.walk((n, endpoint), &mut |step, often| {
                if let Step::WriteRows { bytes, .. } = *step {
                    written += rate * often * bytes as f64;
                }
            });
        }
        let log = if disk.log_rotation.is_none() { disk.log_growth } else { 0 };
        let grown = written + (disk.growth + log) as f64 / 60.0;
        // The logs take what they may before that.
        let taken = disk.used + disk.maximum_wal.max(disk.minimum_wal) + disk.log_rotation.unwrap_or(0);
        // Of a disk on which they would never have that much room, what there is at the start.
        let first = disk.used + disk.minimum_wal;
        let free = disk.capacity.saturating_sub(if taken < disk.capacity { taken } else { first }) as f64;
        if grown > 0.0 {
            let left = Duration::from_real_nanos(free / grown * 1e9).unwrap_or(Duration::MAX);
            let text = format!("{name}: {}/s are written to its disk: full after {}", size(grown), rounded(left));
            self.line(left > self.blueprint.duration, text);
        }
    }

    /// GC share g = X·a·(p0 + p1·L)/(H − L) with L the live set when a collection starts.
    fn heap(&mut self, n: usize, service: &Service, heap: &Heap, rate: f64) {
        let (mut allocated, mut in_flight, mut retained) = (0.0, 0.0, 0.0);
        for endpoint in 0..service.endpoints.len() {
            let calls = self.flow.rates[n][endpoint] / f64::from(service.replicas);
            let response = if calls > 0.0 { self.flow.need((n, endpoint)).total } else { 0.0 };
            self.flow.walk((n, endpoint), &mut |step, often| match *step {
                // No bytes for an endless time are no bytes.
                Step::Allocate { bytes: 0 } => {}
                Step::Allocate { bytes } => {
                    allocated += calls * often * bytes as f64;
                    in_flight += calls * response * often * bytes as f64;
                }
                Step::Churn { bytes } => allocated += calls * often * bytes as f64,
                Step::Retain { bytes } => retained += calls * often * bytes as f64,
                _ => {}
            });
        }
        let mib = 1024.0 * 1024.0;
        let live = heap.base as f64 + in_flight;
        // All but one survivor space can be used.
        let young = heap.maximum as f64 / f64::from(heap.new_ratio + 1);
        let usable = heap.maximum as f64 - young / f64::from(heap.survivor_ratio + 2);
        let pause = (heap.major_pause.base.as_secs_f64() + heap.major_pause.per_mib.as_secs_f64() * live / mib)
            * heap.pause_scale;
        let gc = if usable > live { allocated * pause / (usable - live) } else { f64::INFINITY };
        self.line(
            gc < GC_SHARE,
            format!(
                "{}: {} of {} heap live, {}/s allocated by {} requests/s: GC share at most {}",
                service.name,
                size(live),
                size(usable),
                size(allocated),
                number(rate),
                share(gc),
            ),
        );
        if retained > 0.0 {
            let left = Duration::from_real_nanos((usable - live) / retained * 1e9).unwrap_or(Duration::MAX);
            self.line(
                false,
                format!(
                    "{}: {}/s are retained: the heap is full after {}",
                    service.name,
                    size(retained),
                    rounded(left)
                ),
            );
        }
        if let Some(limit) = service.memory.limit {
            let most = service.memory.baseline + heap.maximum;
            let healthy = most <= limit;
            let outcome = if healthy {
                "a full heap ends in an OutOfMemoryError"
            } else {
                "a full heap ends in a kill for memory"
            };
            let text = format!(
                "{}: baseline and heap of {} against the limit of {}: {outcome}",
                service.name,
                print_bytes(most),
                print_bytes(limit)
            );
            self.line(healthy, text);
        }
    }

    /// Connections that pools may open against those that the server takes.
    fn connections(&mut self, n: usize, service: &Service, slots: u32) {
        let wanted: u64 = self
            .blueprint
            .services
            .iter()
            .flat_map(|client| client.pools.iter().map(move |pool| (client.replicas, pool)))
            .filter(|(_, pool)| pool.database == ServiceId(n as u32))
            .map(|(replicas, pool)| u64::from(replicas) * u64::from(pool.maximum + pool.overflow))
            .sum();
        let healthy = wanted <= u64::from(slots);
        self.line(healthy, format!("{}: pools may open {wanted} of {slots} connections", service.name));
    }

    /// ρ = λ·S/c of each queue's workers, and how likely it is that a message is taken back from a worker that is still at it.
    fn queues(&mut self, n: usize, service: &Service, broker: &Broker) {
        for (q, queue) in broker.queues.iter().enumerate() {
            let name = format!("{}/{}", service.name, queue.name);
            let consumers: Vec<_> = self.blueprint.consumers_of(ServiceId(n as u32), q as u32).collect();
            let rate = self.flow.rates[n][q];
            if consumers.is_empty() {
                if rate > 0.0 {
                    self.line(false, format!("{name}: {} messages/s, and nobody consumes them", number(rate)));
                }
                continue;
            }
            let (mut work, mut most) = (0.0, 0.0);
            let mut workers = Some(0.0);
            for &(of, endpoint) in &consumers {
                let need = self.flow.need((of.index(), endpoint.index())).total;
                work += self.flow.rates[of.index()][endpoint.index()] * need;
                let staff = self.blueprint[of].workers.map(|workers| f64::from(workers * self.blueprint[of].replicas));
                workers = workers.zip(staff).map(|(sum, staff)| sum + staff);
                let own = self.blueprint[of].consumers.iter().find(|consumer| consumer.endpoint == endpoint);
                self.retries_of_messages(&name, own.map(|own| own.on_failure), broker);
                let late = own.is_some_and(|own| own.ack == Ack::Late);
                // Reserved messages wait for those before them.
                let wait = self.flow.responses[of.index()][endpoint.index()] - need;
                let held = if late { need + wait } else { wait };
                most = if held > most { held } else { most };
            }
            if let Some(workers) = workers {
                let used = work / workers;
                let text = format!(
                    "{name}: λ·S = {}/s · {} = {} of {workers} workers, {}",
                    number(rate),
                    time(if rate > 0.0 { work / rate } else { 0.0 }),
                    number(work),
                    share(used)
                );
                self.line(used < BUSY, text);
            }
            if let Some(timeout) = broker.transport.timeout()
                && rate > 0.0
            {
                let late = exceeds(most, timeout.as_secs_f64());
                let text = format!(
                    "{name}: a worker has a message for {}, and it is taken back after {}: ≈ {}",
                    time(most),
                    rounded(timeout),
                    share(late)
                );
                self.line(late < TIMED_OUT, text);
            }
        }
    }

    /// A worker holds a message that is to be tried later until then, unacknowledged: where that is longer than a broker waits, others get it too, and
    /// each does it when its time has come.
    fn retries_of_messages(&mut self, queue: &str, reaction: Option<OnFailure>, broker: &Broker) {
        if let (Some(OnFailure::Retry { countdown, .. }), Some(timeout)) = (reaction, broker.transport.timeout()) {
            let healthy = countdown < timeout;
            let outcome =
                if healthy { "before it would be" } else { "and others are given it before that, since it is" };
            let text = format!(
                "{queue}: what failed is tried again after {}, {outcome} taken back after {}",
                rounded(countdown),
                rounded(timeout)
            );
            self.line(healthy, text);
        }
    }

    /// Timeouts and retries of calls to other services.
    fn calls(&mut self, n: usize, service: &Service) {
        for (e, endpoint) in service.endpoints.iter().enumerate() {
            if self.flow.rates[n][e] == 0.0 {
                continue;
            }
            for step in &endpoint.program {
                let Step::Call { service: callee, endpoint: called, policy, .. } = *step else { continue };
                let response = self.flow.responses[callee.index()][called.index()];
                let policy = self.blueprint[policy];
                let from = format!("{} {}", service.name, endpoint.name);
                let tries = self.tries(LinkEnd::Service(ServiceId(n as u32)), callee, policy.retries);
                self.timeout(&from, callee, response, policy.timeout, tries);
            }
        }
    }

    fn sources(&mut self) {
        for (n, source) in self.blueprint.sources.iter().enumerate() {
            let total: f64 = source.mix.iter().map(|part| part.weight).sum();
            if total == 0.0 {
                continue;
            }
            let responses = &self.flow.responses[source.target.index()];
            let response: f64 =
                source.mix.iter().map(|part| part.weight / total * responses[part.endpoint.index()]).sum();
            let policy = self.blueprint[source.policy];
            let rate = self.flow.rate(n);
            let mut response = response;
            if let Arrivals::Closed { users, think } = source.arrivals {
                let think = self.blueprint[think].mean() / 1e9;
                if self.flow.is_saturated(n) {
                    // Little's law: who does not think waits.
                    response = f64::from(users) / rate - think;
                }
                let text = format!(
                    "{}: {users} users, {} to think and {} to be served: at most {}/s{}",
                    source.name,
                    time(think),
                    time(self.flow.unloaded[n]),
                    number(rate),
                    if self.flow.is_saturated(n) { ", which is what the busiest station can do" } else { "" }
                );
                self.line(true, text);
            }
            let from = format!("{} at {}/s", source.name, number(rate));
            let tries = self.tries(LinkEnd::Source(SourceId(n as u32)), source.target, policy.retries);
            self.timeout(&from, source.target, response, policy.timeout, tries);
        }
    }

    /// Faults that do nothing.
    fn faults(&mut self) {
        idle_faults(self.blueprint).into_iter().for_each(|told| self.line(false, told));
    }

    /// P(T > timeout), the full queue K·S against it, and 1/tries against the utilisation.
    fn timeout(&mut self, from: &str, callee: ServiceId, response: f64, timeout: Option<Duration>, tries: f64) {
        let Some(timeout) = timeout.map(Duration::as_secs_f64) else { return };
        let target = &self.blueprint[callee];
        let name = &target.name;
        let missed = exceeds(response, timeout);
        self.line(
            missed < TIMED_OUT,
            format!("{from} → {name}: mean {}, P(T > {}) ≈ {}", time(response), time(timeout), share(missed)),
        );
        let Some((servers, _)) = self.flow.servers(callee.index()) else { return };
        let load = self.flow.core_load(callee.index());
        let used = load / f64::from(servers);
        if tries <= 1.0 {
            return;
        }
        let limit = 1.0 / tries;
        self.line(
            used < limit,
            format!(
                "{from} → {name}: {tries} tries a call, so overload feeds itself from {} utilisation on; it is {}",
                share(limit),
                share(used)
            ),
        );
        let rate: f64 = self.flow.rates[callee.index()].iter().sum::<f64>() / f64::from(target.replicas);
        if let Some(places) = target.places
            && rate > 0.0
        {
            // K·S: the work that waits in a full queue, at the rate at which the cores do it.
            let drained = f64::from(places) * load / rate / f64::from(servers);
            let text = format!(
                "{name}: a full queue of {places} is {} of work against a timeout of {}",
                time(drained),
                time(timeout)
            );
            self.line(drained < timeout, text);
        }
    }

    fn caches(&mut self) {
        for (n, keyspace) in self.blueprint.keyspaces.iter().enumerate() {
            if self.flow.reads[n] == 0.0 {
                continue;
            }
            let cache = &self.blueprint[keyspace.cache].name;
            let hits = self.flow.hits[n];
            // The busiest database when every read misses.
            let cold = self
                .blueprint
                .services
                .iter()
                .enumerate()
                .filter(|(_, service)| matches!(service.runtime, Runtime::Postgres(_)));
            let worst = cold
                .filter_map(|(s, service)| {
                    Some((self.cold.worker_load(s) / f64::from(service.workers?), service.name.clone()))
                })
                .reduce(|a, b| if a.0 >= b.0 { a } else { b });
            let (healthy, then) = worst.map_or((true, String::new()), |(used, name)| {
                (used < 1.0, format!("; with a cold cache the workers of {name} are {} busy", share(used)))
            });
            self.line(
                healthy,
                format!(
                    "{cache}/{}: {} reads/s, hit ratio {}{then}",
                    keyspace.name,
                    number(self.flow.reads[n]),
                    share(hits)
                ),
            );
        }
    }
}

fn number(value: f64) -> String {
    // A sum of nothing is a negative zero.
    match value + 0.0 {
        v if !v.is_finite() => "∞".into(),
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

fn share(value: f64) -> String {
    match value * 100.0 {
        v if !v.is_finite() => "∞".into(),
        v if v < 0.01 => "under 0.01 %".into(),
        v if v < 1.0 => format!("{v:.2} %"),
        v => format!("{v:.0} %"),
    }
}

fn time(seconds: f64) -> String {
    match seconds {
        s if !s.is_finite() => "∞".into(),
        s if s < 1.0 => format!("{:.1} ms", s * 1e3),
        s => format!("{s:.1} s"),
    }
}

fn rounded(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 120.0 { format!("{seconds:.0} s") } else { format!("{:.0} min", seconds / 60.0) }
}

fn size(bytes: f64) -> String {
    let mib = bytes / (1024.0 * 1024.0);
    if mib >= 10.0 { format!("{mib:.0} MiB") } else { format!("{mib:.2} MiB") }
}
