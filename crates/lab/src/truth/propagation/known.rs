//! What is known of an incident beside its states: who calls whom, how that ended, what was waited for.

use super::MUCH;
use crate::truth::components::Components;
use crate::truth::outcomes::Outcomes;
use crate::truth::waits::Waits;
use knockon_kernel::Duration;
use knockon_model::blueprint::{
    Action, Blueprint, ExecutorField, LinkEnd, Patch, Postgres, RejectionPolicy, Runtime, Step, Target, Value,
};
use knockon_model::id::{ExecutorId, PoolId, ServiceId};
use knockon_model::record::{Activity, ResourceKind};
use std::collections::BTreeSet;

/// What is known of an incident beside its states.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) blueprint: &'a Blueprint,
    pub(super) components: &'a Components,
    pub(super) outcomes: &'a Outcomes,
    pub(super) waits: &'a Waits,
    /// By how much later than what came of it a cause may be seen: not every number shows at once what there is.
    pub(super) late: Duration,
    /// Caches that find a smaller share of what is looked for.
    pub(super) finds_less: &'a BTreeSet<String>,
}

impl<'a> Known<'a> {
    /// Whether one component calls another.
    pub(super) fn calls(&self, caller: &str, callee: &str) -> bool {
        self.callees(caller).any(|name| name == callee)
    }

    /// Whom a component calls.
    pub(super) fn callees(&self, caller: &str) -> impl Iterator<Item = &'a str> {
        let blueprint = self.blueprint;
        let links = blueprint.links.iter().filter(move |link| name_of(blueprint, link.from) == caller);
        links.map(|link| blueprint[link.to].name.as_str())
    }

    /// Who calls a component.
    pub(super) fn callers(&self, callee: &str) -> impl Iterator<Item = &'a str> {
        let blueprint = self.blueprint;
        let links = blueprint.links.iter().filter(move |link| blueprint[link.to].name == callee);
        links.map(|link| name_of(blueprint, link.from))
    }

    /// Whether one component sends messages to another, and does not only handle those of it.
    pub(super) fn publishes(&self, caller: &str, broker: &str) -> bool {
        let service = self.blueprint.services.iter().find(|service| service.name == caller);
        let mut steps =
            service.into_iter().flat_map(|service| &service.endpoints).flat_map(|endpoint| &endpoint.program);
        steps.any(|step| matches!(step, Step::Publish { service, .. } if self.blueprint[*service].name == broker))
    }

    /// Whether one component handles messages of another.
    pub(super) fn consumes(&self, caller: &str, broker: &str) -> bool {
        let service = self.blueprint.services.iter().find(|service| service.name == caller);
        let mut consumers = service.into_iter().flat_map(|service| &service.consumers);
        consumers.any(|consumer| self.blueprint[consumer.broker].name == broker)
    }

    /// Whether it does nothing else there.
    pub(super) fn only_consumes(&self, caller: &str, broker: &str) -> bool {
        self.consumes(caller, broker) && !self.publishes(caller, broker)
    }

    /// Whether a component is a Redis that takes a limited number of connections.
    pub(super) fn counts_clients(&self, component: &str) -> bool {
        let service = self.blueprint.services.iter().find(|service| service.name == component);
        service.is_some_and(|service| matches!(&service.runtime, Runtime::Redis(redis) if redis.maxclients.is_some()))
    }

    /// Whether a database replays what another writes.
    pub(super) fn replicates(&self, replica: &str, primary: &str) -> bool {
        let service = self.blueprint.services.iter().find(|service| service.name == replica);
        let Some(Runtime::Postgres(Postgres { replica: Some(replica), .. })) = service.map(|service| &service.runtime)
        else {
            return false;
        };
        self.blueprint[replica.primary].name == primary
    }

    /// Whether connections of a pool, or of any where none is named, go to a database.
    pub(super) fn pool_leads_to(&self, caller: &str, pool: Option<&str>, database: &str) -> bool {
        let service = self.blueprint.services.iter().find(|service| service.name == caller);
        let mut pools = service.into_iter().flat_map(|service| &service.pools);
        pools.any(|known| pool.is_none_or(|pool| known.name == pool) && self.blueprint[known.database].name == database)
    }

    /// The name of a service's pool.
    pub(super) fn pool(&self, service: &str, pool: PoolId) -> Option<&'a str> {
        let service = self.blueprint.services.iter().find(|described| described.name == service)?;
        Some(&service.pools.get(pool.index())?.name)
    }

    /// Whether whoever hands a task over to an executor does it where that rejects it, or may wait for it in vain.
    pub(super) fn takes_rejected_on(&self, service: &str, executor: Option<&str>) -> bool {
        let Some(number) = self.blueprint.services.iter().position(|described| described.name == service) else {
            return false;
        };
        let executors = &self.blueprint.services[number].executors;
        let Some(place) = executors.iter().position(|known| Some(known.name.as_str()) == executor) else {
            return false;
        };
        let (service, id) = (ServiceId(number as u32), ExecutorId(place as u32));
        let handler = Target::Executor(service, id, ExecutorField::Rejection);
        let sets_another = |(target, value): &(Target, Value)| {
            *target == handler && *value != Value::Count(RejectionPolicy::Abort.number())
        };
        let is_set = |patch: &Patch| match &patch.action {
            Action::Set(set) | Action::Deploy { set, .. } => set.iter().any(sets_another),
            _ => false,
        };
        executors[place].rejection != RejectionPolicy::Abort || self.blueprint.patches.iter().any(is_set)
    }

    /// The name of a service's executor.
    pub(super) fn executor(&self, service: &str, executor: ExecutorId) -> Option<&'a str> {
        let service = self.blueprint.services.iter().find(|described| described.name == service)?;
        Some(&service.executors.get(executor.index())?.name)
    }

    /// Whether more attempts are sent again from a component to another.
    pub(super) fn has_resent(&self, caller: &str, callee: &str) -> bool {
        let found = self.components.find(caller).zip(self.components.find(callee));
        found.is_some_and(|(caller, callee)| self.outcomes.has_resent(caller, callee))
    }

    /// Whether so much waits while a component stands still that it tells beside what waits for its cores.
    pub(super) fn stands_still(&self, component: &str) -> bool {
        let (still, cores) = self.waiting_to_run(component);
        still as f64 >= MUCH * cores as f64
    }

    /// Whether those that are at a component's processor mostly stand still there, and do not wait for a core.
    pub(super) fn mostly_stands_still(&self, component: &str) -> bool {
        let (still, cores) = self.waiting_to_run(component);
        still > cores
    }

    /// Time that was waited while a component stood still, and for its cores, in nanoseconds.
    fn waiting_to_run(&self, component: &str) -> (u64, u64) {
        let Some(component) = self.components.find(component) else { return (0, 0) };
        let (mut still, mut cores) = (0, 0);
        for (kind, activity, wait) in self.waits.of(component) {
            match (kind, activity) {
                (ResourceKind::Running, _) => still += wait.ns,
                (ResourceKind::Processor, Activity::Collector | Activity::Quota) => {}
                (ResourceKind::Processor, _) => cores += wait.ns,
                _ => {}
            }
        }
        (still, cores)
    }
}

fn name_of(blueprint: &Blueprint, end: LinkEnd) -> &str {
    match end {
        LinkEnd::Source(source) => &blueprint[source].name,
        LinkEnd::Service(service) => &blueprint[service].name,
    }
}
