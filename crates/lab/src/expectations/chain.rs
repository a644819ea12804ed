//! How often milestones of one service happened in a given order.

use crate::milestones::{Milestones, State};
use std::collections::BTreeMap;

/// How often the whole chain of states happened one after the other in one process of `service`: the best process counts.
/// Other milestones may lie between; a chain may begin once the last one has ended.
#[must_use]
pub fn times(milestones: &Milestones, service: &str, chain: &[State]) -> u32 {
    let mut progress: BTreeMap<&str, (usize, u32)> = BTreeMap::new();
    for milestone in milestones.kept.iter().filter(|milestone| belongs(&milestone.component, service)) {
        let (next, times) = progress.entry(&milestone.instance).or_default();
        if chain.get(*next) == Some(&milestone.state) {
            *next += 1;
            if *next == chain.len() {
                (*next, *times) = (0, *times + 1);
            }
        }
    }
    progress.into_values().map(|(_, times)| times).max().unwrap_or(0)
}

/// How often a state was reached in any process of `service`, as far as milestones are kept.
#[must_use]
pub fn occurrences(milestones: &Milestones, service: &str, state: State) -> usize {
    milestones.of(state).filter(|milestone| belongs(&milestone.component, service)).count()
}

/// Whether a component is the service, a part of it or a link that it calls over.
fn belongs(component: &str, service: &str) -> bool {
    component
        .strip_prefix(service)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest.starts_with(" -> "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::milestones::Milestone;
    use knockon_kernel::Time;

    fn milestones(states: &[(&str, &str, State)]) -> Milestones {
        let kept = states.iter().enumerate().map(|(second, &(component, instance, state))| Milestone {
            time: Time::from_nanos(second as u64),
            component: component.into(),
            instance: instance.into(),
            cycle: 1,
            state,
            value: None,
            shown_by: None,
        });
        Milestones { kept: kept.collect(), ..Milestones::default() }
    }

    #[test]
    fn only_whole_chains_in_order_and_in_one_process_count() {
        use State::{AcquireTimeout, GcShareOver30Percent, PoolFull, Restarted};
        let told = milestones(&[
            ("api", "api-0", GcShareOver30Percent),
            ("api/pool", "api-0", PoolFull),
            ("api", "api-0", Restarted),
            ("api/pool", "api-0", PoolFull),
            ("api", "api-0", GcShareOver30Percent),
            ("api/pool", "api-0", AcquireTimeout),
            ("api-2/pool", "api-2-0", PoolFull),
            ("api/pool", "api-1", PoolFull),
            ("api", "api-0", Restarted),
        ]);
        for (chain, expected) in [
            (&[GcShareOver30Percent, PoolFull][..], 1),
            (&[GcShareOver30Percent, Restarted][..], 2),
            (&[GcShareOver30Percent, PoolFull, AcquireTimeout][..], 1),
            (&[AcquireTimeout, PoolFull][..], 0),
            (&[PoolFull][..], 2),
        ] {
            assert_eq!(times(&told, "api", chain), expected, "{chain:?}");
        }
        assert_eq!(occurrences(&told, "api", PoolFull), 3);
        assert_eq!(occurrences(&told, "api-2", PoolFull), 1);
    }
}
