//! How wide the bounds of fair predictions are, by the kind of an observable, as who measured proposes them.
//!
//! The range of the repeats is widened at either side by a part of their median, or by a floor where that is more, which is never more than half of the
//! median; where the median is nothing, by a smallest amount. A test holds every bound of every counted set to this table, so that none is wider.

/// A kind of observables.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Kind {
    /// Its name, for people.
    pub(super) name: &'static str,
    /// Part of the median.
    share: f64,
    /// The floor, in the observable's unit.
    floor: f64,
    /// Where the median is nothing.
    at_nothing: f64,
    /// The unit of the floor, for people.
    unit: &'static str,
}

const fn kind(name: &'static str, share: f64, floor: f64, at_nothing: f64, unit: &'static str) -> Kind {
    Kind { name, share, floor, at_nothing, unit }
}

const EXACT: Kind = kind("verdicts of yes and no", 0.0, 0.0, 0.0, "");
const COUNT: Kind = kind("counts of requests, attempts and errors", 0.05, 3.0, 1.0, "");
const LEVEL: Kind = kind("most that waited at once", 0.05, 2.0, 2.0, "");
const HOT: Kind = kind("most connections at one row", 0.05, 1.0, 1.0, "");
const QUERIES: Kind = kind("queries after the flush", 0.05, 5.0, 5.0, "");
const LIMITED: Kind = kind("counts of a rate limiter", 0.03, 3.0, 3.0, "");
const MEAN: Kind = kind("means in use", 0.05, 0.1, 0.1, "");
const PER_REQUEST: Kind = kind("attempts a request, requests a second", 0.05, 0.0, 0.0, "");
const RATE: Kind = kind("queries a second", 0.05, 0.5, 0.5, "/s");
const SHARE: Kind = kind("shares of requests", 0.05, 0.02, 0.01, "");
const HIT: Kind = kind("hit ratios", 0.03, 0.02, 0.02, "");
const WAIT: Kind = kind("waits", 0.05, 10.0, 10.0, " ms");
const TIMEOUT: Kind = kind("how long those waited who gave up", 0.02, 0.0, 0.0, "");
const LATENCY: Kind = kind("latencies after a flush", 0.2, 20.0, 20.0, " ms");
const INSTANT: Kind = kind("instants", 0.1, 0.2, 0.2, " s");
const EMPTY: Kind = kind("when a queue is empty again", 0.1, 0.15, 0.15, " s");
const SECOND: Kind = kind("instants in whole seconds after a surge", 0.1, 2.0, 2.0, " s");
const REFILLED: Kind = kind("instants in whole seconds after a flush", 0.1, 1.0, 1.0, " s");
const FIRST_FULL: Kind = kind("the first full collection", 0.1, 0.0, 0.0, "");
const DEPTH: Kind = kind("mean depth of a queue", 0.1, 0.2, 0.2, "");
const CERTIFICATE: Kind = kind("instants of a certificate", 0.0, 0.5, 0.5, " s");
const DEATH: Kind = kind("times of death", 0.08, 0.0, 0.0, "");
const FULL: Kind = kind("numbers of full collections", 0.25, 0.0, 0.0, "");
const FULL_RATE: Kind = kind("full collections a second", 0.25, 0.3, 0.3, "/s");
const PAUSED: Kind = kind("shares of time in collections", 0.25, 0.01, 0.01, "");
const PAUSE: Kind = kind("pauses", 0.3, 0.0, 0.0, "");
const SPIRAL: Kind = kind("from the spiral's beginning to death", 0.3, 1.0, 1.0, " s");
const LIVE: Kind = kind("heap after the last collection", 0.03, 0.0, 0.0, "");

