//! How two finished runs differ: in the events of their worlds, in their tables, in requests and in spans.
//!
//! ```text
//! rows of A ──take──► waiting, by id ──┐
//! rows of B ───────────────────────────┴─► pairs ─► counts by endpoint, by component; the first few requests
//! ```
//!
//! Ids are derived from addresses, so the same request and the same call have the same id in all worlds of one seed. Tables
//! are in the order in which things began, and what differs may begin at another time: so rows are joined by id, not merged in order. Of one side a
//! [`Share`] of all rows waits in memory while the other side streams by; a large run goes by several times.
//!
//! Deliberately not here: reading tables, and running worlds again. Whoever can tells what came of it.

mod endpoints;
mod json;
mod page;
mod spans;
mod words;

pub use endpoints::{Asked, Changed, EndpointDifference, Listed, Request, Requests};
pub use spans::{ComponentDifference, Span, Spans};
pub use words::{Word, Words};

use std::collections::BTreeSet;

/// Two runs, and how the second differs from the first.
#[derive(Debug)]
pub struct Difference {
    /// What is compared.
    pub runs: [Run; 2],
    /// What must be known to read the rest: other seeds, other versions.
    pub notes: Vec<String>,
    /// Lines of the scenario that each has in place of the other's; none where the scenario is the same.
    pub scenario: [Vec<String>; 2],
    /// Where their worlds part.
    pub events: Events,
    /// Every table of either.
    pub tables: Vec<TableDifference>,
    /// What clients saw, by endpoint; `None` if a run has no table of it.
    pub requests: Option<Requests>,
    /// What services did, by component; `None` if a run has no table of it.
    pub spans: Option<Spans>,
}

/// One of both.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// Its folder.
    pub folder: String,
    /// Version and epochs that wrote it.
    pub written_by: String,
    /// Seed of every draw.
    pub seed: u64,
    /// Simulated time.
    pub simulated_ns: u64,
    /// Simulated time zero, in nanoseconds since the Unix epoch.
    pub start_unix_ns: i64,
    /// Digest of its events and states.
    pub digest: String,
}

/// Where two worlds part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Events {
    /// Nowhere.
    Same,
    /// Here: both were run again.
    Parted(Box<Parted>),
    /// Not known, and why.
    Unknown(String),
}

/// The events around which two worlds part: what happened when, where, to which request, and how it ended. That a fault acts is no difference, what
/// follows from it is; nor is what happens in components that only one of them has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parted {
    /// Between which instants, in nanoseconds since the start, what they hold parts, if it does before any event: a heap may fill for
    /// minutes until it is collected.
    pub held_ns: Option<[u64; 2]>,
    /// Instances and sources that only one has, whose events are not compared.
    pub only: [Vec<String>; 2],
    /// The last event that is the same; `None` if there is none.
    pub equal: Option<Event>,
    /// The first of each that is not; `None` where a run has no more. In neither, if no event differs.
    pub differing: [Option<Event>; 2],
}

/// An event of a world.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// How many came before it, plus one.
    pub number: u64,
    /// When, in nanoseconds since the start.
    pub time_ns: u64,
    /// Where: an instance, or a source.
    pub component: Option<String>,
    /// The trace of the request that it was for.
    pub trace: Option<u128>,
    /// The same request by source and number, if it has ended.
    pub request: Option<Asked>,
    /// What it was.
    pub text: String,
}

/// One table in both runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableDifference {
    /// Path in a run's folder.
    pub path: String,
    /// Rows and digest in each; `None` where a run does not have it.
    pub sides: [Option<(u64, String)>; 2],
}

impl Event {
    /// Whether the same happened. Its number is another where others have happened in between.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self == &Self { number: self.number, ..other.clone() }
    }
}

impl TableDifference {
    /// Whether both have the same values.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.sides[0] == self.sides[1]
    }
}

impl Difference {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.events == Events::Same && self.tables.iter().all(TableDifference::is_same)
    }
}

/// Every table of either run, in the order of their paths.
#[must_use]
pub fn tables(sides: [Vec<(String, (u64, String))>; 2]) -> Vec<TableDifference> {
    let paths: BTreeSet<&String> = sides.iter().flatten().map(|(path, _)| path).collect();
    let of = |side: &Vec<(String, (u64, String))>, path: &String| {
        side.iter().find(|(other, _)| other == path).map(|(_, summary)| summary.clone())
    };
    let difference =
        |path: &String| TableDifference { path: path.clone(), sides: sides.each_ref().map(|side| of(side, path)) };
    paths.into_iter().map(difference).collect()
}

/// The lines that two texts have in place of each other's: without those at the beginning and end that are the same.
#[must_use]
pub fn changed_lines(first: &str, second: &str) -> [Vec<String>; 2] {
    let lines = [first, second].map(|text| text.lines().collect::<Vec<_>>());
    let [a, b] = &lines;
    let before = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let after = a[before..].iter().rev().zip(b[before..].iter().rev()).take_while(|(a, b)| a == b).count();
    lines.map(|lines| lines[before..lines.len() - after].iter().map(|line| (*line).to_owned()).collect())
}

/// A part of all rows, by their traces: as much as may wait in memory at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share {
    index: u64,
    of: u64,
}

impl Share {
    /// All shares of so many rows, if so many of them may wait.
    pub fn all(rows: u64, waiting: u64) -> impl Iterator<Item = Self> {
        let of = rows.div_ceil(waiting.max(1)).max(1);
        (0..of).map(move |index| Self { index, of })
    }

    /// Whether rows of this trace belong to it. Traces are as good as drawn, so shares are about equal.
    #[must_use]
    pub fn has(self, trace: u128) -> bool {
        trace as u64 % self.of == self.index
    }
}

#[cfg(test)]
mod tests;
