//! Patches: a value is set on one parameter at one time, and set back when the patch ends. The world does not know why.

use super::{World, tables::Op};
use crate::blueprint::Arrivals;
use crate::blueprint::{
    Action, Cores, ExecutorField, HeapField, KeyspaceField, LinkField, PolicyField, PoolField, Postgres, Redis,
    RejectionPolicy, Runtime, ServiceField, SourceField, StepField, Target, TrafficPolicy, Vacation, VacationField,
    Value,
};
use crate::id::LinkId;
use crate::lock::Awaited;
use crate::process::Life;
use crate::record::ChangeKind;
use crate::sink::Sink;
use knockon_kernel::Duration;

impl World {
    /// A patch acts.
    pub(super) fn patch<S: Sink>(&mut self, index: u32, sink: &mut S) {
        if self.is_idle(index) {
            return;
        }
        match self.blueprint.patches[index as usize].action.clone() {
            Action::Set(values) => self.set_all(index, &values, sink),
            Action::Deploy { service, .. } => self.deploy(service, index, sink),
            Action::Kill { service } => {
                for process in self.processes_of(service) {
                    if self.processes[process as usize].life != Life::Down {
                        self.exit(process, 137, false, sink);
                    }
                }
            }
            Action::Pause { service } => {
                for process in self.processes_of(service) {
                    // There is nothing to stop in a process that is down.
                    let p = &self.processes[process as usize];
                    if p.life != Life::Down {
                        self.undo[index as usize].push((process, p.incarnation, 0));
                        self.stop_from_outside(process, sink);
                    }
                }
            }
            Action::PauseIntake { service } => {
                for process in self.processes_of(service) {
                    let p = &mut self.processes[process as usize];
                    if p.life != Life::Down {
                        p.stops.intake += 1;
                        self.undo[index as usize].push((process, p.incarnation, 0));
                        self.touch_process(process);
                    }
                }
            }
            Action::Hold { service, row } => {
                for process in self.processes_of(service) {
                    self.hold_lock(index, process, Awaited::Row(row));
                }
            }
            Action::HoldTable { service, table, mode } => {
                for process in self.processes_of(service) {
                    self.hold_lock(index, process, Awaited::Table { table, mode });
                }
            }
            Action::Terminate { service, share } => self.terminate(index, service, share, sink),
            Action::Restart { service } => {
                for process in self.processes_of(service) {
                    self.shut_down(process, sink);
                }
            }
            Action::Renew { service, expires } => {
                self.services[service.index()].certificate = expires;
                self.emit_change(ChangeKind::Configuration, service.0, None, sink);
            }
            Action::Reload { service } => {
                self.reload_certificate(service);
                self.emit_change(ChangeKind::Configuration, service.0, None, sink);
            }
            Action::Flush { service } => {
                for process in self.processes_of(service) {
                    self.flush_caches(process);
                }
            }
        }
    }

    /// A patch acts on a process that stood still when it was to.
    pub(super) fn patch_at<S: Sink>(&mut self, index: u32, process: u32, sink: &mut S) {
        if self.is_idle(index) {
            return;
        }
        match self.blueprint.patches[index as usize].action {
            Action::Hold { row, .. } => self.hold_lock(index, process, Awaited::Row(row)),
            Action::HoldTable { table, mode, .. } => self.hold_lock(index, process, Awaited::Table { table, mode }),
            Action::Terminate { service, share } => self.terminate(index, service, share, sink),
            _ => unreachable!("only what sessions of a database do waits for it"),
        }
    }