/// The kind of an observable by its name.
pub(super) fn of(name: &str) -> Kind {
    // `live95_full_ms` is of the kind of `full_ms`.
    let steady = name.strip_prefix("live").and_then(|rest| rest.split_once('_'));
    match steady.map_or(name, |(_, name)| name) {
        "recovered" | "out_of_memory" => EXACT,
        "healthy_in_use_mean" => MEAN,
        "peak_waiting" | "peak_depth" | "peak_db_queue" => LEVEL,
        "peak_hot_connections" => HOT,
        "queries_after_flush" => QUERIES,
        "rejected_attempts" | "requests_let_through" => LIMITED,
        "attempts_per_request_last20s" | "done_per_s" => PER_REQUEST,
        "queries_per_s_first_5s" | "queries_per_s_last_10s" => RATE,
        "hit_before" | "hit_first_5s" | "hit_10_to_20s" | "hit_last_10s" => HIT,
        "gc_share" | "gc_share_whole" | "gc_share_last_10s" | "gc_share_last_3s" => PAUSED,
        "gc_share_over_10pc_before_death_s" => SPIRAL,
        "timed_out_wait_ms_median" => TIMEOUT,
        "ok_wait_fault_ms_median" | "ok_wait_fault_ms_p95" | "lock_wait_ms_mean" => WAIT,
        "latency_after_flush_5s_ms_p95" => LATENCY,
        "queue_empty_after_t1_s" => EMPTY,
        "queue_drained_after_surge_end_s" => SECOND,
        "seconds_to_90pc_of_before" => REFILLED,
        "depth_mean_last20s" => DEPTH,
        "first_full_s" => FIRST_FULL,
        "time_of_death_s" => DEATH,
        "full" => FULL,
        "full_per_s" => FULL_RATE,
        "full_ms" | "full_pause_ms_median" => PAUSE,
        "heap_after_last_gc_mb" => LIVE,
        "expires_s" | "new_first_failure_s" | "kept_first_failure_s" | "new_ok_again_s" | "kept_ok_again_s" => {
            CERTIFICATE
        }
        name if name.ends_with("_s") => INSTANT,
        name if name.contains("share") => SHARE,
        _ => COUNT,
    }
}

impl Kind {
    /// By how much the range of the repeats is widened at either side.
    pub(super) fn widening(&self, median: f64) -> f64 {
        let size = median.abs();
        if size == 0.0 {
            return self.at_nothing;
        }
        let floor = if self.floor < size / 2.0 { self.floor } else { size / 2.0 };
        if floor > self.share * size { floor } else { self.share * size }
    }

    /// The same without a floor.
    pub(super) fn without_floor(&self, median: f64) -> f64 {
        self.share * median.abs()
    }

    /// Whether it is more than the part of the median that it would be without a floor.
    pub(super) fn is_by_floor(&self, median: f64) -> bool {
        self.widening(median) > self.share * median.abs() * (1.0 + 1e-9)
    }

    /// In words: `5 %, at least 0.02`.
    pub(super) fn in_words(&self) -> String {
        let share = format!("{:.0} %", self.share * 100.0);
        let floor = format!("{}{}", self.floor, self.unit);
        match (self.share > 0.0, self.floor > 0.0) {
            (true, true) => format!("{share}, at least {floor}"),
            (true, false) => share,
            (false, true) => floor,
            (false, false) => "exactly".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use knockon_scenario::original::Original;
    use std::path::Path;

    #[test]
    fn no_bound_of_any_counted_set_is_wider_than_its_kind_says() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/fidelity/data");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut seen = 0;
        for file in files.filter(|file| file.extension().is_some_and(|ending| ending == "json")) {
            let original = Original::parse(&std::fs::read_to_string(&file).unwrap()).unwrap();
            for observable in original.observables.iter().filter(|_| original.counted) {
                let [median, smallest, largest] = observable.spread();
                let by = of(&observable.name).widening(median);
                let [low, high] = observable.fair;
                // The published bounds are rounded to five digits behind the point.
                for (published, ours) in [(smallest - low, by), (high - largest, by)] {
                    assert!(
                        (published - ours).abs() <= 1.1e-5,
                        "{} {}: widened by {published}, not {ours}",
                        original.set,
                        observable.name
                    );
                }
                seen += 1;
            }
        }
        assert_eq!(seen, 332);
    }

    #[test]
    fn the_floor_never_is_more_than_half_the_value() {
        assert_eq!(of("live103_full_per_s").widening(0.5455), 0.27275);
        assert!(of("live103_full_per_s").is_by_floor(0.5455) && !of("live118_full_per_s").is_by_floor(8.0));
        assert_eq!((of("timeouts").widening(0.0), of("timeouts").widening(400.0)), (1.0, 20.0));
        assert_eq!(of("timeout_share_fault").in_words(), "5 %, at least 0.02");
        assert_eq!(of("recovered").in_words(), "exactly");
    }
}
