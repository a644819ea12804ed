//! Faults to patches: which parameter of the blueprint a path means, and what value it gets.

use super::Compiler;
use super::health::PROBES;
use crate::decode::{At, Entry, Map};
use crate::held;
use crate::language::{
    BrokerText, ConcurrencyText, ContrastText, Deploy, DiskText, DropRequest, FaultText, HealthText, KeysText,
    LocalCacheText, PoolText, PreforkText, RateLimitText, RuntimeText, ScenarioText, ServiceText, SetText, StepText,
    SystemText, VacationText,
};
use crate::leaf::{Name, Period, Setting};
use crate::origin::Span;
use crate::path::{Address, Component, Lost, Part, link_name};
use crate::suggest;
use knockon_kernel::{Duration, Time};
use knockon_model::blueprint::{
    Action, Arrivals, BrokerField, ConsumerField, Contrast, Cores, Dropped, ExecutorField, Fault, HeapField,
    KeyspaceField, LinkEnd, LinkField, LocalCacheField, Patch, PolicyField, PoolField, ProbeField, QueueField,
    ServiceField, SourceField, Step, StepField, Target, Transport, Vacation, VacationField, Value,
};
use knockon_model::id::{EndpointId, ExecutorId, FaultId, KeyspaceId, LinkId, PolicyId, PoolId, ServiceId};

/// A parameter and its new value.
type Change = (Target, Value);

/// What is shown to people: path, from, to.
type Shown = (String, String, String);

