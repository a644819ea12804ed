//! A parameter of a system: what it is called, what it is, and a system in which it is something else, from the start (as `--set` makes it) or
//! from an instant on (as a patch that belongs to no fault makes it).
//!
//! Left out: laws of demand and latency, which are no dials, and whatever a scenario sets from the start only.

use knockon_kernel::{Duration, Time};
use knockon_model::blueprint::{
    Action, Blueprint, BrokerField, ConsumerField, Cores, ExecutorField, HeapField, KeyspaceField, LinkField, Patch,
    PolicyField, PoolField, ProbeField, QueueField, Redis, RejectionPolicy, Runtime, ServiceField, Step, Target,
    Transport, Vacation, VacationField, Value,
};
use knockon_model::id::{PolicyId, ServiceId};

/// A parameter and what it becomes.
pub(super) type Setting = (Target, Value);

/// What a parameter is; `None` where the system has none, or nothing bounds it.
pub(super) fn read(blueprint: &Blueprint, target: Target) -> Option<Value> {
    match target {
        Target::Service(service, field) => {
            let service = &blueprint[service];
            let limit = |limit: Option<u64>| limit.map(|limit| Value::Limit(Some(limit)));
            let postgres = match &service.runtime {
                Runtime::Postgres(postgres) => Some(postgres),
                _ => None,
            };
            let expiry = match &service.runtime {
                Runtime::Redis(redis) => redis.expiry,
                _ => None,
            };
            let concurrency = service.admission.concurrency.as_ref();
            match field {
                ServiceField::Workers => limit(service.workers.map(u64::from)),
                ServiceField::Places => limit(service.places.map(u64::from)),
                ServiceField::Cores => match service.cores {
                    Cores::Milli(milli) => limit(Some(u64::from(milli))),
                    Cores::Unlimited => None,
                },
                ServiceField::Quota => limit(service.quota.map(u64::from)),
                ServiceField::MemoryLimit => limit(service.memory.limit),
                ServiceField::MaxConnections => match &service.runtime {
                    Runtime::Redis(redis) => redis.maxclients.map(|clients| Value::Count(clients.into())),
                    _ => postgres.map(|p| Value::Count(u64::from(p.max_connections))),
                },
                ServiceField::LockTimeout => postgres.and_then(|p| p.lock_timeout).map(Value::Duration),
                ServiceField::StatementTimeout => postgres.and_then(|p| p.statement_timeout).map(Value::Duration),
                ServiceField::ExpiryHz => expiry.map(|expiry| Value::Count(expiry.hz.into())),
                ServiceField::ExpiryEffort => expiry.map(|expiry| Value::Count(expiry.effort.into())),
                ServiceField::ExpiryDelete => expiry.map(|expiry| Value::Duration(expiry.delete)),
                ServiceField::WorkerTimeout => service.prefork.and_then(|p| p.timeout).map(Value::Duration),
                ServiceField::MaxRequests => service.prefork.map(|p| Value::Count(u64::from(p.max_requests))),
                ServiceField::ReplayRate => postgres.and_then(|p| p.replica).map(|replica| Value::Bytes(replica.rate)),
                ServiceField::DiskCapacity => {
                    service.storage.as_ref().map(|storage| Value::Bytes(storage.disk.capacity))
                }
                ServiceField::RateLimit => service.admission.rate_limit.map(|limit| Value::Count(limit.rate_milli)),
                ServiceField::ConcurrencyMaximum => concurrency.map(|limit| Value::Count(u64::from(limit.maximum))),
                ServiceField::ConcurrencyLimit => {
                    let fixed = concurrency.filter(|limit| limit.minimum == limit.maximum);
                    fixed.map(|limit| Value::Count(u64::from(limit.maximum)))
                }
                _ => None,
            }
        }
        Target::Heap(service, field) => match (&blueprint[service].runtime, field) {
            (Runtime::Jvm(heap), HeapField::Maximum) => Some(Value::Bytes(heap.maximum)),
            (Runtime::Jvm(heap), HeapField::Base) => Some(Value::Bytes(heap.base)),
            (Runtime::Jvm(heap), HeapField::PauseScale) => Some(Value::Number(heap.pause_scale)),
            _ => None,
        },
        Target::Pool(service, pool, field) => {
            let pool = &blueprint[service].pools[pool.index()];
            Some(match field {
                PoolField::Maximum => Value::Count(u64::from(pool.maximum)),
                PoolField::AcquireTimeout => Value::Duration(pool.acquire_timeout),
            })
        }
        Target::Executor(service, executor, field) => {
            let executor = &blueprint[service].executors[executor.index()];
            Some(match field {
                ExecutorField::Threads => Value::Count(u64::from(executor.threads)),
                ExecutorField::Maximum => Value::Count(u64::from(executor.maximum)),
                ExecutorField::Queue => Value::Limit(executor.queue.map(u64::from)),
                ExecutorField::Rejection => Value::Count(executor.rejection.number()),
            })
        }
        Target::Policy(policy, PolicyField::Timeout) => blueprint[policy].timeout.map(Value::Duration),
        Target::Policy(policy, PolicyField::Retries) => Some(Value::Count(u64::from(blueprint[policy].retries))),
        Target::Link(link, LinkField::BulkheadMaximum) => {
            let policy = blueprint.traffic.iter().find(|policy| policy.link == link)?;
            policy.bulkhead.map(|bulkhead| Value::Count(u64::from(bulkhead.maximum)))
        }
        Target::Keyspace(keyspace, KeyspaceField::Ttl) => blueprint[keyspace].ttl.map(Value::Duration),
        Target::Probe(service, kind, field) => {
            let probe = blueprint[service].health.and_then(|health| health.probe(kind))?;
            Some(match field {
                ProbeField::Timeout => Value::Duration(probe.timeout),
                ProbeField::Period => Value::Duration(probe.period),
                ProbeField::Failures => Value::Count(u64::from(probe.failures)),
            })
        }
        Target::Step(service, endpoint, step, _) => {
            match blueprint[service].endpoints[endpoint.index()].program.get(step as usize)? {
                Step::Compute { demand: sampler, .. }
                | Step::Sleep { time: sampler, .. }
                | Step::Block { time: sampler, .. } => Some(Value::Sampler(*sampler)),
                Step::Allocate { bytes } | Step::Churn { bytes } | Step::Retain { bytes } => Some(Value::Bytes(*bytes)),
                Step::Leak { share, .. } => Some(Value::Number(*share)),
                Step::Publish { bytes, .. } => Some(Value::Bytes(u64::from(*bytes))),
                _ => None,
            }
        }
        Target::Vacation(service, field) => match (blueprint[service].vacation?, field) {
            (Vacation::Periodic { every, .. }, VacationField::Every) => Some(Value::Sampler(every)),
            (Vacation::Periodic { length, .. } | Vacation::WhenIdle { length, .. }, VacationField::Length) => {
                Some(Value::Sampler(length))
            }
            (Vacation::WhenIdle { .. }, VacationField::Every) => None,
        },
        Target::Broker(service, field) => match (&blueprint[service].runtime, field) {
            (Runtime::Broker(broker), BrokerField::Timeout) => {
                Some(Value::Duration(broker.transport.timeout().unwrap_or(Duration::MAX)))
            }
            (Runtime::Broker(broker), BrokerField::Memory) => match broker.transport {
                Transport::RabbitMq { limit, .. } => Some(Value::Limit(limit)),
                Transport::Redis { maxmemory, .. } => Some(Value::Limit(maxmemory)),
            },
            _ => None,
        },
        Target::Queue(service, queue, field) => match &blueprint[service].runtime {
            Runtime::Broker(broker) => {
                let queue = &broker.queues[queue as usize];
                Some(match field {
                    QueueField::MaxLength => Value::Limit(queue.max_length),
                    QueueField::DeliveryLimit => Value::Limit(queue.delivery_limit.map(u64::from)),
                    QueueField::Ttl => Value::Duration(queue.ttl.unwrap_or(Duration::MAX)),
                })
            }
            _ => None,
        },
        Target::Consumer(service, consumer, ConsumerField::Prefetch) => {
            let consumer = blueprint[service].consumers.get(consumer as usize)?;
            Some(Value::Count(u64::from(consumer.prefetch)))
        }
        _ => None,
    }
}

