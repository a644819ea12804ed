//! Why predictions miss: the mechanism that the real thing has and the machine has not.
//!
//! A test holds that every miss stands here, and that nothing stands here that is no miss any more.

use super::Comparison;

/// A set, the beginning of the names of its observables, and the mechanism that is absent.
const MISSES: [(&str, &str, &str); 2] = [
    (
        "f2_max_connections",
        "at_once_accepted_ms_median",
        "A real back end takes its slot when it has started, and those that start at once share two cores with each other and with their clients, \
     so some of the first connections are among the last to be open; the machine gives slots in the order of arrival, and a back end that has been \
     forked is open after the time that it takes alone. Absent: back ends that share cores while they start.",
    ),
    (
        "f4_steady_g1",
        "live103_",
        "With 103 MiB the collector stands at the brink: whether it runs into full collections depends on how long a concurrent cycle takes. The \
     real ones took from 24 to 50 ms (10th and 90th percentile) on cores that they shared with other programs, and a slow one was \
     enough to lose; the machine marks at one rate, 2.7 GiB/s, their mean. Absent: other programs on the same cores.",
    ),
];

/// Why a comparison misses, if that is known.
#[must_use]
pub fn explanation(comparison: &Comparison) -> Option<&'static str> {
    let known = MISSES
        .iter()
        .find(|(set, observable, _)| comparison.set == *set && comparison.observable.starts_with(observable));
    known.map(|(_, _, why)| *why)
}

/// Sets and beginnings of names that are explained.
pub fn explained() -> impl Iterator<Item = (&'static str, &'static str)> {
    MISSES.iter().map(|&(set, observable, _)| (set, observable))
}
