//! The incident as a reader would tell it: faults and milestones in order of time. A cycle that shows nothing new is told in one
//! line, and after a few such lines only counted, so that a hundred kills do not bury the first.

use crate::Calendar;
use crate::milestones::{Milestone, Milestones, State};
use knockon_kernel::Time;
use knockon_model::blueprint::Fault;
use std::collections::{BTreeMap, BTreeSet};

/// Repeated cycles told one by one; further ones are counted.
const CYCLES_TOLD: usize = 3;

/// One line of the timeline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moment {
    /// When.
    pub time: Time,
    /// The component concerned.
    pub component: String,
    /// What happened.
    pub text: String,
}

/// The timeline of a run.
#[must_use]
pub fn tell(faults: &[Fault], milestones: &Milestones) -> Vec<Moment> {
    let mut moments: Vec<_> = faults.iter().flat_map(tell_fault).collect();
    let mut known: BTreeSet<(&str, State)> = BTreeSet::new();
    let mut repeated: BTreeMap<&str, Vec<Vec<&Milestone>>> = BTreeMap::new();
    for cycle in cycles(milestones) {
        let before = known.len();
        known.extend(cycle.iter().map(|milestone| (milestone.component.as_str(), milestone.state)));
        if known.len() > before {
            moments.extend(cycle.iter().map(|milestone| tell_milestone(milestone)));
        } else {
            repeated.entry(&cycle[0].instance).or_default().push(cycle);
        }
    }
    for (instance, cycles) in repeated {
        moments.extend(cycles.iter().take(CYCLES_TOLD).map(|cycle| tell_cycle(cycle)));
        if let Some(first) = cycles.get(CYCLES_TOLD) {
            let more = cycles.len() - CYCLES_TOLD;
            let text = format!("again {more} more {}, with nothing new", if more == 1 { "time" } else { "times" });
            moments.push(Moment { time: first[0].time, component: instance.to_owned(), text });
        }
    }
    moments.sort_by_key(|moment| moment.time);
    moments
}

/// Milestones by process and cycle, in order of time; a restart closes the cycle that it ends.
fn cycles(milestones: &Milestones) -> Vec<Vec<&Milestone>> {
    let mut groups: BTreeMap<(&str, u32), Vec<&Milestone>> = BTreeMap::new();
    for milestone in &milestones.kept {
        let cycle = milestone.cycle - u32::from(milestone.state == State::Restarted);
        groups.entry((&milestone.instance, cycle)).or_default().push(milestone);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| group[0].time);
    groups
}

fn tell_fault(fault: &Fault) -> Vec<Moment> {
    // Values are told as people say them, not as the scenario quotes them.
    let bare = |value: &str| value.trim_matches('"').to_owned();
    let setting = |(path, from, to): &(String, String, String)| format!("{path} {} → {}", bare(from), bare(to));
    let settings: Vec<_> = fault.settings.iter().map(setting).collect();
    let what =
        if settings.is_empty() { fault.kind.clone() } else { format!("{}: {}", fault.kind, settings.join(", ")) };
    let moment = |time, text| Moment { time, component: fault.component.clone(), text };
    let mut moments = vec![moment(fault.at, format!("{what} (fault `{}`)", fault.name))];
    if let Some(until) = fault.until {
        moments.push(moment(until, format!("fault `{}` ends", fault.name)));
    }
    moments
}

fn tell_milestone(milestone: &Milestone) -> Moment {
    Moment { time: milestone.time, component: milestone.component.clone(), text: words(milestone) }
}

fn words(milestone: &Milestone) -> String {
    let words = milestone.state.words();
    match (milestone.state, milestone.value) {
        (State::GcShareOver30Percent, Some(share)) => format!("{words} ({:.0} %)", share * 100.0),
        (_, Some(value)) => format!("{words} ({} {value})", milestone.state.measure().unwrap_or_default()),
        (_, None) => words.to_owned(),
    }
}