/// Makes a parameter something else from the start. What [`read`] does not know stays as it is.
pub(super) fn write(blueprint: &mut Blueprint, (target, value): Setting) {
    let count = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    match (target, value) {
        (Target::Service(service, field), value) => {
            let service = &mut blueprint.services[service.index()];
            match (field, value) {
                (ServiceField::Workers, Value::Limit(limit)) => service.workers = limit.map(count),
                (ServiceField::Places, Value::Limit(limit)) => service.places = limit.map(count),
                (ServiceField::Cores, Value::Limit(Some(milli))) => service.cores = Cores::Milli(count(milli)),
                (ServiceField::Quota, Value::Limit(limit)) => service.quota = limit.map(count),
                (ServiceField::MemoryLimit, Value::Limit(limit)) => service.memory.limit = limit,
                (field, value) => match (&mut service.runtime, field, value) {
                    (Runtime::Postgres(postgres), ServiceField::MaxConnections, Value::Count(maximum)) => {
                        postgres.max_connections = count(maximum);
                    }
                    (
                        Runtime::Redis(Redis { maxclients: Some(clients), .. }),
                        ServiceField::MaxConnections,
                        Value::Count(maximum),
                    ) => *clients = count(maximum),
                    (Runtime::Postgres(postgres), ServiceField::LockTimeout, Value::Duration(timeout)) => {
                        postgres.lock_timeout = Some(timeout);
                    }
                    (Runtime::Postgres(postgres), ServiceField::StatementTimeout, Value::Duration(timeout)) => {
                        postgres.statement_timeout = Some(timeout);
                    }
                    (Runtime::Postgres(postgres), ServiceField::ReplayRate, Value::Bytes(bytes)) => {
                        postgres.replica.iter_mut().for_each(|replica| replica.rate = bytes.max(1));
                    }
                    (Runtime::Redis(Redis { expiry: Some(expiry), .. }), ServiceField::ExpiryHz, Value::Count(hz)) => {
                        expiry.hz = count(hz).max(1);
                    }
                    (
                        Runtime::Redis(Redis { expiry: Some(expiry), .. }),
                        ServiceField::ExpiryEffort,
                        Value::Count(effort),
                    ) => expiry.effort = count(effort).clamp(1, 10),
                    (
                        Runtime::Redis(Redis { expiry: Some(expiry), .. }),
                        ServiceField::ExpiryDelete,
                        Value::Duration(delete),
                    ) => expiry.delete = delete,
                    (_, ServiceField::WorkerTimeout, Value::Duration(timeout)) => {
                        let timeout = (timeout != Duration::MAX).then_some(timeout);
                        service.prefork.iter_mut().for_each(|prefork| prefork.timeout = timeout);
                    }
                    (_, ServiceField::MaxRequests, Value::Count(most)) => {
                        service.prefork.iter_mut().for_each(|prefork| prefork.max_requests = count(most));
                    }
                    (_, ServiceField::DiskCapacity, Value::Bytes(bytes)) => {
                        service.storage.iter_mut().for_each(|storage| storage.disk.capacity = bytes);
                    }
                    (_, ServiceField::RateLimit, Value::Count(milli)) => {
                        service.admission.rate_limit.iter_mut().for_each(|limit| limit.rate_milli = milli.max(1));
                    }
                    (_, ServiceField::ConcurrencyMaximum, Value::Count(maximum)) => {
                        service.admission.concurrency.iter_mut().for_each(|limit| {
                            limit.maximum = count(maximum).max(limit.minimum);
                        });
                    }
                    (_, ServiceField::ConcurrencyLimit, Value::Count(bound)) => {
                        service.admission.concurrency.iter_mut().for_each(|limit| {
                            limit.minimum = count(bound);
                            limit.maximum = count(bound);
                        });
                    }
                    _ => {}
                },
            }
        }
        (Target::Heap(service, field), value) => {
            if let Runtime::Jvm(heap) = &mut blueprint.services[service.index()].runtime {
                match (field, value) {
                    (HeapField::Maximum, Value::Bytes(bytes)) => heap.maximum = bytes,
                    (HeapField::PauseScale, Value::Number(scale)) => heap.pause_scale = scale,
                    _ => {}
                }
            }
        }
        (Target::Pool(service, pool, PoolField::Maximum), Value::Count(maximum)) => {
            let pool = &mut blueprint.services[service.index()].pools[pool.index()];
            // A pool of fixed size stays one.
            if pool.minimum_idle >= pool.maximum {
                pool.minimum_idle = count(maximum);
            }
            pool.maximum = count(maximum);
        }
        (Target::Pool(service, pool, PoolField::AcquireTimeout), Value::Duration(timeout)) => {
            blueprint.services[service.index()].pools[pool.index()].acquire_timeout = timeout;
        }
        (Target::Executor(service, executor, field), value) => {
            let executor = &mut blueprint.services[service.index()].executors[executor.index()];
            // One of a single size stays one.
            let is_fixed = executor.is_fixed();
            match (field, value) {
                (ExecutorField::Threads, Value::Count(threads)) => {
                    executor.threads = count(threads);
                    executor.maximum = if is_fixed { executor.threads.max(1) } else { executor.maximum };
                }
                (ExecutorField::Maximum, Value::Count(maximum)) => {
                    executor.maximum = count(maximum).max(1);
                    executor.threads = if is_fixed { executor.maximum } else { executor.threads };
                }
                (ExecutorField::Queue, Value::Limit(places)) => executor.queue = places.map(count),
                (ExecutorField::Rejection, Value::Count(number)) => {
                    executor.rejection = RejectionPolicy::of_number(number);
                }
                _ => {}
            }
        }
        (Target::Policy(policy, PolicyField::Timeout), Value::Duration(timeout)) => {
            blueprint.policies[policy.index()].timeout = Some(timeout);
        }
        (Target::Policy(policy, PolicyField::Retries), Value::Count(retries)) => {
            blueprint.policies[policy.index()].retries = count(retries);
        }
        (Target::Link(link, LinkField::BulkheadMaximum), Value::Count(maximum)) => {
            let policies = blueprint.traffic.iter_mut().filter(|policy| policy.link == link);
            policies.filter_map(|policy| policy.bulkhead.as_mut()).for_each(|bulkhead| {
                bulkhead.maximum = count(maximum);
            });
        }
        (Target::Probe(service, kind, field), value) => {
            let health = blueprint.services[service.index()].health.as_mut();
            if let Some(probe) = health.and_then(|health| health.probe_mut(kind)) {
                match (field, value) {
                    (ProbeField::Timeout, Value::Duration(timeout)) => probe.timeout = timeout,
                    (ProbeField::Period, Value::Duration(period)) => probe.period = period,
                    (ProbeField::Failures, Value::Count(failures)) => probe.failures = count(failures).max(1),
                    _ => {}
                }
            }
        }
        (Target::Keyspace(keyspace, KeyspaceField::Ttl), Value::Duration(ttl)) => {
            blueprint.keyspaces[keyspace.index()].ttl = Some(ttl);
        }
        (Target::Broker(service, field), value) => {
            let Runtime::Broker(broker) = &mut blueprint.services[service.index()].runtime else { return };
            match (&mut broker.transport, field, value) {
                (Transport::RabbitMq { limit, .. }, BrokerField::Memory, Value::Limit(new)) => *limit = new,
                (Transport::Redis { maxmemory, .. }, BrokerField::Memory, Value::Limit(new)) => *maxmemory = new,
                (Transport::RabbitMq { consumer_timeout, .. }, BrokerField::Timeout, Value::Duration(new)) => {
                    *consumer_timeout = (new != Duration::MAX).then_some(new);
                }
                (Transport::Redis { visibility_timeout, .. }, BrokerField::Timeout, Value::Duration(new)) => {
                    *visibility_timeout = new;
                }
                _ => {}
            }
        }
        (Target::Queue(service, queue, field), value) => {
            let Runtime::Broker(broker) = &mut blueprint.services[service.index()].runtime else { return };
            let queue = &mut broker.queues[queue as usize];
            match (field, value) {
                (QueueField::MaxLength, Value::Limit(limit)) => queue.max_length = limit,
                (QueueField::DeliveryLimit, Value::Limit(limit)) => queue.delivery_limit = limit.map(count),
                (QueueField::Ttl, Value::Duration(ttl)) => queue.ttl = (ttl != Duration::MAX).then_some(ttl),
                _ => {}
            }
        }
        (Target::Consumer(service, consumer, ConsumerField::Prefetch), Value::Count(prefetch)) => {
            blueprint.services[service.index()].consumers[consumer as usize].prefetch = count(prefetch);
        }
        (Target::Vacation(service, VacationField::Length), Value::Sampler(new)) => {
            match &mut blueprint.services[service.index()].vacation {
                Some(Vacation::Periodic { length, .. } | Vacation::WhenIdle { length, .. }) => *length = new,
                None => {}
            }
        }
        _ => {}
    }
}