    /// A patch is taken back.
    pub(super) fn patch_end<S: Sink>(&mut self, index: u32, sink: &mut S) {
        if self.is_idle(index) {
            return;
        }
        match self.blueprint.patches[index as usize].action {
            Action::Pause { .. } => {
                for (process, incarnation, _) in std::mem::take(&mut self.undo[index as usize]) {
                    // One that has died meanwhile: a new process is not stopped, or by somebody else.
                    if self.processes[process as usize].incarnation == incarnation {
                        self.continue_from_outside(process, sink);
                    }
                }
            }
            Action::PauseIntake { .. } => {
                for (process, incarnation, _) in std::mem::take(&mut self.undo[index as usize]) {
                    let p = &mut self.processes[process as usize];
                    if p.incarnation == incarnation {
                        p.stops.intake -= 1;
                        self.touch_process(process);
                        self.take_up_queued(process, sink);
                    }
                }
            }
            Action::Hold { .. } | Action::HoldTable { .. } => self.let_rows_go(index),
            Action::Restart { service } => {
                for process in self.processes_of(service) {
                    self.let_start(process, sink);
                }
            }
            _ => {}
        }
        let saved = std::mem::take(&mut self.saved[index as usize]);
        for (target, value) in saved.into_iter().rev() {
            // Where a later patch is in force on the same parameter, that one ends in what was before this one.
            let later = self.saved[index as usize + 1..].iter_mut().flatten().find(|(set, _)| *set == target);
            match later {
                Some((_, before)) => *before = value,
                None => {
                    self.set(target, value, sink);
                }
            }
        }
        self.note_capacities();
    }

    /// The new version's values come into force.
    pub(super) fn roll_out<S: Sink>(&mut self, index: u32, sink: &mut S) {
        if self.is_without_values(index) {
            return;
        }
        if let Action::Deploy { set, .. } = self.blueprint.patches[index as usize].action.clone() {
            for &(target, value) in &set {
                self.set(target, value, sink);
                // What is set on it for a while ends in what the new version brought.
                for (_, before) in self.saved.iter_mut().flatten().filter(|(saved, _)| *saved == target) {
                    *before = value;
                }
            }
            self.note_capacities();
        }
    }

    fn set_all<S: Sink>(&mut self, index: u32, values: &[(Target, Value)], sink: &mut S) {
        for &(target, value) in values {
            let before = self.set(target, value, sink);
            self.saved[index as usize].push((target, before));
            if let Some(service) = configured(target) {
                self.emit_change(ChangeKind::Configuration, service, None, sink);
            }
        }
        self.note_capacities();
    }