fn tell_cycle(cycle: &[&Milestone]) -> Moment {
    let first = cycle[0];
    let mut text = format!("again: {}", first.state.short_words());
    // That a process which ran out of memory has exited need not be said in a short line.
    let reason = |milestone: &&Milestone| matches!(milestone.state, State::OutOfMemoryError | State::OomKilled);
    let has_reason = cycle.iter().any(reason);
    for later in cycle[1..].iter().filter(|later| !(has_reason && later.state == State::Exited)) {
        let after_s = (later.time.as_nanos() - first.time.as_nanos()) as f64 / 1e9;
        text.push_str(&format!(", {} +{after_s:.0} s", later.state.short_words()));
    }
    Moment { time: first.time, component: first.instance.clone(), text }
}

/// The lines as text, in columns.
#[must_use]
pub fn lines(moments: &[Moment]) -> Vec<String> {
    let wide = moments.iter().map(|moment| moment.component.chars().count()).max().unwrap_or(0);
    moments
        .iter()
        .map(|moment| format!("{:>12}  {:wide$}  {}", Calendar::offset(moment.time), moment.component, moment.text))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use knockon_model::blueprint::Contrast;

    const SECOND: u64 = 1_000_000_000;

    fn milestone(second: u64, cycle: u32, state: State) -> Milestone {
        let value = state.measure().map(|_| 1.0);
        let (component, instance) = ("web-api".to_owned(), "web-api-0".to_owned());
        Milestone { time: Time::from_nanos(second * SECOND), component, instance, cycle, state, value, shown_by: None }
    }

    fn leak() -> Fault {
        Fault {
            name: "leak".into(),
            component: "web-api".into(),
            settings: vec![("checkout.retain".into(), "0".into(), "\"2MiB\"".into())],
            kind: "deploy".into(),
            at: Time::from_nanos(10 * SECOND),
            until: None,
            contrast: Contrast::SameDeploy,
        }
    }

    #[test]
    fn the_first_cycle_in_full_and_later_ones_short() {
        let mut kept = vec![milestone(11, 2, State::Restarted)];
        for cycle in 2..8 {
            let start = u64::from(cycle) * 100;
            kept.push(milestone(start, cycle, State::GcShareOver30Percent));
            kept.push(milestone(start + 7, cycle, State::OutOfMemoryError));
            kept.push(milestone(start + 30, cycle + 1, State::Restarted));
        }
        let told = lines(&tell(&[leak()], &Milestones { kept, ..Milestones::default() }));
        assert_eq!(
            told,
            [
                " 0:00:10.000  web-api    deploy: checkout.retain 0 → 2MiB (fault `leak`)",
                " 0:00:11.000  web-api    restarted, cold (restarts 1)",
                " 0:03:20.000  web-api    GC share over 30 % (100 %)",
                " 0:03:27.000  web-api    OutOfMemoryError",
                " 0:03:50.000  web-api    restarted, cold (restarts 1)",
                " 0:05:00.000  web-api-0  again: GC share, OutOfMemoryError +7 s, restarted +30 s",
                " 0:06:40.000  web-api-0  again: GC share, OutOfMemoryError +7 s, restarted +30 s",
                " 0:08:20.000  web-api-0  again: GC share, OutOfMemoryError +7 s, restarted +30 s",
                " 0:10:00.000  web-api-0  again 2 more times, with nothing new",
            ]
        );
    }

    #[test]
    fn a_cycle_with_something_new_is_told_in_full() {
        let kept = vec![
            milestone(100, 1, State::ServerError),
            milestone(130, 2, State::Restarted),
            milestone(200, 2, State::ServerError),
            milestone(210, 2, State::OomKilled),
        ];
        let told = tell(&[], &Milestones { kept, ..Milestones::default() });
        let texts: Vec<_> = told.iter().map(|moment| moment.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "first 5xx answered (status 1)",
                "restarted, cold (restarts 1)",
                "first 5xx answered (status 1)",
                "OOMKilled"
            ]
        );
    }
}
