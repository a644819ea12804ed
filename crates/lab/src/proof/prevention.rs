//! The smallest change of one parameter with which the incident would not have been.
//!
//! Each parameter that can be patched, of what the incident touched, is made larger and smaller where that makes sense, on a geometric grid of four steps
//! an octave, up to eightfold or an eighth; integers as integers, retries down to none. On the grid the first step that helps is looked for: at a third,
//! two thirds and the whole of it, then by bisection before the first of these that helps. What helps in between only is not found.
//!
//! A change prevents the incident if at most [`LEFT_PERCENT`] % of the harm is left, if users recover once the faults are undone, and if the changed
//! system is as healthy as it was without any fault.
//!
//! A larger heap comes in a container with as much more memory.
//!
//! Left out: changes of several parameters at once otherwise, and laws of demand.

use super::ground::{Described, Ground};
use super::parameter::{self, Setting};
use super::share::side_by_side;
use crate::truth::{Harm, Recovery};
use knockon_kernel::Duration;
use knockon_model::blueprint::{
    ExecutorField, HeapField, LinkField, PolicyField, PoolField, Runtime, ServiceField, Target, Value,
};
use knockon_model::id::{ExecutorId, PoolId};
use std::collections::BTreeSet;

/// How much of the harm may be left, in hundredths.
pub const LEFT_PERCENT: u64 = 1;
/// Steps of the grid, and steps to an octave.
const STEPS: u32 = 12;
const STEPS_AN_OCTAVE: f64 = 4.0;

/// Which way a parameter is changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Larger,
    Smaller,
}

/// A change that prevents the incident.
#[derive(Clone, Debug)]
pub struct Prevention {
    /// The parameter, what it is, and what would have sufficed; then what has to go with it.
    pub settings: Vec<Described>,
    /// How many times as large that is.
    pub factor: f64,
    /// The harm that is left.
    pub harm: Harm,
}

impl Prevention {
    /// The parameter's path, as in `--set`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.settings[0].path
    }
}

/// What would have prevented an incident, and what would not.
#[derive(Clone, Debug, Default)]
pub struct Preventions {
    /// The smallest relative change first.
    pub found: Vec<Prevention>,
    /// Parameters of which no change that was tried helps: path, and as what it was tried last.
    pub in_vain: Vec<(String, Vec<String>)>,
}

pub(super) fn all(ground: &Ground) -> Preventions {
    let mut preventions = Preventions::default();
    if ground.measure.count(&ground.before) == 0 {
        return preventions;
    }
    let mut parameters = parameters(ground);
    parameters.retain(|&(target, _)| !ground.is_own(target));
    let known = parameters.into_iter().filter_map(|(target, way)| {
        let value = parameter::read(&ground.blueprint, target)?;
        let grid = grid(target, value, way);
        (!grid.is_empty()).then_some((target, value, grid))
    });
    let known: Vec<(Target, Value, Vec<Value>)> = known.collect();
    let found = side_by_side(&known, ground.threads, |(target, value, grid)| smallest(ground, *target, *value, grid));
    let mut tried: Vec<(String, String)> = Vec::new();
    for ((target, _, grid), found) in known.iter().zip(found) {
        match found {
            Some(found) => preventions.found.push(found),
            None => {
                let last = grid.last().map_or_else(String::new, |&last| parameter::show(*target, last));
                tried.push((parameter::path(&ground.blueprint, *target), last));
            }
        }
    }
    let change = |found: &Prevention| libm::log(found.factor).abs();
    preventions.found.sort_by(|a, b| change(a).total_cmp(&change(b)).then_with(|| a.path().cmp(b.path())));
    for (path, last) in tried {
        if preventions.found.iter().any(|found| found.path() == path) {
            continue;
        }
        match preventions.in_vain.iter_mut().find(|(known, _)| *known == path) {
            Some((_, lasts)) => lasts.push(last),
            None => preventions.in_vain.push((path, vec![last])),
        }
    }
    preventions
}