    /// Sets a parameter and returns what it was.
    fn set<S: Sink>(&mut self, target: Target, value: Value, sink: &mut S) -> Value {
        match (target, value) {
            (Target::Service(service, field), value) => self.set_service(service.index(), field, value, sink),
            (Target::Heap(service, field), value) => self.set_heap(service.index(), field, value),
            (Target::Pool(service, pool, field), value) => {
                self.set_pool(service.index(), pool.index(), field, value, sink)
            }
            (Target::Executor(service, executor, field), value) => {
                self.set_executor(service.index(), executor.index(), field, value, sink)
            }
            (Target::Step(service, endpoint, step, field), value) => {
                let program = self.tables.program_base[service.index()] + endpoint.0;
                let at = self.tables.programs[program as usize].first + step;
                if let (Op::Publish { edge, .. }, StepField::Bytes, Value::Bytes(bytes)) =
                    (self.tables.ops[at as usize], field, value)
                    && let Some(publication) = self.tables.publications.get_mut(&edge)
                {
                    return Value::Bytes(u64::from(std::mem::replace(&mut publication.bytes, clamp(bytes))));
                }
                set_step(&mut self.tables.ops[at as usize], field, value)
            }
            (Target::Policy(policy, PolicyField::Timeout), Value::Duration(timeout)) => {
                // Waiting for ever has no duration of its own; the longest stands for it on the way back.
                let timeout = (timeout != Duration::MAX).then_some(timeout);
                self.policy_lanes[policy.index()] = timeout.map(|timeout| self.calendar.lane(timeout));
                let before = std::mem::replace(&mut self.blueprint.policies[policy.index()].timeout, timeout);
                Value::Duration(before.unwrap_or(Duration::MAX))
            }
            (Target::Policy(policy, PolicyField::Retries), Value::Count(retries)) => {
                let field = &mut self.blueprint.policies[policy.index()].retries;
                Value::Count(u64::from(std::mem::replace(field, clamp(retries))))
            }
            (Target::Source(source, SourceField::Rate), Value::Number(value)) => {
                match &mut self.blueprint.sources[source.index()].arrivals {
                    Arrivals::Constant { rate } | Arrivals::Poisson { rate } => {
                        Value::Number(std::mem::replace(rate, value))
                    }
                    Arrivals::Replay { .. }
                    | Arrivals::Recorded { .. }
                    | Arrivals::Renewal { .. }
                    | Arrivals::Closed { .. } => Value::Number(value),
                }
            }
            (Target::Source(source, SourceField::Patience), Value::Sampler(new)) => {
                let patience = self.blueprint.sources[source.index()].patience.as_mut();
                Value::Sampler(patience.map_or(new, |patience| std::mem::replace(patience, new)))
            }
            (Target::Vacation(service, field), Value::Sampler(new)) => {
                let vacation = self.blueprint.services[service.index()].vacation.as_mut();
                let sampler = match (vacation, field) {
                    (Some(Vacation::Periodic { every, .. }), VacationField::Every) => every,
                    (Some(Vacation::Periodic { length, .. }), VacationField::Length)
                    | (Some(Vacation::WhenIdle { length, .. }), VacationField::Length) => length,
                    _ => mismatch(target, value),
                };
                Value::Sampler(std::mem::replace(sampler, new))
            }
            (Target::Keyspace(keyspace, KeyspaceField::Ttl), Value::Duration(ttl)) => {
                // For ever has no duration of its own; the longest stands for it.
                let ttl = (ttl != Duration::MAX).then_some(ttl);
                let before = std::mem::replace(&mut self.blueprint.keyspaces[keyspace.index()].ttl, ttl);
                self.each_store_of(keyspace, |store| store.set_ttl(keyspace.0, ttl));
                Value::Duration(before.unwrap_or(Duration::MAX))
            }
            (Target::LocalCache(cache, field), Value::Limit(limit)) => self.set_local_cache(cache, field, limit),
            (Target::Probe(service, kind, field), value) => self.set_probe(service, kind, field, value),
            (Target::Link(link, LinkField::Latency), Value::Sampler(latency)) => {
                Value::Sampler(std::mem::replace(&mut self.blueprint.links[link.index()].latency, latency))
            }
            (Target::Link(link, LinkField::BulkheadMaximum), Value::Count(maximum)) => {
                self.set_permits(link, clamp(maximum));
                let bulkhead = self.traffic_of(link).and_then(|policy| policy.bulkhead.as_mut());
                let before = bulkhead.map(|bulkhead| std::mem::replace(&mut bulkhead.maximum, clamp(maximum)));
                Value::Count(before.map_or(maximum, u64::from))
            }
            (Target::Link(link, LinkField::ThrottleK), Value::Number(k)) => {
                self.upstreams_of(link).filter_map(|upstream| upstream.throttle.as_mut()).for_each(|throttle| {
                    throttle.set_k(k);
                });
                let throttle = self.traffic_of(link).and_then(|policy| policy.throttle.as_mut());
                Value::Number(throttle.map_or(k, |throttle| std::mem::replace(&mut throttle.k, k)))
            }
            (Target::Broker(service, field), value) => self.set_broker(service, field, value, sink),
            (Target::Queue(service, queue, field), value) => self.set_queue(service, queue, field, value, sink),
            (Target::Consumer(service, consumer, field), value) => {
                self.set_consumer(service, consumer, field, value, sink)
            }
            (target, value) => mismatch(target, value),
        }
    }

