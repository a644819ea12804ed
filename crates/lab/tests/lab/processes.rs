//! Runs small worlds about what goes on within a process.

use crate::support::Records;
use knockon_kernel::{Duration, Time};
use knockon_lab::conservation;
use knockon_model::World;
use knockon_model::record::{BlameRecord, ErrorType, LedgerRecord, Part};
use knockon_model::statistics::Statistics;
use knockon_scenario::{Loaded, Options, Scenario};

/// A finished run of a small world.
pub(crate) struct Ran {
    pub(crate) records: Records,
    pub(crate) statistics: Statistics,
    pub(crate) blame: Vec<BlameRecord>,
    pub(crate) world: World,
}

pub(crate) fn load(text: &str) -> Loaded {
    let none = |_: &str| Err("is not part of this test".to_owned());
    Scenario::from_text("processes", text, &Options::default(), &none).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Runs it, counting everything again after each hundredth of a second.
pub(crate) fn run(text: &str) -> Ran {
    let loaded = load(text);
    let end = loaded.blueprint.duration.as_nanos() / 10_000_000;
    let mut world = World::new(loaded.blueprint);
    world.watch_blame();
    let mut records = Records::default();
    for tick in 1..=end {
        world.run_until(Time::ZERO + Duration::from_millis(10 * tick), &mut records).expect("no limit is hit");
        assert_eq!(world.audit(), [""; 0], "after {tick} hundredths of a second");
    }
    let statistics = world.statistics();
    assert_eq!(conservation::breaches(&statistics), []);
    for (span, ledger) in records.spans.iter().zip(&records.ledgers) {
        assert_eq!(ledger.parts.iter().sum::<u64>(), (span.end - span.start).as_nanos());
    }
    let blame = world.take_blame();
    Ran { records, statistics, blame, world }
}

impl Ran {
    /// How long each request took in milliseconds, its status and its error, as its client saw it, in the order of their ends.
    pub(crate) fn seen(&self) -> Vec<(u64, u16, Option<ErrorType>)> {
        let request = |request: &knockon_model::record::RequestRecord| {
            ((request.ended - request.sent).as_nanos() / 1_000_000, request.status, request.error)
        };
        self.records.requests.iter().map(request).collect()
    }

    /// Milliseconds of the servers' spans, and of some parts of them, in the order of their ends.
    pub(crate) fn served<const N: usize>(&self, parts: [Part; N]) -> Vec<(u64, [u64; N])> {
        let spans = self.records.spans.iter().zip(&self.records.ledgers).filter(|(_, ledger)| ledger.server);
        let part = |ledger: &LedgerRecord, part: Part| ledger.parts[part as usize] / 1_000_000;
        spans
            .map(|(span, ledger)| {
                ((span.end - span.start).as_nanos() / 1_000_000, parts.map(|which| part(ledger, which)))
            })
            .collect()
    }

    /// What was sampled of a series, in order.
    pub(crate) fn sampled(&self, name: &str) -> Vec<f64> {
        let catalogue = self.world.catalogue();
        let series = catalogue.series.iter().position(|series| series.name == name);
        let series = series.unwrap_or_else(|| panic!("{name} is listed"));
        let samples = self.records.samples.iter().filter(|sample| sample.series.index() == series);
        samples.map(|sample| sample.value).collect()
    }
}
