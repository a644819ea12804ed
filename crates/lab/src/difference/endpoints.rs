//! What clients saw of the same requests in two runs, by endpoint.
//!
//! Two ends of a request differ if one failed and the other did not, by their status or error, by their latency, or by where the latency went. The
//! number of attempts is left out: an attempt that took no time is none.

use super::{Share, Word, Words};
use knockon_model::record::Part;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

/// Which request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// Load source that sent it.
    pub source: String,
    /// Number within its source, from 1.
    pub number: u64,
    /// What was asked for.
    pub name: String,
}

/// How a request ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Request {
    /// When it was sent, in nanoseconds since the Unix epoch.
    pub sent_unix_ns: i64,
    /// From there to its end.
    pub latency_ns: i64,
    /// Whether it failed.
    pub failed: bool,
    /// Status of its answer; 0 where none came.
    pub status: u16,
    /// Why it failed.
    pub error: Option<Word>,
    /// Where its latency went, by [`Part`].
    pub parts: [i64; Part::COUNT],
}

/// In what two ends of a request differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Changed {
    /// Answered or failed, status or error.
    pub outcome: bool,
    /// Latency.
    pub latency: bool,
    /// Where the latency went.
    pub parts: bool,
}

impl Changed {
    fn between(first: &Request, second: &Request) -> Self {
        let outcome = |request: &Request| (request.failed, request.status, request.error);
        Self {
            outcome: outcome(first) != outcome(second),
            latency: first.latency_ns != second.latency_ns,
            parts: first.parts != second.parts,
        }
    }

    /// In anything.
    #[must_use]
    pub const fn any(self) -> bool {
        self.outcome || self.latency || self.parts
    }
}

/// The requests of one endpoint in both runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EndpointDifference {
    /// Ended in both.
    pub in_both: u64,
    /// Ended in one of them only.
    pub only: [u64; 2],
    /// Ended in both, and not the same way: outcome, latency, or where it went.
    pub changed: u64,
    /// Of these, with another outcome.
    pub outcome: u64,
    /// Of these, with a longer latency in the second run.
    pub slower: u64,
    /// With a shorter one.
    pub faster: u64,
    /// With the same outcome and latency, which went elsewhere.
    pub elsewhere: u64,
    /// Sum over those that ended in both: latency in the second run less that in the first.
    pub difference_ns: i128,
    /// The same by [`Part`].
    pub parts_ns: [i128; Part::COUNT],
}

impl EndpointDifference {
    /// Requests that are not the same.
    #[must_use]
    pub const fn differing(&self) -> u64 {
        self.only[0] + self.only[1] + self.changed
    }

    /// How much longer those take in the second run that take another time, on average.
    #[must_use]
    pub fn mean_ns(&self) -> Option<i64> {
        mean(self.difference_ns, self.slower + self.faster)
    }

    fn add(&mut self, first: &Request, second: &Request) -> Changed {
        let changed = Changed::between(first, second);
        self.in_both += 1;
        self.changed += u64::from(changed.any());
        self.outcome += u64::from(changed.outcome);
        self.elsewhere += u64::from(changed.parts && !changed.outcome && !changed.latency);
        self.slower += u64::from(second.latency_ns > first.latency_ns);
        self.faster += u64::from(second.latency_ns < first.latency_ns);
        self.difference_ns += i128::from(second.latency_ns) - i128::from(first.latency_ns);
        for ((sum, first), second) in self.parts_ns.iter_mut().zip(first.parts).zip(second.parts) {
            *sum += i128::from(second) - i128::from(first);
        }
        changed
    }

    /// Of several endpoints together.
    pub(super) fn plus(mut self, other: &Self) -> Self {
        self.in_both += other.in_both;
        self.changed += other.changed;
        self.outcome += other.outcome;
        self.slower += other.slower;
        self.faster += other.faster;
        self.elsewhere += other.elsewhere;
        self.difference_ns += other.difference_ns;
        self.only.iter_mut().zip(other.only).for_each(|(sum, more)| *sum += more);
        self.parts_ns.iter_mut().zip(other.parts_ns).for_each(|(sum, more)| *sum += more);
        self
    }
}

/// A sum over so many, rounded towards zero.
pub(super) fn mean(sum: i128, count: u64) -> Option<i64> {
    (count > 0).then(|| i64::try_from(sum / i128::from(count)).unwrap_or(i64::MAX))
}

/// A request that differs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Listed {
    /// When it was sent, in nanoseconds since the Unix epoch; in the first run, if it was sent there.
    pub sent_unix_ns: i64,
    /// Its trace.
    pub trace: u128,
    source: Word,
    number: u64,
    name: Word,
    /// How it ended in each; `None` where it was not sent, or had not ended.
    pub ends: [Option<Request>; 2],
}

impl Listed {
    /// In what it differs; `None` if it ended in one run only.
    #[must_use]
    pub fn changed(&self) -> Option<Changed> {
        Some(Changed::between(self.ends[0].as_ref()?, self.ends[1].as_ref()?))
    }