    fn set_executor<S: Sink>(
        &mut self,
        service: usize,
        executor: usize,
        field: ExecutorField,
        value: Value,
        sink: &mut S,
    ) -> Value {
        let described = &mut self.blueprint.services[service].executors[executor];
        let before = match (field, value) {
            (ExecutorField::Threads, Value::Count(count)) => {
                let before = std::mem::replace(&mut described.threads, clamp(count));
                if self.tables.fixed_executors[service][executor] {
                    described.maximum = clamp(count);
                }
                Value::Count(before.into())
            }
            (ExecutorField::Maximum, Value::Count(count)) => {
                let before = std::mem::replace(&mut described.maximum, clamp(count));
                if self.tables.fixed_executors[service][executor] {
                    described.threads = clamp(count);
                }
                Value::Count(before.into())
            }
            (ExecutorField::Rejection, Value::Count(number)) => {
                let rejection = RejectionPolicy::of_number(number);
                Value::Count(std::mem::replace(&mut described.rejection, rejection).number())
            }
            // A queue keeps its places: processes that start from now on have it.
            (ExecutorField::Queue, Value::Limit(places)) => {
                Value::Limit(std::mem::replace(&mut described.queue, places.map(clamp)).map(u64::from))
            }
            _ => mismatch(field, value),
        };
        self.reconfigure_executor(service, executor, sink);
        before
    }

    fn traffic_of(&mut self, link: LinkId) -> Option<&mut TrafficPolicy> {
        self.blueprint.traffic.iter_mut().find(|policy| policy.link == link)
    }

