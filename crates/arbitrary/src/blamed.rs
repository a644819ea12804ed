//! What blame must be in any world: of every waiting as much as stations have, of every refusal one, the same from whenever on it is
//! accounted for, and nothing to the world.

use knockon_kernel::Time;
use knockon_model::blueprint::{Blueprint, LinkEnd};
use knockon_model::id::{ExecutorId, PoolId, ServiceId};
use knockon_model::record::{BlameRecord, Resource, ResourceKind};
use knockon_model::statistics::{QueueStatistics, ServiceStatistics, Station, Statistics};
use knockon_model::{Null, World};
use std::collections::BTreeMap;

/// What resources were waited for, in nanoseconds, and how often somebody was refused for want of them.
type Waits = BTreeMap<Resource, (u128, u64)>;

/// Runs a world of which blame is accounted for from its beginning beside one where that begins half way.
///
/// # Errors
/// What is wrong with their accounts.
pub(crate) fn blamed(blueprint: &Blueprint, until: Time, events: u64, digest: u128) -> Result<(), String> {
    let mut world = World::new(blueprint.clone());
    world.watch_blame();
    let before = world.statistics();
    let first = run(&mut world, until, events / 2)?;
    let half = world.statistics();
    let early = world.take_blame();
    told(blueprint, &early, &before, &half)?;
    let mut late = World::new(blueprint.clone());
    let _ = run(&mut late, until, first);
    late.watch_blame();
    run(&mut late, until, events - first)?;
    run(&mut world, until, events - first)?;
    let records = world.take_blame();
    told(blueprint, &records, &half, &world.statistics())?;
    if records != late.take_blame() {
        return Err("blame that is accounted for from half way on is another".into());
    }
    if world.digest() != digest || late.digest() != digest {
        return Err("a world of which blame is accounted for is another".into());
    }
    Ok(())
}

/// So many events, or until the world ends; how many there were.
fn run(world: &mut World, until: Time, events: u64) -> Result<u64, String> {
    for n in 1..=events {
        if !matches!(world.step(until, &mut Null), Ok(Some(_))) {
            return Ok(n - 1);
        }
        if n % super::audit::BETWEEN == 0 {
            super::audit::take_stock(world)?;
        }
    }
    super::audit::take_stock(world)?;
    Ok(events)
}

/// Records sum to what statistics say of the time between.
fn told(blueprint: &Blueprint, records: &[BlameRecord], from: &Statistics, to: &Statistics) -> Result<(), String> {
    let mut waits = Waits::new();
    for record in records {
        let sum = waits.entry(record.resource).or_default();
        *sum = (sum.0 + u128::from(record.ns), sum.1 + record.refusals);
    }
    // Processors and pauses are no stations of waiting.
    waits.retain(|resource, _| !matches!(resource.kind, ResourceKind::Processor | ResourceKind::Running));
    let mut expected = Waits::new();
    let mut expect = |owner, kind, waited: (&Station, &Station), refused: (u64, u64)| {
        let ns = waited.1.present_ns(to.at) - waited.0.present_ns(from.at);
        if ns > 0 || refused.1 > refused.0 {
            expected.insert(Resource { owner, kind }, (ns, refused.1 - refused.0));
        }
    };
    let none = Station::default();
    for (n, (a, b)) in from.services.iter().zip(&to.services).enumerate() {
        let owner = LinkEnd::Service(ServiceId(n as u32));
        let late = |service: &ServiceStatistics| service.shed + service.expired;
        expect(owner, ResourceKind::Workers, (&a.queue, &b.queue), (late(a), late(b)));
        expect(owner, ResourceKind::Locks, (&a.locks, &b.locks), (0, 0));
        expect(owner, ResourceKind::Disk, (&a.disk_wait, &b.disk_wait), (0, 0));
        expect(owner, ResourceKind::Tokens, (&a.held_back, &b.held_back), (a.limited, b.limited));
        expect(owner, ResourceKind::Places, (&none, &none), (a.overflowed, b.overflowed));
        expect(owner, ResourceKind::Concurrency, (&none, &none), (a.over_limit, b.over_limit));
        for (pool, (a, b)) in a.pools.iter().zip(&b.pools).enumerate() {
            expect(owner, ResourceKind::Pool(PoolId(pool as u32)), (&a.waiting, &b.waiting), (0, 0));
        }
        for (executor, (a, b)) in a.executors.iter().zip(&b.executors).enumerate() {
            let kind = ResourceKind::Threads(ExecutorId(executor as u32));
            expect(owner, kind, (&a.queue, &b.queue), (a.rejected, b.rejected));
        }
    }
    for (n, service) in blueprint.services.iter().enumerate() {
        let owner = LinkEnd::Service(ServiceId(n as u32));
        let refused = |of: &Statistics, count: fn(&QueueStatistics) -> u64| {
            of.queues.iter().filter(|queue| queue.broker == service.name).map(count).sum::<u64>()
        };
        let both = |count: fn(&QueueStatistics) -> u64| (refused(from, count), refused(to, count));
        let blocked = (&from.services[n].blocked, &to.services[n].blocked);
        expect(owner, ResourceKind::Memory, blocked, both(|queue| queue.out_of_memory));
        expect(owner, ResourceKind::Length, (&none, &none), both(|queue| queue.rejected));
    }
    for (described, (a, b)) in blueprint.traffic.iter().zip(from.links.iter().zip(&to.links)) {
        let kind = ResourceKind::Permits(described.link);
        let owner = blueprint[described.link].from;
        expect(owner, kind, (&a.waiting, &b.waiting), (a.bulkhead_full, b.bulkhead_full));
    }
    if waits == expected {
        return Ok(());
    }
    let other = waits.keys().chain(expected.keys()).find(|resource| waits.get(resource) != expected.get(resource));
    Err(other.map_or_else(String::new, |resource| {
        let (told, is) = (waits.get(resource), expected.get(resource));
        format!("blame for {} ({}): {told:?}, but {is:?}", resource.name(blueprint), resource.kind.word())
    }))
}
