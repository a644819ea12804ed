//! Who held what others waited for: sums over `truth/blame`.

use super::words::{duration, share};
use serde::Serialize;
use std::collections::BTreeMap;

/// A row of `truth/blame`.
#[derive(Clone, Copy, Debug)]
pub struct BlameRow<'a> {
    /// What was waited for.
    pub resource: &'a str,
    /// Of which kind it is.
    pub kind: &'a str,
    /// For which requests something waited: `service/endpoint`.
    pub waiting: &'a str,
    /// For which requests it was held; `None` where for none.
    pub holding: Option<&'a str>,
    /// What those did who held it.
    pub holding_activity: &'a str,
    /// First instant of the window since the run began, in nanoseconds.
    pub start_ns: u64,
    /// Its end.
    pub end_ns: u64,
    /// Waiting, summed over those who waited.
    pub waited_ns: u64,
}

/// Someone who held something that others waited for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Holder {
    /// What was waited for.
    pub resource: String,
    /// Of which kind it is.
    pub kind: String,
    /// For whose requests it was held.
    pub holding: Option<String>,
    /// What they did.
    pub activity: String,
    /// For how long others waited because of that, in nanoseconds.
    pub waited_ns: u64,
    /// For how long others waited for the resource, whoever held it.
    pub waited_for_resource_ns: u64,
}

/// Holders to whom less of the waiting is due than this are not named.
const NAMED: f64 = 0.01;

type Held = BTreeMap<(Option<String>, String), u64>;

/// Resources that were waited for less than this beside the one that was waited for most are not told of: such waits are there every day.
const TOLD: f64 = 0.05;

/// Sums by resource and holder.
#[derive(Clone, Debug, Default)]
pub(super) struct Holders(BTreeMap<(String, String), Held>);

impl Holders {
    pub(super) fn add(&mut self, row: &BlameRow<'_>) {
        if row.waited_ns == 0 {
            return;
        }
        let held = self.0.entry((row.resource.to_owned(), row.kind.to_owned())).or_default();
        *held.entry((row.holding.map(str::to_owned), row.holding_activity.to_owned())).or_default() += row.waited_ns;
    }

    /// The resources that were waited for most, so many of them, each with so many holders.
    pub(super) fn finish(self, resources: usize, holders: usize) -> Vec<Holder> {
        let mut all: Vec<_> =
            self.0.into_iter().map(|(resource, held)| (held.values().sum::<u64>(), resource, held)).collect();
        all.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        all.truncate(resources);
        let most = all.first().map_or(0, |(sum, ..)| *sum);
        all.retain(|(sum, ..)| *sum as f64 >= most as f64 * TOLD);
        let tell = |(sum, (resource, kind), held): (u64, (String, String), Held)| {
            // Whoever held next to nothing is not worth a word.
            let mut held: Vec<_> = held.into_iter().filter(|&(_, ns)| ns as f64 >= sum as f64 * NAMED).collect();
            held.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            held.truncate(holders);
            held.into_iter().map(move |((holding, activity), waited_ns)| Holder {
                resource: resource.clone(),
                kind: kind.clone(),
                holding,
                activity,
                waited_ns,
                waited_for_resource_ns: sum,
            })
        };
        all.into_iter().flat_map(tell).collect()
    }
}

/// What is meant where nobody held what was waited for, by its kind.
fn nothing(kind: &str) -> &'static str {
    match kind {
        "processor" => "its size alone: less than one core, and nobody else on it",
        "pool" => "no connection being there, with none in use",
        _ => "nobody: it was not there, or lay idle",
    }
}

impl Holder {
    /// `web-api/GET /orders, waiting for postgres/search_products`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let activity = match self.activity.split_once(' ') {
            Some(("child", callee)) => format!("waiting for {callee}"),
            Some(("pool", pool)) => format!("waiting for a connection of {pool}"),
            _ if self.activity == "nothing" => nothing(&self.kind).to_owned(),
            _ if self.activity == "base" => "what its process keeps from the start".to_owned(),
            _ => self.activity.replace('_', " "),
        };
        self.holding.as_ref().map_or_else(|| activity.clone(), |holding| format!("{holding}, {activity}"))
    }

    /// Holders in lines, one for each resource.
    pub(super) fn in_lines(holders: &[Self]) -> Vec<String> {
        let line = |held: &[Self]| {
            let of = |holder: &Self| format!("{} because of {}", share(holder.share()), holder.in_words());
            let holders: Vec<_> = held.iter().map(of).collect();
            let Self { resource, kind, waited_for_resource_ns, .. } = &held[0];
            format!("  {resource} ({kind}): of {}, {}", duration(*waited_for_resource_ns as f64), holders.join("; "))
        };
        let same = |a: &Self, b: &Self| (&a.resource, &a.kind) == (&b.resource, &b.kind);
        holders.chunk_by(same).map(line).collect()
    }

    /// Its share of all waiting for the resource.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.waited_ns as f64 / self.waited_for_resource_ns as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_of_every_day_are_left_out_and_nobody_is_a_word_of_its_own() {
        let row = |resource, kind, holding_activity, waited_ns| BlameRow {
            resource,
            kind,
            waiting: "web/GET /",
            holding: None,
            holding_activity,
            start_ns: 0,
            end_ns: 1,
            waited_ns,
        };
        let told = |rows: &[BlameRow<'_>]| {
            let mut holders = Holders::default();
            rows.iter().for_each(|row| holders.add(row));
            Holder::in_lines(&holders.finish(3, 2))
        };
        let down = row("web/db", "pool", "nothing", 1_000);
        let daily = row("web", "processor", "nothing", 49);
        assert_eq!(
            told(&[down, daily]),
            ["  web/db (pool): of 1 µs, 100 % because of no connection being there, with none in use"]
        );
        let slow = BlameRow { waited_ns: 50, ..daily };
        assert_eq!(
            told(&[down, slow])[1],
            "  web (processor): of 50 ns, 100 % because of its size alone: less than one core, and nobody else on it"
        );
    }
}