    fn set_service<S: Sink>(&mut self, service: usize, field: ServiceField, value: Value, sink: &mut S) -> Value {
        let described = &mut self.blueprint.services[service];
        let state = &self.services[service];
        let processes = state.first_process as usize..(state.first_process + state.replicas) as usize;
        match (field, value) {
            (ServiceField::Workers, Value::Limit(limit)) => {
                let before = std::mem::replace(&mut described.workers, limit.map(clamp));
                for process in processes {
                    self.resize_workers(process as u32, sink);
                    self.set_workers(process as u32);
                    self.take_up_queued(process as u32, sink);
                }
                Value::Limit(before.map(u64::from))
            }
            (ServiceField::Places, Value::Limit(limit)) => {
                let before = std::mem::replace(&mut described.places, limit.map(clamp));
                for process in processes {
                    self.processes[process].places = limit.map_or(u32::MAX, clamp);
                }
                Value::Limit(before.map(u64::from))
            }
            (ServiceField::Cores, Value::Limit(Some(milli))) => {
                let before = std::mem::replace(&mut described.cores, Cores::Milli(clamp(milli)));
                let now = self.calendar.now();
                for process in processes {
                    self.processes[process].cpu.set_cores(now, clamp(milli));
                    self.reschedule_processor(process as u32);
                }
                match before {
                    Cores::Milli(before) => Value::Limit(Some(u64::from(before))),
                    Cores::Unlimited => unreachable!("a checked patch leaves unlimited cores alone"),
                }
            }
            (ServiceField::Quota, Value::Limit(limit)) => {
                let milli = limit.map(clamp);
                let before = std::mem::replace(&mut described.quota, milli);
                for process in processes {
                    self.set_quota(process as u32, milli, sink);
                }
                Value::Limit(before.map(u64::from))
            }
            (ServiceField::MemoryLimit, Value::Limit(limit)) => {
                Value::Limit(std::mem::replace(&mut described.memory.limit, limit))
            }
            (ServiceField::MaxConnections, Value::Count(limit)) => match &mut described.runtime {
                Runtime::Postgres(postgres) => {
                    Value::Count(u64::from(std::mem::replace(&mut postgres.max_connections, clamp(limit))))
                }
                Runtime::Redis(Redis { maxclients: Some(maxclients), .. }) => {
                    self.services[service].maxclients = Some(clamp(limit));
                    Value::Count(u64::from(std::mem::replace(maxclients, clamp(limit))))
                }
                _ => mismatch(field, value),
            },
            (ServiceField::SlowQuery, Value::Duration(threshold)) => match &mut described.runtime {
                Runtime::Postgres(postgres) => {
                    Value::Duration(postgres.slow_query.replace(threshold).unwrap_or(Duration::MAX))
                }
                _ => mismatch(field, value),
            },
            (ServiceField::LockTimeout, Value::Duration(timeout)) => match &mut described.runtime {
                Runtime::Postgres(postgres) => replace_timeout(&mut postgres.lock_timeout, timeout),
                _ => mismatch(field, value),
            },
            (ServiceField::StatementTimeout, Value::Duration(timeout)) => match &mut described.runtime {
                Runtime::Postgres(postgres) => {
                    for process in processes {
                        self.processes[process].times_statements = timeout != Duration::MAX;
                    }
                    replace_timeout(&mut postgres.statement_timeout, timeout)
                }
                _ => mismatch(field, value),
            },
            (ServiceField::Maxmemory, Value::Limit(limit)) => match &mut described.runtime {
                Runtime::Redis(redis) => {
                    let before = std::mem::replace(&mut redis.maxmemory, limit);
                    for process in processes {
                        if let Some(store) = &mut self.processes[process].store {
                            store.set_maxmemory(limit);
                        }
                    }
                    Value::Limit(before)
                }
                _ => mismatch(field, value),
            },
            (
                ServiceField::DiskCapacity | ServiceField::DiskGrowth | ServiceField::DiskLogGrowth,
                Value::Bytes(bytes),
            ) => {
                let now = self.calendar.now();
                let Some(storage) = &mut described.storage else { mismatch(field, value) };
                let disk = &mut storage.disk;
                let known = match field {
                    ServiceField::DiskCapacity => &mut disk.capacity,
                    ServiceField::DiskGrowth => &mut disk.growth,
                    _ => &mut disk.log_growth,
                };
                let before = std::mem::replace(known, bytes);
                for process in processes {
                    if let Some(disk) = &mut self.processes[process].disk {
                        match field {
                            ServiceField::DiskCapacity => disk.space.set_capacity(now, bytes),
                            ServiceField::DiskGrowth => disk.space.set_growth(now, bytes),
                            _ => disk.space.set_log_growth(now, bytes),
                        };
                    }
                }
                Value::Bytes(before)
            }
            (ServiceField::ReplayRate, Value::Bytes(rate)) => {
                let now = self.calendar.now();
                let Runtime::Postgres(Postgres { replica: Some(replica), .. }) = &mut described.runtime else {
                    mismatch(field, value)
                };
                let before = std::mem::replace(&mut replica.rate, rate);
                for process in processes {
                    if let Some(replay) = &mut self.processes[process].replay {
                        replay.set_rate(now, rate);
                    }
                }
                Value::Bytes(before)
            }
            (ServiceField::DiskLogRotation, Value::Limit(bound)) => {
                let now = self.calendar.now();
                let Some(storage) = &mut described.storage else { mismatch(field, value) };
                let before = std::mem::replace(&mut storage.disk.log_rotation, bound);
                for process in processes {
                    if let Some(disk) = &mut self.processes[process].disk {
                        disk.space.set_rotation(now, bound);
                    }
                }
                Value::Limit(before)
            }
            (ServiceField::RateLimit, Value::Count(milli)) => {
                let Some(limit) = &mut described.admission.rate_limit else { mismatch(field, value) };
                let before = std::mem::replace(&mut limit.rate_milli, milli.max(1));
                let now = self.calendar.now();
                for process in processes {
                    if let Some(limiter) = self.processes[process].guard.as_mut().and_then(|g| g.limiter.as_mut()) {
                        limiter.set_rate(now, milli.max(1));
                    }
                }
                Value::Count(before)
            }
            (ServiceField::RateBurst, Value::Count(burst)) => {
                let Some(limit) = &mut described.admission.rate_limit else { mismatch(field, value) };
                let before = std::mem::replace(&mut limit.burst, clamp(burst));
                let now = self.calendar.now();
                for process in processes {
                    if let Some(limiter) = self.processes[process].guard.as_mut().and_then(|g| g.limiter.as_mut()) {
                        limiter.set_burst(now, clamp(burst));
                    }
                }
                Value::Count(u64::from(before))
            }
            (
                ServiceField::ConcurrencyMinimum | ServiceField::ConcurrencyMaximum | ServiceField::ConcurrencyLimit,
                Value::Count(bound),
            ) => {
                let Some(limit) = &mut described.admission.concurrency else { mismatch(field, value) };
                let bound = clamp(bound).max(1);
                let before = match field {
                    ServiceField::ConcurrencyMinimum => std::mem::replace(&mut limit.minimum, bound),
                    ServiceField::ConcurrencyMaximum => std::mem::replace(&mut limit.maximum, bound),
                    _ => {
                        limit.minimum = bound;
                        std::mem::replace(&mut limit.maximum, bound)
                    }
                };
                // Of bounds that have passed each other the highest counts.
                let (minimum, maximum) = (limit.minimum.min(limit.maximum), limit.maximum);
                for process in processes {
                    let guard = self.processes[process].guard.as_mut();
                    if let Some(limit) = guard.and_then(|guard| guard.concurrency.as_mut()) {
                        limit.set_bounds(minimum, maximum);
                    }
                    self.set_workers(process as u32);
                    self.take_up_queued(process as u32, sink);
                }
                Value::Count(u64::from(before))
            }
            (ServiceField::WorkerTimeout, Value::Duration(timeout)) => {
                let Some(prefork) = &mut described.prefork else { mismatch(field, value) };
                let before = replace_timeout(&mut prefork.timeout, timeout);
                let timeout = prefork.timeout;
                for process in processes {
                    self.processes[process].prefork.iter_mut().for_each(|prefork| prefork.set_timeout(timeout));
                }
                before
            }
            (ServiceField::MaxRequests, Value::Count(count)) => {
                let Some(prefork) = &mut described.prefork else { mismatch(field, value) };
                // Workers that are forked from now on have it.
                Value::Count(u64::from(std::mem::replace(&mut prefork.max_requests, clamp(count))))
            }
            (ServiceField::MaximumAge, Value::Duration(age)) => {
                // No age has no duration of its own; the longest stands for it.
                let age = (age != Duration::MAX).then_some(age);
                let before = std::mem::replace(&mut described.admission.queue.maximum_age, age);
                for process in processes {
                    self.processes[process].queue.ask_for_expiry();
                }
                Value::Duration(before.unwrap_or(Duration::MAX))
            }
            (ServiceField::ExpiryHz | ServiceField::ExpiryEffort | ServiceField::ExpiryDelete, value) => {
                let Runtime::Redis(Redis { expiry: Some(expiry), .. }) = &mut described.runtime else {
                    mismatch(field, value);
                };
                let before = match (field, value) {
                    (ServiceField::ExpiryHz, Value::Count(hz)) => {
                        Value::Count(std::mem::replace(&mut expiry.hz, clamp(hz)).into())
                    }
                    (ServiceField::ExpiryEffort, Value::Count(effort)) => {
                        Value::Count(std::mem::replace(&mut expiry.effort, clamp(effort)).into())
                    }
                    (ServiceField::ExpiryDelete, Value::Duration(delete)) => {
                        Value::Duration(std::mem::replace(&mut expiry.delete, delete))
                    }
                    _ => mismatch(field, value),
                };
                let settings = *expiry;
                for process in processes {
                    if let Some(store) = &mut self.processes[process].store {
                        store.set_expiry(settings);
                    }
                }
                before
            }
            (ServiceField::Maxkeys, Value::Limit(limit)) => match &mut described.runtime {
                Runtime::Redis(redis) => {
                    let before = std::mem::replace(&mut redis.maxkeys, limit);
                    for process in processes {
                        if let Some(store) = &mut self.processes[process].store {
                            store.set_maximum_entries(limit);
                        }
                    }
                    Value::Limit(before)
                }
                _ => mismatch(field, value),
            },
            (field, value) => mismatch(field, value),
        }
    }

