//! How much of what a state costs is due to which other state, where that is accounted for: of time that requests are in a component, what
//! they waited for there and how long their calls took; of waits, what those did who held what was waited for; of failures, their
//! reasons. What waiting there was in the world without the faults is not known and not taken off: next to what an incident makes of it, it is
//! little.

use super::known::Known;
use super::node::Node;
use super::rules::Way;
use super::state::State::{
    self, Backlog, Blocked, Death, Disk, Errors, Guards, Held, Kills, Latency, Leak, Load, Locks, Pauses, PoolTimeouts,
    PoolWait, Processor, Queue, Refusals, Rejections, Retries, Storage, Threads, Throttling,
};
use knockon_kernel::Duration;
use knockon_model::record::{Activity, ErrorType, ResourceKind};
use std::collections::BTreeMap;

/// What a state costs, and to which others that is due.
#[derive(Clone, Debug, Default)]
struct Account {
    total: u64,
    /// By node.
    due: BTreeMap<usize, u64>,
}

impl Account {
    fn add(&mut self, cause: Option<usize>, amount: u64) {
        self.total += amount;
        if let Some(cause) = cause.filter(|_| amount > 0) {
            *self.due.entry(cause).or_default() += amount;
        }
    }
}

/// The accounts of all states, by node.
pub(super) struct Accounts(Vec<Account>);

impl Accounts {
    pub(super) fn of(known: &Known<'_>, nodes: &[Node]) -> Self {
        Self(nodes.iter().map(|node| Ledger { known, nodes, of: node }.account()).collect())
    }

    /// The share of `b` that is due to `a`; `None` where no account tells.
    pub(super) fn share(&self, nodes: &[Node], a: usize, b: usize, way: Way) -> Option<f64> {
        let account = &self.0[b];
        let (Some(from), Some(to)) = (nodes[a].state, nodes[b].state) else { return None };
        if account.total == 0 || !tells(from, to, way) {
            return None;
        }
        Some(account.due.get(&a).copied().unwrap_or(0) as f64 / account.total as f64)
    }

    /// The share of a state that is due to no other: what it does by itself. Nothing where no account tells.
    pub(super) fn own(&self, node: usize) -> f64 {
        let account = &self.0[node];
        let due: u64 = account.due.values().sum();
        if account.total == 0 { 0.0 } else { account.total.saturating_sub(due) as f64 / account.total as f64 }
    }
}

/// Whether the account of a state would name another one if anything were due to it.
fn tells(from: State, to: State, way: Way) -> bool {
    match (to, way) {
        (Latency, Way::Within) => {
            matches!(from, Pauses | Throttling | Processor | Locks | PoolWait | Queue | Blocked | Threads)
        }
        (Latency, Way::Up) => matches!(from, Latency | Pauses | Queue),
        (Held | Queue, Way::Within) => matches!(from, Pauses | Throttling | Processor | PoolWait | Latency),
        (Threads, Way::Within) => matches!(from, Pauses | Throttling | Processor | PoolWait),
        (Threads, Way::Up) => matches!(from, Latency | Pauses),
        (Held | Queue, Way::Up) => matches!(from, Latency | Pauses),
        (PoolWait, _) => matches!(from, Leak | Held | Death | Errors),
        (Load, Way::Within) => from == Latency,
        (Load, Way::Down) => matches!(from, Load | Errors | Retries),
        (Refusals, Way::Within) => matches!(from, Queue | Death | Backlog),
        (Errors, _) => true,
        _ => false,
    }
}

struct Ledger<'a> {
    known: &'a Known<'a>,
    nodes: &'a [Node],
    /// Whose account it is.
    of: &'a Node,
}