impl Compiler<'_> {
    pub(super) fn faults(&mut self, text: &ScenarioText) {
        for (name, Entry { value, broken, .. }) in text.faults.iter() {
            if !broken {
                self.fault(name, value);
            }
        }
        // Stable, so faults of one instant act in the order of their names.
        self.blueprint.patches.sort_by_key(|patch| patch.at);
        self.tell_what_was_held();
    }

    /// A fault on a parameter that another one has set changes what that one has set, and is told so.
    fn tell_what_was_held(&mut self) {
        let patches = &self.blueprint.patches;
        for (index, patch) in patches.iter().enumerate() {
            for (position, &(target, _)) in held::values(patch).iter().enumerate() {
                let holder = held::holder(patches, index, target);
                let holder = holder.and_then(|(other, position)| Some((patches[other].fault?, position)));
                let (Some(fault), Some((other, held))) = (patch.fault, holder) else { continue };
                let text = self.blueprint.faults[other.index()].settings.get(held).map(|(_, _, to)| to.clone());
                if let (Some(text), Some((_, from, _))) =
                    (text, self.blueprint.faults[fault.index()].settings.get_mut(position))
                {
                    *from = text;
                }
            }
        }
    }

    fn fault(&mut self, name: &str, fault: &FaultText) {
        let id = FaultId(self.blueprint.faults.len() as u32);
        let mut contrast = Contrast::Nothing;
        let (kind, component, at, until, settings, action) = match fault {
            FaultText::Kill(kill) => {
                let service = self.acted_on(&kill.service);
                ("kill", kill.service.0.clone(), &kill.at, None, Vec::new(), Some(Action::Kill { service }))
            }
            FaultText::Pause(pause) => {
                let service = self.acted_on(&pause.service);
                let action =
                    if pause.finishes_work.value { Action::PauseIntake { service } } else { Action::Pause { service } };
                let until = Some((pause.until.value, pause.until.span));
                ("pause", pause.service.0.clone(), &pause.at, until, Vec::new(), Some(action))
            }
            FaultText::Flush(flush) => {
                let service = self.acted_on(&flush.cache);
                let within =
                    self.system.services.get(&flush.cache.0).is_some_and(|text| !text.caches.entries.is_empty());
                if self.system.caches.get(&flush.cache.0).is_none()
                    && !within
                    && self.services.contains_key(flush.cache.0.as_str())
                {
                    self.report(flush.cache.span, format!("{:?} is not a cache", flush.cache.0), None);
                }
                ("flush", flush.cache.0.clone(), &flush.at, None, Vec::new(), Some(Action::Flush { service }))
            }
            FaultText::HoldLock(hold) => {
                let action = self.hold_lock(hold);
                let until = Some((hold.until.value, hold.until.span));
                ("hold lock", hold.database.0.clone(), &hold.at, until, Vec::new(), action)
            }
            FaultText::HoldTable(hold) => {
                let action = self.hold_table(hold);
                let until = Some((hold.until.value, hold.until.span));
                ("hold table", hold.database.0.clone(), &hold.at, until, Vec::new(), action)
            }
            FaultText::Terminate(terminate) => {
                let service = self.acted_on_database(&terminate.database);
                let action = Action::Terminate { service, share: terminate.share.0 };
                ("terminate", terminate.database.0.clone(), &terminate.at, None, Vec::new(), Some(action))
            }
            FaultText::Restart(restart) => {
                let service = self.acted_on(&restart.service);
                let until = Some((restart.until.value, restart.until.span));
                (
                    "restart",
                    restart.service.0.clone(),
                    &restart.at,
                    until,
                    Vec::new(),
                    Some(Action::Restart { service }),
                )
            }
            FaultText::Renew(renew) => {
                let service = self.acted_on(&renew.service);
                let action = Action::Renew { service, expires: instant(renew.expires.value) };
                ("renew", renew.service.0.clone(), &renew.at, None, Vec::new(), Some(action))
            }
            FaultText::Reload(reload) => {
                let service = self.acted_on(&reload.service);
                ("reload", reload.service.0.clone(), &reload.at, None, Vec::new(), Some(Action::Reload { service }))
            }
            FaultText::DropRequest(drop) => return self.drop_request(name, id, drop),
            FaultText::Surge(surge) => {
                let arrivals = crate::decode::Slot::show(&surge.load.arrivals);
                let settings = vec![(format!("{}.arrivals", surge.source.0), "none".to_owned(), arrivals)];
                let until = surge.until.value.map(|until| (until, surge.until.span));
                ("surge", surge.load.target.0.clone(), &surge.at, until, settings, None)
            }
            FaultText::Deploy(deploy) => {
                if deploy.contrast.value == ContrastText::SameDeploy {
                    contrast = Contrast::SameDeploy;
                }
                let service = self.acted_on(&deploy.service);
                let (settings, set) = self.changes(&deploy.set);
                self.check_deploy(deploy);
                ("deploy", deploy.service.0.clone(), &deploy.at, None, settings, Some(Action::Deploy { service, set }))
            }
            FaultText::Set(set) => {
                let (settings, changes) = self.changes(&set.set);
                let until = set.until.value.map(|until| (until, set.until.span));
                ("set", first_component(set), &set.at, until, settings, Some(Action::Set(changes)))
            }
        };
        self.check_times(at, until);
        let at = instant(at.value);
        let until = until.map(|(until, _)| instant(until));
        if let Some(action) = action {
            self.blueprint.patches.push(Patch { fault: Some(id), at, until, action });
        }
        self.blueprint.faults.push(Fault {
            name: name.to_owned(),
            component,
            settings,
            kind: kind.to_owned(),
            at,
            until,
            contrast,
        });
    }

    /// One request is never sent. The fault acts when that would come; in a closed source nobody knows when that will be, so it acts, if
    /// there were something to be seen of it, from the source's beginning on.
    fn drop_request(&mut self, name: &str, fault: FaultId, text: &DropRequest) {
        let number = u64::from(text.number.0);
        let mut at = Time::MAX;
        match self.sources.get(text.source.0.as_str()).copied() {
            Some(source) => {
                self.blueprint.sources[source.index()].dropped.push(Dropped { number, fault });
                // Where something is wrong nobody will run it.
                if self.reader.findings.is_empty() {
                    at = match self.blueprint[source].arrivals {
                        Arrivals::Closed { .. } => self.blueprint[source].from,
                        _ => self.blueprint.instant_of_request(source, number).unwrap_or(Time::MAX),
                    };
                }
            }
            None if !text.source.broken && !self.unsure() => {
                let hint = suggest::hint(&text.source.0, self.sources.keys().map(String::as_str));
                self.report(text.source.span, format!("there is no load source {:?}", text.source.0), hint);
            }
            None => {}
        }
        let component = text.source.0.clone();
        let settings = vec![(format!("{component}.requests.{number}"), "sent".to_owned(), "never sent".to_owned())];
        let kind = "drop request".to_owned();
        let contrast = Contrast::Nothing;
        self.blueprint.faults.push(Fault {
            name: name.to_owned(),
            component,
            settings,
            kind,
            at,
            until: None,
            contrast,
        });
    }

    pub(super) fn acted_on(&mut self, name: &At<Name>) -> ServiceId {
        if name.broken {
            return ServiceId::default();
        }
        self.find_service(&name.0, name.span).unwrap_or_default()
    }

    fn check_times(&mut self, at: &At<Duration>, until: Option<(Duration, Span)>) {
        if let Some((until, span)) = until
            && until <= at.value
            && !at.broken
        {
            self.report(span, "`until` does not lie after `at`", None);
        }
    }

    /// A deploy changes the service that is deployed, nothing else.
    fn check_deploy(&mut self, deploy: &Deploy) {
        for (path, entry) in deploy.set.iter() {
            let mut system = self.system.clone();
            if let Ok(address) = Address::resolve(&mut system, path)
                && address.component != Component::Service(deploy.service.0.clone())
                && !deploy.service.broken
            {
                let message = format!("a deploy of {:?} cannot change {path:?}", deploy.service.0);
                self.report(
                    entry.name,
                    message,
                    Some("use `Set` for what a new version does not bring with it".into()),
                );
            }
        }
    }

    /// Paths and values to parameters and values.
    fn changes(&mut self, set: &At<Map<Setting>>) -> (Vec<Shown>, Vec<Change>) {
        if set.entries.is_empty() && !set.partial {
            // An empty deploy is what remains of one without its defect.
            return (Vec::new(), Vec::new());
        }
        let mut shown = Vec::new();
        let mut changes = Vec::new();
        for (path, Entry { name: span, value, .. }) in set.iter() {
            match self.change(path, value) {
                Ok((settings, Some(change))) => {
                    shown.push(settings);
                    changes.push(change);
                }
                Ok((_, None)) => {}
                Err(lost) => self.report(*span, lost.message, lost.hint),
            }
        }
        (shown, changes)
    }

    fn change(&mut self, path: &str, setting: &Setting) -> Result<(Shown, Option<Change>), Lost> {
        if self.unsure() {
            return Ok((Shown::default(), None));
        }
        let mut system = self.system.clone();
        let address = Address::resolve(&mut system, path)?;
        let found = self.reader.findings.len();
        let slot = address.slot(&mut system);
        let Some(slot) = slot else {
            return Ok((Shown::default(), None));
        };
        let from = slot.show();
        slot.set(&setting.0, self.reader);
        let to = slot.show();
        if self.reader.findings.len() > found {
            return Ok((Shown::default(), None));
        }
        let change = self.parameter(&system, &address, setting.0.span);
        match change {
            Some(change) => Ok(((path.to_owned(), from, to), Some(change))),
            None => Err(Lost {
                message: format!("{path:?} cannot change while the world runs"),
                hint: Some(hint(&address)),
            }),
        }
    }

    /// The parameter that an address means, and the value that it now has in the text.
    fn parameter(&mut self, system: &SystemText, address: &Address, span: Span) -> Option<Change> {
        let field = address.field.as_str();
        match &address.component {
            Component::Service(name) => {
                let id = *self.services.get(name.as_str())?;
                let service = system.services.get(name)?;
                match &address.part {
                    Part::Itself => match field {
                        "workers" if service.prefork.value.is_some() && service.workers.0.is_none() => None,
                        "workers" => Some(self.service_limit(id, ServiceField::Workers, service.workers.0)),
                        "places" => Some(self.service_limit(id, ServiceField::Places, service.places.0)),
                        "cores" => self.cores(id, service.cores.0),
                        "quota" => self.quota(id, service.quota.0),
                        _ => None,
                    },
                    Part::Memory if field == "limit" => Some(memory_limit(id, service.memory.limit.value.map(|b| b.0))),
                    Part::Queue if field == "maximum_age" => {
                        let age = service.queue.maximum_age.value.map_or(Duration::MAX, |age| age.0);
                        Some((Target::Service(id, ServiceField::MaximumAge), Value::Duration(age)))
                    }
                    Part::Prefork => prefork(id, service.prefork.value.as_ref()?, field),
                    Part::RateLimit => rate_limit(id, service.rate_limit.value.as_ref()?, field),
                    Part::Concurrency => concurrency(id, service.concurrency.value.as_ref()?, field),
                    Part::Heap => heap(id, &service.runtime, field),
                    Part::Vacation => self.vacation_target(id, service.vacation.value.as_ref()?, field, span),
                    Part::Probe(name) => probe(id, service.health.value.as_ref()?, name, field),
                    Part::Pool(name) => pool(id, &service.pools, name, field),
                    Part::Executor(name) => self.executor_target(id, service, name, field, span),
                    Part::Endpoint(endpoint) => self.endpoint_target(system, address, id, name, endpoint, span),
                    Part::Consumer(consumer) => self.consumer_target(system, address, id, name, consumer, span),
                    Part::LocalCache(cache) => self.local_cache_target(id, cache, service.caches.get(cache)?, field),
                    Part::LocalKeys(cache, keys) if field == "ttl" => {
                        let id = *self.local_keyspaces.get(&(name.as_str(), cache.as_str(), keys.as_str()))?;
                        Some(ttl(id, service.caches.get(cache)?.keys.get(keys)?))
                    }
                    _ => None,
                }
            }
            Component::Database(name) => {
                let id = *self.services.get(name.as_str())?;
                let database = system.databases.get(name)?;
                match &address.part {
                    Part::Itself => match field {
                        "workers" => Some(self.service_limit(id, ServiceField::Workers, database.workers.0)),
                        "cores" => self.cores(id, database.cores.0),
                        "quota" => self.quota(id, database.quota.0),
                        "max_connections" => Some((
                            Target::Service(id, ServiceField::MaxConnections),
                            Value::Count(u64::from(database.max_connections.0)),
                        )),
                        "lock_timeout" => Some(patience(id, ServiceField::LockTimeout, database.lock_timeout.value)),
                        "statement_timeout" => {
                            Some(patience(id, ServiceField::StatementTimeout, database.statement_timeout.value))
                        }
                        "replay" => {
                            let rate = database.replay.value.filter(|_| database.replica_of.is_some())?;
                            Some((Target::Service(id, ServiceField::ReplayRate), Value::Bytes(rate.0)))
                        }
                        "slow_query" => {
                            let slow = database.slow_query.value?;
                            Some((Target::Service(id, ServiceField::SlowQuery), Value::Duration(slow.0)))
                        }
                        _ => None,
                    },
                    Part::Memory if field == "limit" => {
                        Some(memory_limit(id, database.memory.limit.value.map(|b| b.0)))
                    }
                    Part::Disk => disk(id, database.disk.value.as_ref()?, field),
                    Part::Query(query) if field == "demand" => {
                        let n = database.queries.names().position(|name| name == query)?;
                        let law = &database.queries.get(query)?.demand;
                        // COMMIT and ROLLBACK come first.
                        let endpoint = EndpointId(n as u32 + 2);
                        let value = Value::Sampler(self.step_sampler(law, span, (id, endpoint)));
                        // So does what a statement locks.
                        let program =
                            &self.blueprint.services.get(id.index())?.endpoints.get(endpoint.index())?.program;
                        let position = program.iter().position(|step| matches!(step, Step::Compute { .. }))? as u32;
                        Some((Target::Step(id, endpoint, position, StepField::Demand), value))
                    }
                    _ => None,
                }
            }
            Component::Cache(name) => {
                let id = *self.services.get(name.as_str())?;
                let cache = system.caches.get(name)?;
                match (&address.part, field) {
                    (Part::Itself, "maxmemory") => {
                        let bytes = cache.maxmemory.value.map(|bytes| bytes.0);
                        Some((Target::Service(id, ServiceField::Maxmemory), Value::Limit(bytes)))
                    }
                    (Part::Itself, "places") => Some(self.service_limit(id, ServiceField::Places, cache.places.0)),
                    (Part::Itself, "maxkeys") => {
                        let keys = cache.maxkeys.value.map(|count| count.0);
                        Some(self.service_limit(id, ServiceField::Maxkeys, keys))
                    }
                    (Part::Itself, "maxclients") => {
                        let count = cache.maxclients.value?;
                        Some((Target::Service(id, ServiceField::MaxConnections), Value::Count(count.0.into())))
                    }
                    (Part::Expiry, field) => {
                        let expiry = cache.expiry.value.as_ref()?;
                        let (field, value) = match field {
                            "hz" => (ServiceField::ExpiryHz, Value::Count(expiry.hz.0.into())),
                            "effort" => (ServiceField::ExpiryEffort, Value::Count(expiry.effort.0.into())),
                            "delete" => (ServiceField::ExpiryDelete, Value::Duration(expiry.delete.0)),
                            _ => return None,
                        };
                        Some((Target::Service(id, field), value))
                    }
                    (Part::Command(command), "demand") => {
                        let n = cache.commands.names().position(|name| name == command)?;
                        let law = &cache.commands.get(command)?.demand;
                        let endpoint = EndpointId(super::cache::COMMANDS + n as u32);
                        let value = Value::Sampler(self.step_sampler(law, span, (id, endpoint)));
                        Some((Target::Step(id, endpoint, 0, StepField::Demand), value))
                    }
                    (Part::Keys(keys), "ttl") => {
                        let id = *self.keyspaces.get(&(name.as_str(), keys.as_str()))?;
                        Some(ttl(id, cache.keys.get(keys)?))
                    }
                    (Part::Memory, "limit") => Some(memory_limit(id, cache.memory.limit.value.map(|b| b.0))),
                    _ => None,
                }
            }
            Component::Broker(name) => {
                let id = *self.services.get(name.as_str())?;
                broker_target(id, system.brokers.get(name)?, &address.part, field)
            }
            Component::Load(name) => {
                let id = *self.sources.get(name)?;
                let source = system.load.get(name)?;
                let policy = self.blueprint.sources[id.index()].policy;
                match field {
                    "timeout" => timeout(policy, source.timeout.value?.0),
                    "patience" if self.blueprint.sources[id.index()].patience.is_some() => {
                        let patience = self.sampler(source.patience.value.as_ref()?, span);
                        Some((Target::Source(id, SourceField::Patience), Value::Sampler(patience)))
                    }
                    "retries" => {
                        Some((Target::Policy(policy, PolicyField::Retries), Value::Count(u64::from(source.retries.0))))
                    }
                    _ => None,
                }
            }
            Component::Link(name) if matches!(address.part, Part::Guard(_)) => {
                let link = self.find_link(name)?;
                let text = system.links.get(name)?;
                match (&address.part, field) {
                    (Part::Guard(guard), "maximum") if guard == "bulkhead" => {
                        let maximum = text.bulkhead.value.as_ref()?.maximum.0;
                        Some((Target::Link(link, LinkField::BulkheadMaximum), Value::Count(maximum.into())))
                    }
                    (Part::Guard(guard), "k") if guard == "throttle" => {
                        let k = text.throttle.value.as_ref()?.k.0;
                        Some((Target::Link(link, LinkField::ThrottleK), Value::Number(k)))
                    }
                    _ => None,
                }
            }
            Component::Link(name) if field == "latency" => {
                let link = self.find_link(name)?;
                let latency = self.sampler(&system.links.get(name)?.latency, span);
                Some((Target::Link(link, LinkField::Latency), Value::Sampler(latency)))
            }
            Component::Link(_) => None,
        }
    }

    /// The policy of waiting for a load, which follows the read of the cache. None where requests load for themselves.
    fn load_policy(&self, service: ServiceId, endpoint: usize, read: u32) -> Option<PolicyId> {
        let program = &self.blueprint.services.get(service.index())?.endpoints.get(endpoint)?.program;
        match program.get(read as usize + 1)? {
            Step::Load { policy, .. } => Some(*policy),
            _ => None,
        }
    }

    fn local_cache_target(&self, service: ServiceId, name: &str, text: &LocalCacheText, field: &str) -> Option<Change> {
        let mut mine = self.blueprint.local_caches_of(service);
        let (id, _) = mine.find(|(_, cache)| cache.name == name)?;
        let (field, limit) = match field {
            "maximum_entries" => {
                (LocalCacheField::MaximumEntries, text.maximum_entries.value.map(|count| u64::from(count.0)))
            }
            "maximum_bytes" => (LocalCacheField::MaximumBytes, text.maximum_bytes.value.map(|bytes| bytes.0)),
            _ => return None,
        };
        Some((Target::LocalCache(id, field), Value::Limit(limit)))
    }

    /// Vacations that there are from the start may become others of their kind.
    fn vacation_target(&mut self, id: ServiceId, text: &VacationText, field: &str, span: Span) -> Option<Change> {
        let now = self.blueprint.services.get(id.index())?.vacation?;
        let (field, law) = match (text, now, field) {
            (VacationText::Periodic(text), Vacation::Periodic { .. }, "every") => (VacationField::Every, &text.every),
            (VacationText::Periodic(text), Vacation::Periodic { .. }, "length") => {
                (VacationField::Length, &text.length)
            }
            (VacationText::WhenIdle(text), Vacation::WhenIdle { .. }, "length") => {
                (VacationField::Length, &text.length)
            }
            _ => return None,
        };
        let sampler = self.sampler(law, span);
        if self.blueprint[sampler].mean() <= 0.0 && !law.broken {
            self.report(span, "a vacation and the time between two take some time", None);
        }
        Some((Target::Vacation(id, field), Value::Sampler(sampler)))
    }

    fn service_limit(&self, id: ServiceId, field: ServiceField, limit: Option<u32>) -> Change {
        (Target::Service(id, field), Value::Limit(limit.map(u64::from)))
    }

    /// A processor that never makes anyone wait is another machine: neither becomes the other while the world runs.
    fn cores(&self, id: ServiceId, milli: Option<u32>) -> Option<Change> {
        let bounded = matches!(self.blueprint.services.get(id.index())?.cores, Cores::Milli(_));
        milli.filter(|_| bounded).map(|milli| self.service_limit(id, ServiceField::Cores, Some(milli)))
    }

    /// So with the quota of a processor on which nobody ever waits.
    fn quota(&self, id: ServiceId, milli: Option<u32>) -> Option<Change> {
        let shared = self.blueprint.services.get(id.index())?.shares_processor();
        shared.then(|| self.service_limit(id, ServiceField::Quota, milli))
    }

    fn find_link(&self, name: &str) -> Option<LinkId> {
        let (from, to) = link_name(name)?;
        let end = |link: &knockon_model::blueprint::Link| match link.from {
            LinkEnd::Source(source) => self.blueprint.sources[source.index()].name.as_str(),
            LinkEnd::Service(service) => self.blueprint.services[service.index()].name.as_str(),
        };
        let found = |link: &knockon_model::blueprint::Link| {
            end(link) == from && self.blueprint.services[link.to.index()].name == to
        };
        self.blueprint.links.iter().position(found).map(|n| LinkId(n as u32))
    }

    fn endpoint_target(
        &mut self,
        system: &SystemText,
        address: &Address,
        id: ServiceId,
        service: &str,
        name: &str,
        span: Span,
    ) -> Option<Change> {
        let service = system.services.get(service)?;
        let (n, (_, entry)) = service.all_endpoints().enumerate().find(|(_, (endpoint, _))| *endpoint == name)?;
        let endpoint = &entry.value;
        let bytes = [endpoint.allocate.0, endpoint.retain.0, endpoint.churn.0];
        self.program_target(service, address, (id, n), bytes, &endpoint.steps, span)
    }

    fn consumer_target(
        &mut self,
        system: &SystemText,
        address: &Address,
        id: ServiceId,
        service: &str,
        name: &str,
        span: Span,
    ) -> Option<Change> {
        let service = system.services.get(service)?;
        let n = service.consumers.names().position(|consumer| consumer == name)?;
        let consumer = service.consumers.get(name)?;
        if address.field == "prefetch" {
            let prefetch = u64::from(consumer.prefetch.value?.0);
            return Some((Target::Consumer(id, n as u32, ConsumerField::Prefetch), Value::Count(prefetch)));
        }
        let bytes = [consumer.allocate.0, consumer.retain.0, consumer.churn.0];
        // Consumers come behind the endpoints.
        let n = n + service.all_endpoints().count();
        self.program_target(service, address, (id, n), bytes, &consumer.steps, span)
    }

    fn program_target(
        &mut self,
        service: &ServiceText,
        address: &Address,
        (id, n): (ServiceId, usize),
        [allocate, retain, churn]: [u64; 3],
        steps: &Vec<At<StepText>>,
        span: Span,
    ) -> Option<Change> {
        let step = |position, field| Target::Step(id, EndpointId(n as u32), position, field);
        let managed = matches!(service.runtime.value, RuntimeText::Jvm(_) | RuntimeText::CPython(_));
        match (address.field.as_str(), address.step) {
            // Programs of managed memory begin with these three.
            ("allocate", None) if managed => Some((step(0, StepField::Bytes), Value::Bytes(allocate))),
            ("retain", None) if managed => Some((step(1, StepField::Bytes), Value::Bytes(retain))),
            ("churn", None) if managed => Some((step(2, StepField::Bytes), Value::Bytes(churn))),
            (field, Some(wanted)) => {
                let (index, text) = address.find_step(steps, wanted)?;
                let place = *self.places.get(&(id, n as u32))?.get(index)?;
                match (field, text) {
                    ("demand", StepText::Compute(compute)) => {
                        let demand = self.step_sampler(&compute.demand, span, (id, EndpointId(n as u32)));
                        Some((step(place.position, StepField::Demand), Value::Sampler(demand)))
                    }
                    ("time", StepText::Sleep(sleep)) => {
                        let time = self.step_sampler(&sleep.time, span, (id, EndpointId(n as u32)));
                        Some((step(place.position, StepField::Demand), Value::Sampler(time)))
                    }
                    ("block", StepText::Block(block)) => {
                        let time = self.step_sampler(&block.block, span, (id, EndpointId(n as u32)));
                        Some((step(place.position, StepField::Demand), Value::Sampler(time)))
                    }
                    ("bytes", StepText::Allocate(bytes) | StepText::Retain(bytes)) => {
                        Some((step(place.position, StepField::Bytes), Value::Bytes(bytes.bytes.0)))
                    }
                    ("leaks", StepText::Transaction(transaction)) => {
                        // A transaction that never forgets its connection has no step that could.
                        let program = &self.blueprint.services.get(id.index())?.endpoints.get(n)?.program;
                        let Some(Step::Leak { .. }) = program.get(place.position as usize) else { return None };
                        let share = transaction.leaks.value.as_ref()?.0;
                        Some((step(place.position, StepField::Share), Value::Number(share)))
                    }
                    ("timeout", StepText::Call(call)) => timeout(place.policy?, call.timeout.value?.0),
                    ("timeout", StepText::Query(query)) => timeout(place.policy?, query.timeout.value?.0),
                    ("timeout", StepText::Run(run)) if run.wait.value => timeout(place.policy?, run.timeout.value?.0),
                    ("timeout", StepText::Parallel(parallel)) => timeout(place.policy?, parallel.timeout.value?.0),
                    ("bytes", StepText::Publish(publish)) => {
                        Some((step(place.position, StepField::Bytes), Value::Bytes(publish.bytes.0)))
                    }
                    ("timeout", StepText::Publish(publish)) => timeout(place.policy?, publish.timeout.value?.0),
                    ("retries", StepText::Publish(publish)) => Some((
                        Target::Policy(place.policy?, PolicyField::Retries),
                        Value::Count(u64::from(publish.retries.0)),
                    )),
                    ("timeout", StepText::Command(command)) => timeout(place.policy?, command.timeout.value?.0),
                    ("timeout", StepText::CacheAside(cache)) => timeout(place.policy?, cache.timeout.value?.0),
                    ("timeout", StepText::ReadThrough(cache)) => timeout(place.policy?, cache.timeout.value?.0),
                    ("load_timeout", StepText::CacheAside(cache)) => {
                        timeout(self.load_policy(id, n, place.position)?, cache.load_timeout.value?.0)
                    }
                    ("load_timeout", StepText::ReadThrough(cache)) => {
                        timeout(self.load_policy(id, n, place.position)?, cache.load_timeout.value?.0)
                    }
                    ("retries", StepText::Call(call)) => Some((
                        Target::Policy(place.policy?, PolicyField::Retries),
                        Value::Count(u64::from(call.retries.0)),
                    )),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

impl Compiler<'_> {
    fn executor_target(
        &mut self,
        id: ServiceId,
        service: &ServiceText,
        name: &str,
        field: &str,
        span: Span,
    ) -> Option<Change> {
        let executor = ExecutorId(service.executors.names().position(|executor| executor == name)? as u32);
        let text = service.executors.get(name)?;
        let (field, value) = match field {
            "threads" => (ExecutorField::Threads, Value::Count(text.threads.0.into())),
            "maximum" => (ExecutorField::Maximum, Value::Count(text.maximum.value?.0.into())),
            "queue" => (ExecutorField::Queue, Value::Limit(text.queue.0.map(u64::from))),
            "rejection" => {
                (ExecutorField::Rejection, Value::Count(super::executor::rejection(&text.rejection.value).number()))
            }
            _ => return None,
        };
        let found = self.reader.findings.len();
        self.check_executor(service, text, span);
        (self.reader.findings.len() == found).then_some((Target::Executor(id, executor, field), value))
    }
}

fn broker_target(id: ServiceId, text: &BrokerText, part: &Part, field: &str) -> Option<Change> {
    let transport = super::broker::transport(text);
    let longest = |timeout: Option<Duration>| Value::Duration(timeout.unwrap_or(Duration::MAX));
    match (part, field, transport) {
        (Part::Transport, "memory" | "high_watermark", Transport::RabbitMq { limit, .. }) => {
            Some((Target::Broker(id, BrokerField::Memory), Value::Limit(limit)))
        }
        (Part::Transport, "maxmemory", Transport::Redis { maxmemory, .. }) => {
            Some((Target::Broker(id, BrokerField::Memory), Value::Limit(maxmemory)))
        }
        (Part::Transport, "consumer_timeout" | "visibility_timeout", _) => {
            Some((Target::Broker(id, BrokerField::Timeout), longest(transport.timeout())))
        }
        (Part::MessageQueue(name), _, _) => {
            let number = text.queues.names().position(|known| known == name)? as u32;
            let queue = text.queues.get(name)?;
            let (field, value) = match field {
                "max_length" => {
                    (QueueField::MaxLength, Value::Limit(queue.max_length.value.map(|count| u64::from(count.0))))
                }
                "delivery_limit" => (
                    QueueField::DeliveryLimit,
                    Value::Limit(queue.delivery_limit.value.map(|count| u64::from(count.0))),
                ),
                "ttl" => (QueueField::Ttl, longest(queue.ttl.value.map(|period| period.0))),
                _ => return None,
            };
            (!transport.is_redis()).then_some((Target::Queue(id, number, field), value))
        }
        (Part::Memory, "limit", _) => Some(memory_limit(id, text.memory.limit.value.map(|b| b.0))),
        _ => None,
    }
}

fn timeout(policy: PolicyId, timeout: Duration) -> Option<Change> {
    Some((Target::Policy(policy, PolicyField::Timeout), Value::Duration(timeout)))
}

fn ttl(id: KeyspaceId, keys: &KeysText) -> Change {
    let ttl = keys.ttl.value.map_or(Duration::MAX, |period| period.0);
    (Target::Keyspace(id, KeyspaceField::Ttl), Value::Duration(ttl))
}

/// A timeout that may be none.
fn patience(id: ServiceId, field: ServiceField, timeout: Option<Period>) -> Change {
    (Target::Service(id, field), Value::Duration(timeout.map_or(Duration::MAX, |period| period.0)))
}

fn disk(id: ServiceId, disk: &DiskText, field: &str) -> Option<Change> {
    let (field, value) = match field {
        "capacity" => (ServiceField::DiskCapacity, Value::Bytes(disk.capacity.0)),
        "growth" => (ServiceField::DiskGrowth, Value::Bytes(disk.growth.0)),
        "log_growth" => (ServiceField::DiskLogGrowth, Value::Bytes(disk.log_growth.0)),
        "log_rotation" => (ServiceField::DiskLogRotation, Value::Limit(disk.log_rotation.value.map(|size| size.0))),
        _ => return None,
    };
    Some((Target::Service(id, field), value))
}

fn memory_limit(id: ServiceId, bytes: Option<u64>) -> Change {
    (Target::Service(id, ServiceField::MemoryLimit), Value::Limit(bytes))
}

fn prefork(id: ServiceId, text: &PreforkText, field: &str) -> Option<Change> {
    let PreforkText::Gunicorn(gunicorn) = text;
    match field {
        "timeout" => {
            let timeout = gunicorn.timeout.value.map_or(Duration::MAX, |timeout| timeout.0);
            Some((Target::Service(id, ServiceField::WorkerTimeout), Value::Duration(timeout)))
        }
        "max_requests" => {
            Some((Target::Service(id, ServiceField::MaxRequests), Value::Count(u64::from(gunicorn.max_requests.0))))
        }
        _ => None,
    }
}

fn rate_limit(id: ServiceId, limit: &RateLimitText, field: &str) -> Option<Change> {
    let (rate, burst) = match limit {
        RateLimitText::TokenBucket(limit) => (limit.rate.value, limit.burst.value.map(|burst| burst.0)),
        RateLimitText::LimitReq(limit) => (limit.rate.value, Some(limit.burst.0)),
    };
    match field {
        "rate" => Some((Target::Service(id, ServiceField::RateLimit), Value::Count(super::limit::rate_milli(rate)))),
        "burst" => Some((Target::Service(id, ServiceField::RateBurst), Value::Count(u64::from(burst?)))),
        _ => None,
    }
}

fn concurrency(id: ServiceId, limit: &ConcurrencyText, field: &str) -> Option<Change> {
    let (minimum, maximum) = match limit {
        ConcurrencyText::Fixed(limit) => (limit.limit.0, limit.limit.0),
        ConcurrencyText::Aimd(limit) => (limit.minimum.0, limit.maximum.0),
        ConcurrencyText::Vegas(limit) => (limit.minimum.0, limit.maximum.0),
        ConcurrencyText::Gradient2(limit) => (limit.minimum.0, limit.maximum.0),
    };
    let (bound, value) = match field {
        "minimum" => (ServiceField::ConcurrencyMinimum, minimum),
        "maximum" => (ServiceField::ConcurrencyMaximum, maximum),
        "limit" => (ServiceField::ConcurrencyLimit, maximum),
        _ => return None,
    };
    Some((Target::Service(id, bound), Value::Count(u64::from(value))))
}

fn heap(id: ServiceId, runtime: &RuntimeText, field: &str) -> Option<Change> {
    let RuntimeText::Jvm(jvm) = runtime else { return None };
    match field {
        "maximum" => Some((Target::Heap(id, HeapField::Maximum), Value::Bytes(jvm.heap.maximum.0))),
        "base" => Some((Target::Heap(id, HeapField::Base), Value::Bytes(jvm.heap.base.0))),
        "pause_scale" => Some((Target::Heap(id, HeapField::PauseScale), Value::Number(jvm.heap.pause_scale.0))),
        _ => None,
    }
}

fn probe(id: ServiceId, health: &HealthText, name: &str, field: &str) -> Option<Change> {
    let (_, kind) = PROBES.into_iter().find(|&(known, _)| known == name)?;
    let text = health.probe(name)?;
    let (field, value) = match field {
        "timeout" => (ProbeField::Timeout, Value::Duration(text.timeout.0)),
        "period" => (ProbeField::Period, Value::Duration(text.period.0)),
        "failures" => (ProbeField::Failures, Value::Count(u64::from(text.failures.0))),
        _ => return None,
    };
    Some((Target::Probe(id, kind, field), value))
}

fn pool(id: ServiceId, pools: &Map<PoolText>, name: &str, field: &str) -> Option<Change> {
    let pool = PoolId(pools.names().position(|pool| pool == name)? as u32);
    let (maximum, acquire_timeout) = match pools.get(name)? {
        PoolText::HikariCp(pool) => (pool.maximum.0, pool.acquire_timeout.0),
        PoolText::QueuePool(pool) => (pool.maximum.0, pool.acquire_timeout.0),
    };
    match field {
        "maximum" => Some((Target::Pool(id, pool, PoolField::Maximum), Value::Count(u64::from(maximum)))),
        "acquire_timeout" => {
            Some((Target::Pool(id, pool, PoolField::AcquireTimeout), Value::Duration(acquire_timeout)))
        }
        _ => None,
    }
}

fn hint(address: &Address) -> String {
    match (&address.component, address.field.as_str()) {
        (Component::Load(_), "rate" | "arrivals") => {
            "more load is one more source: use `Surge`; `with:` can set the rate from the start".into()
        }
        _ => "use `with:` to set it from the start; `sim schema scenario` lists the paths that can change later".into(),
    }
}

fn first_component(set: &SetText) -> String {
    let path = set.set.names().next().unwrap_or("");
    let front = path.rsplit_once('.').map_or(path, |(front, _)| front);
    front.split_once('/').map_or(front, |(component, _)| component).trim().to_owned()
}

fn instant(after: Duration) -> Time {
    Time::from_nanos(after.as_nanos())
}