    fn set_heap(&mut self, service: usize, field: HeapField, value: Value) -> Value {
        let Runtime::Jvm(heap) = &mut self.blueprint.services[service].runtime else { mismatch(field, value) };
        match (field, value) {
            (HeapField::Maximum, Value::Bytes(bytes)) => Value::Bytes(std::mem::replace(&mut heap.maximum, bytes)),
            (HeapField::Base, Value::Bytes(bytes)) => Value::Bytes(std::mem::replace(&mut heap.base, bytes)),
            (HeapField::PauseScale, Value::Number(scale)) => {
                let before = std::mem::replace(&mut heap.pause_scale, scale);
                let state = &self.services[service];
                for process in state.first_process..state.first_process + state.replicas {
                    if let Some(heap) = &mut self.processes[process as usize].heap {
                        heap.set_pause_scale(scale);
                    }
                }
                Value::Number(before)
            }
            (field, value) => mismatch(field, value),
        }
    }

    fn set_pool<S: Sink>(
        &mut self,
        service: usize,
        pool: usize,
        field: PoolField,
        value: Value,
        sink: &mut S,
    ) -> Value {
        let now = self.now();
        let described = &mut self.blueprint.services[service].pools[pool];
        let state = &self.services[service];
        let processes = state.first_process..state.first_process + state.replicas;
        match (field, value) {
            (PoolField::Maximum, Value::Count(maximum)) => {
                let before = std::mem::replace(&mut described.maximum, clamp(maximum));
                // A pool whose minimum was its maximum stays one of fixed size.
                if self.tables.fixed_pools[service][pool] {
                    described.minimum_idle = described.maximum;
                }
                for process in processes {
                    if let Some(machine) = self.processes[process as usize].pools.get_mut(pool) {
                        machine.set_maximum(now, clamp(maximum), &mut self.effects);
                        self.carry_out::<S>(process, pool as u8);
                        self.note_pool(process, pool as u8, sink);
                    }
                }
                Value::Count(u64::from(before))
            }
            (PoolField::AcquireTimeout, Value::Duration(timeout)) => {
                let before = std::mem::replace(&mut described.acquire_timeout, timeout);
                for process in processes {
                    if let Some(machine) = self.processes[process as usize].pools.get_mut(pool) {
                        machine.set_acquire_timeout(timeout);
                    }
                }
                Value::Duration(before)
            }
            (field, value) => mismatch(field, value),
        }
    }
}