/// What can be changed of what the incident touched, and which way.
fn parameters(ground: &Ground) -> Vec<(Target, Way)> {
    use Way::{Larger, Smaller};
    let blueprint = &ground.blueprint;
    let mut all = Vec::new();
    let mut both = |target| all.extend([(target, Larger), (target, Smaller)]);
    for id in ground.services() {
        let service = &blueprint[id];
        both(Target::Service(id, ServiceField::Workers));
        both(Target::Service(id, ServiceField::Places));
        both(Target::Service(id, ServiceField::RateLimit));
        let limit = service.admission.concurrency.filter(|limit| limit.minimum == limit.maximum);
        let field = if limit.is_some() { ServiceField::ConcurrencyLimit } else { ServiceField::ConcurrencyMaximum };
        both(Target::Service(id, field));
        for pool in (0..service.pools.len() as u32).map(PoolId) {
            both(Target::Pool(id, pool, PoolField::Maximum));
            both(Target::Pool(id, pool, PoolField::AcquireTimeout));
        }
        for (n, executor) in service.executors.iter().enumerate() {
            let n = ExecutorId(n as u32);
            both(Target::Executor(id, n, ExecutorField::Threads));
            if !executor.is_fixed() {
                both(Target::Executor(id, n, ExecutorField::Maximum));
            }
            both(Target::Executor(id, n, ExecutorField::Queue));
        }
    }
    let mut seen = BTreeSet::new();
    for call in parameter::calls(blueprint) {
        let callee = call.callee.is_some_and(|callee| ground.touches(&blueprint[callee].name));
        if (callee || ground.touches(&call.caller)) && seen.insert(call.policy) {
            both(Target::Policy(call.policy, PolicyField::Timeout));
        }
    }
    for policy in &blueprint.traffic {
        if ground.touches(&blueprint[blueprint[policy.link].to].name) {
            both(Target::Link(policy.link, LinkField::BulkheadMaximum));
        }
    }
    all.extend(seen.into_iter().map(|policy| (Target::Policy(policy, PolicyField::Retries), Smaller)));
    for id in ground.services() {
        for field in [ServiceField::Cores, ServiceField::Quota, ServiceField::MemoryLimit, ServiceField::MaxConnections]
        {
            all.push((Target::Service(id, field), Larger));
        }
        if blueprint[id].storage.is_some() {
            all.push((Target::Service(id, ServiceField::DiskCapacity), Larger));
        }
        for field in [ServiceField::LockTimeout, ServiceField::StatementTimeout] {
            all.push((Target::Service(id, field), Smaller));
        }
        all.push((Target::Service(id, ServiceField::WorkerTimeout), Larger));
        if let Runtime::Jvm(_) = blueprint[id].runtime {
            all.push((Target::Heap(id, HeapField::Maximum), Larger));
        }
    }
    all
}

/// Values to try, by their distance from what the parameter is.
fn grid(target: Target, value: Value, way: Way) -> Vec<Value> {
    let mut values = Vec::new();
    let mut last = value;
    let mut add = |next: Value| {
        if next != last {
            last = next;
            values.push(next);
        }
    };
    for step in 1..=STEPS {
        let octaves = f64::from(step) / STEPS_AN_OCTAVE;
        let factor = libm::exp2(if way == Way::Larger { octaves } else { -octaves });
        let scaled = |value: u64, unit: u64| {
            let units = libm::round(value as f64 * factor / unit as f64) as u64;
            (units.max(1)).saturating_mul(unit)
        };
        match value {
            Value::Count(0) | Value::Limit(None | Some(0)) => {}
            Value::Count(count) => add(Value::Count(scaled(count, 1))),
            Value::Limit(Some(limit)) => {
                let is_size = matches!(target, Target::Service(_, ServiceField::MemoryLimit));
                add(Value::Limit(Some(scaled(limit, if is_size { unit_of(limit) } else { 1 }))));
            }
            Value::Bytes(bytes) => add(Value::Bytes(scaled(bytes, unit_of(bytes)))),
            Value::Duration(duration) => {
                let ns = duration.as_nanos();
                let unit = if ns >= 100_000_000 { 1_000_000 } else { 1_000 };
                add(Value::Duration(Duration::from_nanos(scaled(ns, unit))));
            }
            Value::Number(_) | Value::Sampler(_) => {}
        }
    }
    if way == Way::Smaller
        && let (Target::Policy(_, PolicyField::Retries), Value::Count(1..)) = (target, value)
    {
        add(Value::Count(0));
    }
    values
}

/// What a size is rounded to.
fn unit_of(bytes: u64) -> u64 {
    if bytes >= 16 << 20 { 1 << 20 } else { 1 << 10 }
}

