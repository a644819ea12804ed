//! The scenario itself.

use super::{
    BrokerText, CacheText, CampaignText, DatabaseText, Expect, FaultText, LinkText, LoadText, MeasureText,
    ObserverText, ServiceText,
};
use crate::decode::{At, Map, record};
use crate::leaf::{Count, Instant, Period, Setting};

record! {
    /// A scenario: a system, its load, what happens to it and what is expected of it.
    ScenarioText as "scenario" {
        /// What it shows, in a line.
        title: String = [""],
        /// File of a shared system, within the scenario's folder. What stands in the scenario itself is added to it.
        system: Option<String>,
        /// The calendar's time at the start of the run, UTC.
        start: Instant = ["2026-01-05T00:00:00Z"],
        /// Simulated time to run for.
        duration: Period = ["1h"],
        /// Distance of the metric grid.
        scrape: Period = ["15s"],
        /// Paths and values that differ from the system, from the start on.
        with: Map<Setting>,
        /// Recorded data, by name: files of comma-separated values within the scenario's folder, plain, .gz or .zst. The first
        /// line names the columns; those of times end in their unit: `arrival_us`.
        data: Map<String>,
        /// What happens, by name.
        faults: Map<FaultText>,
        /// Incidents that are drawn: more faults.
        campaign: Option<CampaignText>,
        /// What must hold when the run has ended.
        expect: Vec<At<Expect>> = [[]],
        /// How values are estimated.
        measure: MeasureText = [()],
        /// Bounds of the run.
        limits: LimitsText = [()],
        /// What becomes of records on their way to whoever reads them. When left out everything is observed as it was.
        observer: Option<ObserverText>,
        /// Applications, by name.
        services: Map<ServiceText>,
        /// Databases, by name.
        databases: Map<DatabaseText>,
        /// Caches, by name.
        caches: Map<CacheText>,
        /// Message brokers, by name.
        brokers: Map<BrokerText>,
        /// Network links that differ from the default, by "caller -> callee".
        links: Map<LinkText>,
        /// Sources of requests, by name.
        load: Map<LoadText>,
    }
}

record! {
    /// A system that scenarios share.
    SystemText as "system" {
        /// Applications, by name.
        services: Map<ServiceText>,
        /// Databases, by name.
        databases: Map<DatabaseText>,
        /// Caches, by name.
        caches: Map<CacheText>,
        /// Message brokers, by name.
        brokers: Map<BrokerText>,
        /// Network links that differ from the default, by "caller -> callee".
        links: Map<LinkText>,
        /// Sources of requests, by name.
        load: Map<LoadText>,
    }
}

record! {
    /// Bounds whose crossing ends the run with exit code 3.
    LimitsText as "limits" {
        /// Requests and queries alive at once.
        frames: Count<1> = [4_000_000],
        /// Events at one instant; 10 000 and 100 for each component when left out.
        events_per_instant: Option<Count<1>>,
    }
}