fn set_step(op: &mut Op, field: StepField, value: Value) -> Value {
    match (op, field, value) {
        (
            Op::Compute { demand: sampler, .. } | Op::Sleep { time: sampler, .. } | Op::Block { time: sampler, .. },
            StepField::Demand,
            Value::Sampler(new),
        ) => Value::Sampler(std::mem::replace(sampler, new)),
        (Op::Allocate { bytes } | Op::Churn { bytes } | Op::Retain { bytes }, StepField::Bytes, Value::Bytes(new)) => {
            Value::Bytes(std::mem::replace(bytes, new))
        }
        (Op::Leak { share, .. }, StepField::Share, Value::Number(new)) => Value::Number(std::mem::replace(share, new)),
        (op, field, value) => mismatch((*op, field), value),
    }
}

/// Parameters that a team changes in a service's configuration, and that its change log would show.
fn configured(target: Target) -> Option<u32> {
    match target {
        Target::Service(service, _)
        | Target::Heap(service, _)
        | Target::Pool(service, ..)
        | Target::Executor(service, ..)
        | Target::Broker(service, _)
        | Target::Queue(service, ..)
        | Target::Consumer(service, ..)
        | Target::Probe(service, ..) => Some(service.0),
        _ => None,
    }
}

/// Sets a timeout and returns the one before. Waiting for ever has no duration of its own; the longest stands for it.
fn replace_timeout(timeout: &mut Option<Duration>, value: Duration) -> Value {
    let value = (value != Duration::MAX).then_some(value);
    Value::Duration(std::mem::replace(timeout, value).unwrap_or(Duration::MAX))
}

fn clamp(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn mismatch(target: impl std::fmt::Debug, value: Value) -> ! {
    unreachable!("a checked patch sets a value of its target's kind, not {value:?} on {target:?}")
}
