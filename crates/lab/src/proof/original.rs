//! What a parameter was before anything was set: a value that a patch can set it back to. Everything that can be patched has one; the longest
//! duration stands for none.

use super::parameter::read;
use knockon_kernel::Duration;
use knockon_model::blueprint::{
    Arrivals, Blueprint, KeyspaceField, LinkField, LocalCacheField, PolicyField, Runtime, ServiceField, SourceField,
    Target, Value,
};
use knockon_model::id::ServiceId;

/// What a parameter was, of the kind that its target takes.
///
/// # Panics
/// Never with a target that a patch of a checked scenario sets: then there is something to set.
pub(super) fn original(blueprint: &Blueprint, target: Target) -> Value {
    let found = match target {
        Target::Service(service, field) => of_service(blueprint, service, field),
        Target::Policy(policy, PolicyField::Timeout) => Some(patience(blueprint[policy].timeout)),
        Target::Source(source, SourceField::Rate) => match blueprint[source].arrivals {
            Arrivals::Constant { rate } | Arrivals::Poisson { rate } => Some(Value::Number(rate)),
            Arrivals::Replay { .. }
            | Arrivals::Recorded { .. }
            | Arrivals::Renewal { .. }
            | Arrivals::Closed { .. } => None,
        },
        Target::Source(source, SourceField::Patience) => blueprint[source].patience.map(Value::Sampler),
        Target::Link(link, LinkField::Latency) => Some(Value::Sampler(blueprint[link].latency)),
        Target::Link(link, LinkField::ThrottleK) => {
            let policy = blueprint.traffic.iter().find(|policy| policy.link == link);
            policy.and_then(|policy| policy.throttle).map(|throttle| Value::Number(throttle.k))
        }
        Target::Keyspace(keyspace, KeyspaceField::Ttl) => Some(patience(blueprint[keyspace].ttl)),
        Target::LocalCache(cache, LocalCacheField::MaximumEntries) => {
            Some(Value::Limit(blueprint[cache].maximum_entries))
        }
        Target::LocalCache(cache, LocalCacheField::MaximumBytes) => Some(Value::Limit(blueprint[cache].maximum_bytes)),
        Target::Heap(..)
        | Target::Pool(..)
        | Target::Executor(..)
        | Target::Step(..)
        | Target::Policy(_, PolicyField::Retries)
        | Target::Vacation(..)
        | Target::Broker(..)
        | Target::Queue(..)
        | Target::Consumer(..)
        | Target::Probe(..)
        | Target::Link(_, LinkField::BulkheadMaximum) => read(blueprint, target),
    };
    found.unwrap_or_else(|| unreachable!("a checked patch sets what there is, not {target:?}"))
}

fn of_service(blueprint: &Blueprint, id: ServiceId, field: ServiceField) -> Option<Value> {
    let service = &blueprint[id];
    let known = read(blueprint, Target::Service(id, field));
    let rate_limit = service.admission.rate_limit;
    let concurrency = service.admission.concurrency;
    match field {
        ServiceField::Workers | ServiceField::Places | ServiceField::Quota | ServiceField::MemoryLimit => {
            Some(known.unwrap_or(Value::Limit(None)))
        }
        ServiceField::LockTimeout | ServiceField::StatementTimeout => Some(known.unwrap_or(patience(None))),
        ServiceField::MaximumAge => Some(patience(service.admission.queue.maximum_age)),
        ServiceField::WorkerTimeout => Some(patience(service.prefork.and_then(|prefork| prefork.timeout))),
        ServiceField::SlowQuery => match &service.runtime {
            Runtime::Postgres(postgres) => Some(patience(postgres.slow_query)),
            _ => None,
        },
        ServiceField::Maxmemory | ServiceField::Maxkeys => match &service.runtime {
            Runtime::Redis(redis) if field == ServiceField::Maxmemory => Some(Value::Limit(redis.maxmemory)),
            Runtime::Redis(redis) => Some(Value::Limit(redis.maxkeys)),
            _ => None,
        },
        ServiceField::DiskCapacity | ServiceField::ReplayRate => known,
        ServiceField::DiskGrowth => service.storage.as_ref().map(|storage| Value::Bytes(storage.disk.growth)),
        ServiceField::DiskLogGrowth => service.storage.as_ref().map(|storage| Value::Bytes(storage.disk.log_growth)),
        ServiceField::DiskLogRotation => {
            service.storage.as_ref().map(|storage| Value::Limit(storage.disk.log_rotation))
        }
        ServiceField::RateBurst => rate_limit.map(|limit| Value::Count(u64::from(limit.burst))),
        ServiceField::ConcurrencyMinimum => concurrency.map(|limit| Value::Count(u64::from(limit.minimum))),
        ServiceField::ConcurrencyLimit => concurrency.map(|limit| Value::Count(u64::from(limit.maximum))),
        ServiceField::ExpiryHz
        | ServiceField::ExpiryEffort
        | ServiceField::ExpiryDelete
        | ServiceField::Cores
        | ServiceField::MaxConnections
        | ServiceField::MaxRequests
        | ServiceField::RateLimit
        | ServiceField::ConcurrencyMaximum => known,
    }
}

fn patience(duration: Option<Duration>) -> Value {
    Value::Duration(duration.unwrap_or(Duration::MAX))
}
