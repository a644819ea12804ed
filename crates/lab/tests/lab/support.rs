//! Runs a shipped scenario and keeps everything that it records.

use knockon_kernel::{Duration, Time};
use knockon_lab::conservation;
use knockon_lab::milestones::{Milestones, State, Watcher};
use knockon_model::record::{
    Catalogue, ChangeRecord, LedgerRecord, LogRecord, RequestRecord, SampleRecord, SpanId, SpanRecord, StateRecord,
    TraceId,
};
use knockon_model::statistics::Statistics;
use knockon_model::{Sink, Tee, World};
use knockon_scenario::{Loaded, Options, Scenario};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Every record of a run.
#[derive(Default, PartialEq, Debug)]
pub(crate) struct Records {
    pub(crate) spans: Vec<SpanRecord>,
    pub(crate) logs: Vec<LogRecord>,
    pub(crate) samples: Vec<SampleRecord>,
    pub(crate) changes: Vec<ChangeRecord>,
    pub(crate) ledgers: Vec<LedgerRecord>,
    pub(crate) requests: Vec<RequestRecord>,
}

impl Sink for Records {
    const OBSERVES: bool = true;
    const LEDGER: bool = true;
    const REQUESTS: bool = true;
    const PARTS: bool = true;
    fn span(&mut self, record: SpanRecord) {
        self.spans.push(record);
    }
    fn log(&mut self, record: LogRecord) {
        self.logs.push(record);
    }
    fn sample(&mut self, record: SampleRecord) {
        self.samples.push(record);
    }
    fn change(&mut self, record: ChangeRecord) {
        self.changes.push(record);
    }
    fn ledger(&mut self, record: LedgerRecord) {
        self.ledgers.push(record);
    }
    fn request(&mut self, record: RequestRecord) {
        self.requests.push(record);
    }
    fn state(&mut self, _: StateRecord) {}
    fn watermark(&mut self, _: Time) {}
}

/// A finished run.
pub(crate) struct Run {
    pub(crate) records: Records,
    pub(crate) milestones: Milestones,
    pub(crate) statistics: Statistics,
    pub(crate) catalogue: Catalogue,
    pub(crate) digest: u128,
}

fn scenarios() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios")
}

/// Loads a shipped scenario.
pub(crate) fn load(name: &str, options: &Options) -> Loaded {
    match Scenario::load(&scenarios().join(name).with_extension("ron"), options) {
        Ok(loaded) => loaded,
        Err(diagnostics) => panic!("{diagnostics}"),
    }
}

/// The text of a shipped scenario after a change, run under another name.
pub(crate) fn load_changed(name: &str, new_name: &str, change: impl Fn(&str) -> String) -> Loaded {
    let text = std::fs::read_to_string(scenarios().join(name).with_extension("ron")).expect("a shipped scenario");
    let systems = |file: &str| std::fs::read_to_string(scenarios().join(file)).map_err(|error| error.to_string());
    match Scenario::from_text(new_name, &change(&text), &Options::default(), &systems) {
        Ok(loaded) => loaded,
        Err(diagnostics) => panic!("{diagnostics}"),
    }
}

/// Overrides by path and value.
pub(crate) fn set(pairs: &[(&str, &str)]) -> Options {
    let overrides = pairs.iter().map(|&(path, value)| (path.to_owned(), value.to_owned())).collect();
    Options { overrides, ..Options::default() }
}

/// Runs a world to its end; nothing may be lost on the way.
pub(crate) fn run(loaded: &Loaded) -> Run {
    let end = Time::ZERO + loaded.blueprint.duration;
    let mut world = World::new(loaded.blueprint.clone());
    let watcher = Watcher::new(world.catalogue(), &loaded.blueprint);
    let mut sink = Tee(Records::default(), watcher);
    world.run_until(end, &mut sink).expect("no limit is hit");
    let statistics = world.statistics();
    assert!(conservation::breaches(&statistics).is_empty(), "requests in = answered + failed + in flight");
    let Tee(records, watcher) = sink;
    Run {
        records,
        milestones: watcher.finish(end),
        statistics,
        catalogue: world.catalogue().clone(),
        digest: world.digest(),
    }
}

impl Run {
    /// Times of a state.
    pub(crate) fn times(&self, state: State) -> Vec<Time> {
        self.milestones.of(state).map(|milestone| milestone.time).collect()
    }

    /// Samples of one metric of one service, summed over its series.
    pub(crate) fn metric(&self, service: &str, name: &str) -> Vec<(Time, f64)> {
        let series: Vec<bool> =
            self.catalogue.series.iter().map(|series| series.service == service && series.name == name).collect();
        let mut sums: BTreeMap<Time, f64> = BTreeMap::new();
        for sample in self.records.samples.iter().filter(|sample| series[sample.series.index()]) {
            *sums.entry(sample.time).or_default() += sample.value;
        }
        sums.into_iter().collect()
    }

    /// Position of a service's first process.
    pub(crate) fn process(&self, service: &str) -> u32 {
        self.catalogue.processes.iter().position(|process| process.name == service).expect("a service") as u32
    }

    /// Spans with their ledgers, by address.
    pub(crate) fn by_address(&self) -> BTreeMap<(TraceId, SpanId), (SpanRecord, LedgerRecord)> {
        assert_eq!(self.records.spans.len(), self.records.ledgers.len());
        let rows = self.records.spans.iter().zip(&self.records.ledgers);
        rows.map(|(span, ledger)| ((span.trace, span.span), (*span, *ledger))).collect()
    }
}

/// An instant.
pub(crate) fn minutes(minutes: u64) -> Time {
    Time::ZERO + Duration::from_secs(60 * minutes)
}