/// The system in which these are so: from the start, or from an instant on.
pub(super) fn with(blueprint: &Blueprint, settings: &[Setting], from: Option<Time>) -> Blueprint {
    let mut changed = blueprint.clone();
    match from {
        None => settings.iter().for_each(|&setting| write(&mut changed, setting)),
        Some(at) => {
            let place = changed.patches.partition_point(|patch| patch.at <= at);
            let action = Action::Set(settings.to_vec());
            changed.patches.insert(place, Patch { fault: None, at, until: None, action });
        }
    }
    changed
}

/// A call with a policy of its own.
pub(super) struct CallSite {
    /// Whose policy it is.
    pub(super) policy: PolicyId,
    /// Who calls.
    pub(super) caller: String,
    /// Who is called; `None` where branches of its own are waited for.
    pub(super) callee: Option<ServiceId>,
    /// Paths of its fields, as scenarios write them.
    pub(super) timeout: String,
    /// That of its retries, where it may have some.
    pub(super) retries: Option<String>,
}

/// Every call of a system: by clients, then by services in the order of their programs.
pub(super) fn calls(blueprint: &Blueprint) -> Vec<CallSite> {
    let of_clients = blueprint.sources.iter().filter(|source| source.fault.is_none()).map(|source| CallSite {
        policy: source.policy,
        caller: source.name.clone(),
        callee: Some(source.target),
        timeout: format!("{}.timeout", source.name),
        retries: Some(format!("{}.retries", source.name)),
    });
    let mut all: Vec<CallSite> = of_clients.collect();
    for service in &blueprint.services {
        for endpoint in &service.endpoints {
            let front = format!("{}/{}", service.name, endpoint.name);
            let (mut timed, mut called) = (0, 0);
            for step in &endpoint.program {
                let found = match *step {
                    Step::Call { service, policy, .. } => Some((policy, Some(service))),
                    Step::Query { pool, policy, .. } => Some((policy, Some(service.pools[pool.index()].database))),
                    Step::CacheGet { keyspace, policy, .. } => Some((policy, Some(blueprint[keyspace].cache))),
                    Step::Publish { service, policy, .. } => Some((policy, Some(service))),
                    Step::Fork { policy, .. } | Step::HandOver { policy, .. } => Some((policy, None)),
                    Step::LocalGet { .. } => None,
                    _ => continue,
                };
                timed += 1;
                // A command of a cache is a call that is never repeated.
                let repeats = match *step {
                    Step::Call { service, .. } => !matches!(blueprint[service].runtime, Runtime::Redis(_)),
                    Step::Publish { .. } => true,
                    _ => false,
                };
                called += usize::from(repeats);
                let Some((policy, callee)) = found else { continue };
                all.push(CallSite {
                    policy,
                    caller: service.name.clone(),
                    callee,
                    timeout: format!("{front}.timeout[{timed}]"),
                    retries: repeats.then(|| format!("{front}.retries[{called}]")),
                });
            }
        }
    }
    all
}