/// The first value of the grid that helps.
fn smallest(ground: &Ground, target: Target, value: Value, grid: &[Value]) -> Option<Prevention> {
    let harm_with = |place: usize| prevents(ground, target, grid[place]);
    let count = grid.len();
    let probes: BTreeSet<usize> = [count.div_ceil(3), (2 * count).div_ceil(3), count].map(|n| n - 1).into();
    let mut in_vain = None;
    let mut found = None;
    for place in probes {
        match harm_with(place) {
            Some(harm) => {
                found = Some((place, harm));
                break;
            }
            None => in_vain = Some(place),
        }
    }
    let (mut place, mut harm) = found?;
    let mut low = in_vain.map_or(0, |in_vain: usize| in_vain + 1);
    while low < place {
        let middle = low + (place - low) / 2;
        match harm_with(middle) {
            Some(less) => (place, harm) = (middle, less),
            None => low = middle + 1,
        }
    }
    Some(Prevention {
        settings: ground.described(&settings(ground, target, grid[place])),
        factor: size(grid[place]) / size(value),
        harm,
    })
}

/// A parameter with a value, and what has to go with it: a container whose limit leaves a larger heap the room that the smaller one had.
fn settings(ground: &Ground, target: Target, value: Value) -> Vec<Setting> {
    let mut all = vec![(target, value)];
    if let (Target::Heap(service, HeapField::Maximum), Value::Bytes(bytes)) = (target, value)
        && let Some(Value::Bytes(before)) = parameter::read(&ground.blueprint, target)
        && let Some(limit) = ground.blueprint[service].memory.limit
    {
        let limit = limit.saturating_add(bytes.saturating_sub(before));
        all.push((Target::Service(service, ServiceField::MemoryLimit), Value::Limit(Some(limit))));
    }
    all
}

/// The harm that is left, if a value prevents the incident.
fn prevents(ground: &Ground, target: Target, value: Value) -> Option<Harm> {
    let changed = parameter::with(&ground.blueprint, &settings(ground, target, value), None);
    let allowed = ground.measure.count(&ground.before) * LEFT_PERCENT / 100;
    let trial = ground.try_out(&changed, |harm| ground.measure.count(harm) > allowed).ok()??;
    // While a fault is in force to the end there is nothing to recover from yet.
    let over = trial.recovers() || trial.recovery == Recovery::InForce;
    let gone = over && ground.measure.count(&trial.harm) <= allowed;
    (gone && ground.ails(&changed).is_none()).then_some(trial.harm)
}

fn size(value: Value) -> f64 {
    match value {
        Value::Count(n) | Value::Bytes(n) | Value::Limit(Some(n)) => n as f64,
        Value::Duration(duration) => duration.as_nanos() as f64,
        Value::Number(number) => number,
        Value::Limit(None) | Value::Sampler(_) => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use knockon_model::id::{PolicyId, ServiceId};

    const WORKERS: Target = Target::Service(ServiceId(0), ServiceField::Workers);
    const RETRIES: Target = Target::Policy(PolicyId(0), PolicyField::Retries);

    fn counts(values: &[Value]) -> Vec<u64> {
        values.iter().map(|&value| size(value) as u64).collect()
    }

    #[test]
    fn integers_stay_integers_and_none_comes_twice() {
        let workers = |n, way| counts(&grid(WORKERS, Value::Limit(Some(n)), way));
        assert_eq!(workers(2, Way::Larger), [3, 4, 5, 6, 7, 8, 10, 11, 13, 16]);
        assert_eq!(workers(10, Way::Smaller), [8, 7, 6, 5, 4, 3, 2, 1]);
        assert!(workers(1, Way::Smaller).is_empty());
        assert_eq!(counts(&grid(RETRIES, Value::Count(5), Way::Smaller)), [4, 3, 2, 1, 0]);
        assert!(grid(RETRIES, Value::Count(0), Way::Smaller).is_empty());
    }

    #[test]
    fn a_grid_ends_at_eightfold_and_at_an_eighth() {
        let timeout = Value::Duration(Duration::from_secs(4));
        let target = Target::Policy(PolicyId(0), PolicyField::Timeout);
        assert_eq!(grid(target, timeout, Way::Larger).last(), Some(&Value::Duration(Duration::from_secs(32))));
        assert_eq!(grid(target, timeout, Way::Smaller).last(), Some(&Value::Duration(Duration::from_millis(500))));
        assert_eq!(grid(target, timeout, Way::Larger).len(), STEPS as usize);
    }
}