impl Ledger<'_> {
    fn account(&self) -> Account {
        let node = self.of;
        let (Some(component), Some(state)) = (self.known.components.find(&node.component), node.state) else {
            return Account::default();
        };
        match state {
            Latency => self.latency(component),
            Queue => {
                self.waits(component, |kind| kind == ResourceKind::Workers, |activity| self.doing(component, activity))
            }
            Held => self.of_pool(component, node, |activity| self.doing(component, activity)),
            PoolWait => self.of_pool(component, node, |activity| match activity {
                Activity::Leaked => self.find_of(component, node.part.as_deref(), Leak),
                Activity::Opening | Activity::Nothing => {
                    self.callees(component).find_map(|callee| self.first(callee, &[Death, Errors]))
                }
                _ => self.find_of(component, node.part.as_deref(), Held),
            }),
            Threads => self.of_executor(component, node),
            Load => self.load(component),
            Refusals => self.refusals(component),
            Errors => self.errors(component),
            _ => Account::default(),
        }
    }

    /// Of the time that requests are in a component for longer: what they wait for there, and how much longer their calls take.
    fn latency(&self, component: usize) -> Account {
        let mut account = Account::default();
        for (kind, activity, wait) in self.known.waits.of(component) {
            let cause = match (kind, activity) {
                (ResourceKind::Workers, _) => self.first(component, &[Queue]),
                (ResourceKind::Processor, Activity::Quota) => self.first(component, &[Throttling, Processor]),
                (ResourceKind::Processor, _) => self.first(component, &[Processor]),
                (ResourceKind::Locks, _) => self.first(component, &[Locks]),
                (ResourceKind::Disk, _) => self.first(component, &[Disk]),
                (ResourceKind::Running, _) => self.first(component, &[Pauses]),
                (ResourceKind::Memory, _) => self.first(component, &[Blocked]),
                (ResourceKind::Threads(executor), _) => {
                    self.find_of(component, self.known.executor(self.name(component), executor), Threads)
                }
                (ResourceKind::Pool(pool), _) => {
                    self.find_of(component, self.known.pool(self.name(component), pool), PoolWait)
                }
                _ => None,
            };
            account.add(cause, wait.ns);
        }
        for callee in self.callees(component) {
            let longer = self.known.outcomes.called_longer(component, callee);
            // Whose calls are not told waits for as long as its callee takes.
            let longer = longer.unwrap_or_else(|| self.known.outcomes.served_longer(callee));
            account.add(self.first(callee, &[Latency, Pauses, Queue, Locks]), longer);
        }
        account.total = account.total.max(self.known.outcomes.served_longer(component));
        account
    }

    /// Of waits for what a component has: what those did who held it.
    fn waits(
        &self,
        component: usize,
        of: impl Fn(ResourceKind) -> bool,
        cause: impl Fn(Activity) -> Option<usize>,
    ) -> Account {
        let mut account = Account::default();
        for (_, activity, wait) in self.known.waits.of(component).filter(|&(kind, ..)| of(kind)) {
            account.add(cause(activity), wait.ns);
        }
        account
    }

    fn of_pool(&self, component: usize, node: &Node, cause: impl Fn(Activity) -> Option<usize>) -> Account {
        let is_it = |kind| matches!(kind, ResourceKind::Pool(pool) if self.known.pool(&node.component, pool) == node.part.as_deref());
        self.waits(component, is_it, cause)
    }

    fn of_executor(&self, component: usize, node: &Node) -> Account {
        let is_it = |kind| matches!(kind, ResourceKind::Threads(executor) if self.known.executor(&node.component, executor) == node.part.as_deref());
        self.waits(component, is_it, |activity| self.doing(component, activity))
    }

    /// The state that makes a holder of a component take longer over what it does.
    fn doing(&self, component: usize, activity: Activity) -> Option<usize> {
        let own = match activity {
            Activity::Paused
            | Activity::Outside
            | Activity::Vacation
            | Activity::Expiry
            | Activity::Collector
            | Activity::Blocking => self.first(component, &[Pauses]),
            Activity::Throttled | Activity::Quota => self.first(component, &[Throttling]),
            Activity::Computing => self.first(component, &[Processor]),
            Activity::Disk => self.first(component, &[Disk]),
            Activity::Pool(pool) => self.find_of(component, self.known.pool(self.name(component), pool), PoolWait),
            Activity::Calling(service, _) => {
                let callee = self.known.components.find(&self.known.blueprint[service].name);
                callee.and_then(|callee| self.first(callee, &[Latency, Pauses, Locks]))
            }
            _ => None,
        };
        own.or_else(|| self.first(component, &[Latency]).filter(|_| self.of.state == Some(Queue)))
    }

    /// Of more calls: attempts that are sent again, and what comes of the callers' own load.
    fn load(&self, component: usize) -> Account {
        let mut account = Account::default();
        for caller in self.callers(component) {
            let (calls, resent) = self.known.outcomes.called_more(caller, component);
            let again = self.first(caller, &[Retries]).or_else(|| self.first(component, &[Latency]));
            account.add(again.or_else(|| self.first(caller, &[Errors])), resent);
            account.add(self.first(caller, &[Load]), calls - resent);
        }
        // Whose load nobody's explains may be called for other things: that is no matter of counting.
        if account.due.is_empty() { Account::default() } else { account }
    }

    /// Of requests that are turned away: those that found no place, and those that found nobody.
    fn refusals(&self, component: usize) -> Account {
        let mut account = Account::default();
        let mut no_place = 0;
        for (kind, _, wait) in self.known.waits.of(component) {
            if matches!(kind, ResourceKind::Places | ResourceKind::Concurrency) {
                no_place += wait.refusals;
            }
        }
        account.add(self.first(component, &[Queue]), no_place);
        let no_room = self.known.waits.of(component).filter(|&(kind, ..)| kind == ResourceKind::Length);
        account.add(self.first(component, &[Backlog]), no_room.map(|(.., wait)| wait.refusals).sum());
        let refused: u64 = self
            .callers(component)
            .flat_map(|caller| self.failing(caller))
            .filter(|&(callee, why, _)| callee == component && why == ErrorType::ConnectionRefused)
            .map(|(.., count)| count)
            .sum();
        account.add(self.first(component, &[Death]), refused.saturating_sub(no_place));
        account
    }

    /// Of requests that fail: by reason, and where calls fail so, by callee.
    fn errors(&self, component: usize) -> Account {
        let mut account = Account::default();
        let calls: Vec<_> = self.failing(component).collect();
        for (why, count) in self.known.outcomes.failed(component) {
            let own = match why {
                ErrorType::PoolTimeout | ErrorType::TooManyConnections => self.first(component, &[PoolTimeouts]),
                ErrorType::LockTimeout | ErrorType::StatementTimeout | ErrorType::Deadlock => {
                    self.first(component, &[Locks])
                }
                ErrorType::CallNotPermitted | ErrorType::BulkheadFull | ErrorType::ClientThrottled => {
                    self.first(component, &[Guards])
                }
                ErrorType::Timeout if self.callers(component).next().is_none() => self.first(component, &[Latency]),
                // A timer within, where nothing that was called timed out: what it bounds took too long.
                ErrorType::Timeout
                    if !self
                        .known
                        .outcomes
                        .failed_calls(component)
                        .any(|(_, of_call, _)| of_call == ErrorType::Timeout) =>
                {
                    self.first(component, &[Latency])
                }
                ErrorType::TaskRejected => self.first(component, &[Rejections]),
                ErrorType::TaskTimeout => self.first(component, &[Threads, Latency]),
                ErrorType::OutOfMemory => self.first(component, &[Death]),
                ErrorType::DiskFull => self.first(component, &[Storage]),
                _ => None,
            };
            if own.is_some() {
                account.add(own, count);
                continue;
            }
            // By the calls that failed for the same reason, or else by all that failed.
            let same = calls.iter().filter(|&&(_, of_call, _)| of_call == why);
            let like: Vec<_> = if same.clone().next().is_some() { same.collect() } else { calls.iter().collect() };
            let (mut of_all, mut left) = (like.iter().map(|(.., of_it)| of_it).sum::<u64>(), count);
            let is_own = of_all == 0 && why == ErrorType::Terminated;
            for &&(callee, of_call, of_it) in like.iter().filter(|(.., of_it)| *of_it > 0) {
                // What is left, in the proportion of those that are left: so that nothing is lost to rounding.
                let part = (u128::from(left) * u128::from(of_it)).div_ceil(u128::from(of_all)) as u64;
                (left, of_all) = (left - part, of_all - of_it);
                account.add(self.failed_at(callee, of_call), part);
            }
            account.add(self.first(component, &[Death]).filter(|_| is_own), left);
        }
        account
    }

    /// The state of a callee that makes calls to it fail for such a reason.
    fn failed_at(&self, callee: usize, why: ErrorType) -> Option<usize> {
        let states: &[State] = match why {
            ErrorType::Timeout | ErrorType::StatementTimeout => &[Latency, Pauses, Queue, Blocked, Errors],
            ErrorType::ConnectionRefused => &[Refusals, Death],
            ErrorType::Overloaded | ErrorType::RateLimited | ErrorType::TooManyConnections | ErrorType::Nacked => {
                &[Refusals]
            }
            ErrorType::ConnectionReset | ErrorType::ConnectionLost | ErrorType::Terminated => &[Kills, Death, Errors],
            _ => &[Errors],
        };
        self.first(callee, states)
    }

    /// Calls that fail because of the faults: callee, reason and number. Where a source's calls are not told, its requests are.
    fn failing(&self, caller: usize) -> impl Iterator<Item = (usize, ErrorType, u64)> {
        let outcomes = self.known.outcomes;
        let target = self.callees(caller).next().filter(|_| outcomes.failed_calls(caller).next().is_none());
        let requests = target.into_iter().flat_map(move |target| {
            let of_caller = outcomes.failed(caller);
            of_caller.map(move |(why, count)| (target, why, count))
        });
        outcomes.failed_calls(caller).chain(requests)
    }

    fn name(&self, component: usize) -> &str {
        &self.known.components.names[component]
    }

    fn callees(&self, component: usize) -> impl Iterator<Item = usize> {
        self.known.callees(self.name(component)).filter_map(|name| self.known.components.find(name))
    }

    fn callers(&self, component: usize) -> impl Iterator<Item = usize> {
        self.known.callers(self.name(component)).filter_map(|name| self.known.components.find(name))
    }

    /// The first of these states that the component was in by then, or else that showed soon afterwards, or later.
    fn first(&self, component: usize, states: &[State]) -> Option<usize> {
        let name = self.name(component);
        let within = |late: Duration| {
            let find = |&state: &State| {
                let is_it = |node: &Node| node.component == name && node.state == Some(state);
                self.nodes.iter().position(|node| is_it(node) && node.first <= self.of.onset.saturating_add(late))
            };
            states.iter().find_map(find)
        };
        within(Duration::ZERO).or_else(|| within(self.known.late)).or_else(|| within(Duration::MAX))
    }

    /// The same of a state of a part.
    fn find_of(&self, component: usize, part: Option<&str>, state: State) -> Option<usize> {
        let name = self.name(component);
        let is_it = |node: &Node| node.component == name && node.part.as_deref() == part && node.state == Some(state);
        self.nodes.iter().position(is_it)
    }
}