/// What scenarios call a parameter.
pub(super) fn path(blueprint: &Blueprint, target: Target) -> String {
    let name = |service: ServiceId| &blueprint[service].name;
    match target {
        Target::Service(service, field) => {
            let field = match field {
                ServiceField::Workers => ".workers",
                ServiceField::Places => ".places",
                ServiceField::Cores => ".cores",
                ServiceField::Quota => ".quota",
                ServiceField::MemoryLimit => "/memory.limit",
                ServiceField::MaxConnections if matches!(blueprint[service].runtime, Runtime::Redis(_)) => {
                    ".maxclients"
                }
                ServiceField::MaxConnections => ".max_connections",
                ServiceField::SlowQuery => ".slow_query",
                ServiceField::LockTimeout => ".lock_timeout",
                ServiceField::StatementTimeout => ".statement_timeout",
                ServiceField::Maxmemory => ".maxmemory",
                ServiceField::MaximumAge => "/queue.maximum_age",
                ServiceField::Maxkeys => ".maxkeys",
                ServiceField::ExpiryHz => "/expiry.hz",
                ServiceField::ExpiryEffort => "/expiry.effort",
                ServiceField::ExpiryDelete => "/expiry.delete",
                ServiceField::WorkerTimeout => "/prefork.timeout",
                ServiceField::MaxRequests => "/prefork.max_requests",
                ServiceField::RateLimit => "/rate_limit.rate",
                ServiceField::RateBurst => "/rate_limit.burst",
                ServiceField::ConcurrencyMinimum => "/concurrency.minimum",
                ServiceField::ConcurrencyMaximum => "/concurrency.maximum",
                ServiceField::ConcurrencyLimit => "/concurrency.limit",
                ServiceField::DiskCapacity => "/disk.capacity",
                ServiceField::ReplayRate => ".replay",
                ServiceField::DiskGrowth => "/disk.growth",
                ServiceField::DiskLogGrowth => "/disk.log_growth",
                ServiceField::DiskLogRotation => "/disk.log_rotation",
            };
            format!("{}{field}", name(service))
        }
        Target::Heap(service, field) => {
            let field = match field {
                HeapField::Maximum => "maximum",
                HeapField::Base => "base",
                HeapField::PauseScale => "pause_scale",
            };
            format!("{}/heap.{field}", name(service))
        }
        Target::Pool(service, pool, field) => {
            let field = match field {
                PoolField::Maximum => "maximum",
                PoolField::AcquireTimeout => "acquire_timeout",
            };
            format!("{}/{}.{field}", name(service), blueprint[service].pools[pool.index()].name)
        }
        Target::Executor(service, executor, field) => {
            let field = match field {
                ExecutorField::Threads => "threads",
                ExecutorField::Maximum => "maximum",
                ExecutorField::Queue => "queue",
                ExecutorField::Rejection => "rejection",
            };
            format!("{}/{}.{field}", name(service), blueprint[service].executors[executor.index()].name)
        }
        Target::Policy(policy, field) => {
            let call = calls(blueprint).into_iter().find(|call| call.policy == policy);
            let path = call.and_then(|call| match field {
                PolicyField::Timeout => Some(call.timeout),
                PolicyField::Retries => call.retries,
            });
            path.unwrap_or_else(|| format!("policy {}", policy.0))
        }
        Target::Vacation(service, VacationField::Length) => format!("{}/vacation.length", name(service)),
        Target::Vacation(service, VacationField::Every) => format!("{}/vacation.every", name(service)),
        Target::Link(link, LinkField::BulkheadMaximum) => format!("{}/bulkhead.maximum", blueprint.link_name(link)),
        Target::Link(link, LinkField::ThrottleK) => format!("{}/throttle.k", blueprint.link_name(link)),
        Target::Link(link, LinkField::Latency) => format!("{}.latency", blueprint.link_name(link)),
        Target::Keyspace(keyspace, KeyspaceField::Ttl) => {
            let keys = &blueprint[keyspace];
            format!("{}/{}.ttl", name(keys.cache), blueprint.keyspace_name(keys))
        }
        Target::Broker(service, field) => {
            let redis = matches!(&blueprint[service].runtime, Runtime::Broker(broker) if broker.transport.is_redis());
            let field = match (field, redis) {
                (BrokerField::Memory, false) => "memory",
                (BrokerField::Memory, true) => "maxmemory",
                (BrokerField::Timeout, false) => "consumer_timeout",
                (BrokerField::Timeout, true) => "visibility_timeout",
            };
            format!("{}/transport.{field}", name(service))
        }
        Target::Queue(service, queue, field) => {
            let field = match field {
                QueueField::MaxLength => "max_length",
                QueueField::DeliveryLimit => "delivery_limit",
                QueueField::Ttl => "ttl",
            };
            let queue = match &blueprint[service].runtime {
                Runtime::Broker(broker) => broker.queues[queue as usize].name.as_str(),
                _ => "",
            };
            format!("{}/{queue}.{field}", name(service))
        }
        Target::Consumer(service, consumer, ConsumerField::Prefetch) => {
            let described = &blueprint[service];
            let endpoint = described.consumers[consumer as usize].endpoint;
            format!("{}/{}.prefetch", described.name, described.endpoints[endpoint.index()].name)
        }
        Target::Probe(service, kind, field) => {
            let field = match field {
                ProbeField::Timeout => "timeout",
                ProbeField::Period => "period",
                ProbeField::Failures => "failures",
            };
            format!("{}/{}.{field}", name(service), kind.name().to_lowercase())
        }
        other => format!("{other:?}"),
    }
}