    /// Latency in the second run less that in the first; `None` if it ended in one run only.
    #[must_use]
    pub fn difference_ns(&self) -> Option<i64> {
        Some(self.ends[1]?.latency_ns.saturating_sub(self.ends[0]?.latency_ns))
    }
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    source: Word,
    number: u64,
    name: Word,
    end: Request,
}

/// Requests of two runs.
#[derive(Debug)]
pub struct Requests {
    /// Sources, names and errors.
    pub words: Words,
    endpoints: BTreeMap<(Word, Word), EndpointDifference>,
    waiting: HashMap<u128, Waiting>,
    /// The last of those that are listed on top.
    listed: BinaryHeap<Listed>,
    list: usize,
    /// Requests of which source and number are asked for.
    wanted: BTreeMap<u128, Option<Asked>>,
}

impl Requests {
    /// Lists so many of those that differ, and finds out which requests some traces are.
    pub fn new(list: usize, wanted: impl IntoIterator<Item = u128>) -> Self {
        Self {
            words: Words::default(),
            endpoints: BTreeMap::new(),
            waiting: HashMap::new(),
            listed: BinaryHeap::new(),
            list,
            wanted: wanted.into_iter().map(|trace| (trace, None)).collect(),
        }
    }

    /// A request of the first run. All of a share come before those of the second.
    pub fn first(&mut self, trace: u128, (source, number, name): (&str, u64, &str), end: Request) {
        let waiting = self.known(trace, (source, number, name), end);
        self.waiting.insert(trace, waiting);
    }

    /// A request of the second run.
    pub fn second(&mut self, trace: u128, (source, number, name): (&str, u64, &str), end: Request) {
        let second = self.known(trace, (source, number, name), end);
        let endpoint = (second.source, second.name);
        let Some(first) = self.waiting.remove(&trace) else { return self.only(1, trace, &second) };
        if (first.source, first.name) != endpoint {
            // Something else was asked for: not the same request.
            self.only(0, trace, &first);
            return self.only(1, trace, &second);
        }
        if self.endpoints.entry(endpoint).or_default().add(&first.end, &end).any() {
            self.list(trace, &first, [Some(first.end), Some(end)]);
        }
    }

    /// All requests of a share have been told.
    pub fn end_of(&mut self, _: Share) {
        let rest: Vec<_> = std::mem::take(&mut self.waiting).into_iter().collect();
        for (trace, first) in rest {
            self.only(0, trace, &first);
        }
    }

    /// Endpoints by source and name, those with the most differing requests first.
    #[must_use]
    pub fn endpoints(&self) -> Vec<(&str, &str, &EndpointDifference)> {
        let named = |(&(source, name), difference)| (self.words.word(source), self.words.word(name), difference);
        let mut all: Vec<(&str, &str, &EndpointDifference)> = self.endpoints.iter().map(named).collect();
        all.sort_by_key(|&(source, name, difference)| (std::cmp::Reverse(difference.differing()), source, name));
        all
    }

    /// All endpoints together.
    #[must_use]
    pub fn total(&self) -> EndpointDifference {
        self.endpoints.values().fold(EndpointDifference::default(), EndpointDifference::plus)
    }

    /// Those that differ, as many as are listed, in the order of their sending.
    #[must_use]
    pub fn listed(&self) -> Vec<(Asked, &Listed)> {
        let mut listed: Vec<&Listed> = self.listed.iter().collect();
        listed.sort_unstable();
        listed.into_iter().map(|one| (self.asked(one.source, one.number, one.name), one)).collect()
    }

    /// Which request a trace is, if it was asked for and has ended.
    #[must_use]
    pub fn which(&self, trace: u128) -> Option<Asked> {
        self.wanted.get(&trace).cloned().flatten()
    }

    fn known(&mut self, trace: u128, (source, number, name): (&str, u64, &str), end: Request) -> Waiting {
        if let Some(wanted) = self.wanted.get_mut(&trace) {
            *wanted = Some(Asked { source: source.to_owned(), number, name: name.to_owned() });
        }
        Waiting { source: self.words.number(source), number, name: self.words.number(name), end }
    }

    fn asked(&self, source: Word, number: u64, name: Word) -> Asked {
        Asked { source: self.words.word(source).to_owned(), number, name: self.words.word(name).to_owned() }
    }

    fn only(&mut self, side: usize, trace: u128, one: &Waiting) {
        self.endpoints.entry((one.source, one.name)).or_default().only[side] += 1;
        let mut ends = [None; 2];
        ends[side] = Some(one.end);
        self.list(trace, one, ends);
    }

    fn list(&mut self, trace: u128, one: &Waiting, ends: [Option<Request>; 2]) {
        let &Waiting { source, number, name, end } = one;
        self.listed.push(Listed { sent_unix_ns: end.sent_unix_ns, trace, source, number, name, ends });
        if self.listed.len() > self.list {
            self.listed.pop();
        }
    }
}
