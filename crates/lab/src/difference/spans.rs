//! What services did in two runs, by component: the same spans, found by trace and span id.

use super::endpoints::mean;
use super::{Share, Word, Words};
use std::collections::{BTreeMap, HashMap};

/// One span.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// Its trace.
    pub trace: u128,
    /// Its own id, unique within the trace.
    pub span: u64,
    /// From its start to its end.
    pub duration_ns: i64,
}

/// The spans of one component in both runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ComponentDifference {
    /// Ended in both.
    pub in_both: u64,
    /// Ended in one of them only.
    pub only: [u64; 2],
    /// Ended in both, with another duration or status.
    pub changed: u64,
    /// Of these, with another status or error.
    pub status: u64,
    /// Of these, longer in the second run.
    pub longer: u64,
    /// Shorter.
    pub shorter: u64,
    /// Sum over those that ended in both: duration in the second run less that in the first.
    pub difference_ns: i128,
}

impl ComponentDifference {
    /// Spans that are not the same.
    #[must_use]
    pub const fn differing(&self) -> u64 {
        self.only[0] + self.only[1] + self.changed
    }

    /// How much longer those take in the second run that take another time, on average.
    #[must_use]
    pub fn mean_ns(&self) -> Option<i64> {
        mean(self.difference_ns, self.longer + self.shorter)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Waiting {
    component: Word,
    /// Status and error.
    status: (Word, Option<Word>),
    duration_ns: i64,
}

/// Spans of two runs.
#[derive(Debug, Default)]
pub struct Spans {
    words: Words,
    components: BTreeMap<Word, ComponentDifference>,
    waiting: HashMap<(u128, u64), Waiting>,
}

impl Spans {
    /// A span of the first run. All of a share come before those of the second.
    pub fn first(&mut self, span: Span, component: &str, status: &str, error: Option<&str>) {
        let waiting = self.known(span, component, status, error);
        self.waiting.insert((span.trace, span.span), waiting);
    }

    /// A span of the second run.
    pub fn second(&mut self, span: Span, component: &str, status: &str, error: Option<&str>) {
        let second = self.known(span, component, status, error);
        let first = self.waiting.remove(&(span.trace, span.span));
        let found = self.components.entry(second.component).or_default();
        match first {
            Some(first) if first.component == second.component => {
                found.in_both += 1;
                found.changed += u64::from((first.status, first.duration_ns) != (second.status, second.duration_ns));
                found.status += u64::from(first.status != second.status);
                found.longer += u64::from(second.duration_ns > first.duration_ns);
                found.shorter += u64::from(second.duration_ns < first.duration_ns);
                found.difference_ns += i128::from(second.duration_ns) - i128::from(first.duration_ns);
            }
            other => {
                found.only[1] += 1;
                if let Some(first) = other {
                    self.components.entry(first.component).or_default().only[0] += 1;
                }
            }
        }
    }

    /// All spans of a share have been told.
    pub fn end_of(&mut self, _: Share) {
        let rest: Vec<Waiting> = std::mem::take(&mut self.waiting).into_values().collect();
        for first in rest {
            self.components.entry(first.component).or_default().only[0] += 1;
        }
    }

    /// Components by name, those with the most differing spans first.
    #[must_use]
    pub fn components(&self) -> Vec<(&str, &ComponentDifference)> {
        let mut all: Vec<(&str, &ComponentDifference)> =
            self.components.iter().map(|(&component, difference)| (self.words.word(component), difference)).collect();
        all.sort_by_key(|&(component, difference)| (std::cmp::Reverse(difference.differing()), component));
        all
    }

    fn known(&mut self, span: Span, component: &str, status: &str, error: Option<&str>) -> Waiting {
        let status = (self.words.number(status), error.map(|error| self.words.number(error)));
        Waiting { component: self.words.number(component), status, duration_ns: span.duration_ns }
    }
}