/// A value as scenarios write it.
pub(super) fn show(target: Target, value: Value) -> String {
    let milli = |milli: u64| milli as f64 / 1_000.0;
    match (target, value) {
        (Target::Service(_, ServiceField::Cores | ServiceField::Quota), Value::Limit(Some(cores))) => {
            format!("{} cpu", milli(cores))
        }
        (Target::Service(_, ServiceField::RateLimit), Value::Count(rate)) => format!("{}/s", milli(rate)),
        (Target::Service(_, ServiceField::MemoryLimit), Value::Limit(Some(bytes))) => size(bytes),
        (Target::Executor(_, _, ExecutorField::Rejection), Value::Count(number)) => {
            RejectionPolicy::of_number(number).word().to_owned()
        }
        (_, Value::Limit(None)) => "Unlimited".to_owned(),
        (_, Value::Limit(Some(count)) | Value::Count(count)) => count.to_string(),
        (_, Value::Bytes(bytes)) => size(bytes),
        (_, Value::Duration(Duration::MAX)) => "None".to_owned(),
        (_, Value::Duration(duration)) => {
            let ns = duration.as_nanos();
            let units = [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)];
            let whole = units.into_iter().find(|(_, unit)| ns.is_multiple_of(*unit));
            whole.map_or_else(|| format!("{ns}ns"), |(name, unit)| format!("{}{name}", ns / unit))
        }
        (_, Value::Number(number)) => number.to_string(),
        (_, Value::Sampler(_)) => "another law".to_owned(),
    }
}

fn size(bytes: u64) -> String {
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let whole = units.into_iter().find(|(_, unit)| bytes.is_multiple_of(*unit));
    whole.map_or_else(|| format!("{bytes}B"), |(name, unit)| format!("{}{name}", bytes / unit))
}
