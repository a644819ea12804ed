//! The definitions before the predictions: the rows that were measured give, by the functions that judge runs, the values that were
//! published with them.
//!
//! One repeat of a set or two of each family lies beside this file. `KNOCKON_ORIGINALS` names a folder of all sets with all their
//! repeats to be checked instead.

mod rows;

use super::numbers::p95;
use super::{Observables, cache, certificate, heap, lock, pool, retry, slots};
use knockon_scenario::original::{Experiment, Original};
use rows::Set;
use std::path::{Path, PathBuf};

/// Whether a published value is the computed one, but for the digits that were left out.
fn same(published: Option<f64>, computed: Option<f64>) -> bool {
    match (published, computed) {
        (None, None) => true,
        (Some(published), Some(computed)) => (published - computed).abs() <= 6e-5 + 1e-9 * published.abs(),
        _ => false,
    }
}

fn observe(original: &Original, set: &Set, repeat: usize) -> Observables {
    match &original.experiment {
        Experiment::Pool(experiment) => pool::observe(&set.callers(repeat), *experiment),
        Experiment::RowLock(experiment) => lock::observe(&set.callers(repeat), experiment),
        Experiment::RetryStorm(experiment) => retry::observe(&set.attempts(repeat), *experiment),
        Experiment::Leak {} => heap::observe_leak(&set.course(repeat)),
        Experiment::Steady(experiment) => heap::observe_steady(&set.course(repeat), experiment),
        Experiment::CacheFlush(experiment) => {
            // The real flush came some milliseconds late.
            let experiment =
                knockon_scenario::original::FlushExperiment { flush_s: set.flushed_s(repeat), ..*experiment };
            cache::observe(&set.reads(repeat), &set.queries(repeat), experiment)
        }
        Experiment::RateLimit {} => set.limited(repeat),
        Experiment::Slots(_) => slots::observe(&set.connects(repeat)),
        Experiment::Certificate(_) => certificate::observe(&set.tries(repeat), set.expires_s(repeat)),
    }
}

/// The rows do not say when the database began with a query, only when it was asked for, or how many it began each second: one
/// query may fall to the other side of a window's edge.
fn slack(name: &str) -> f64 {
    match name {
        "queries_per_s_first_5s" => 0.2,
        "queries_per_s_last_10s" => 0.1,
        "queries_after_flush" => 1.0,
        _ => 0.0,
    }
}

#[test]
fn measured_rows_give_the_published_values() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = manifest.join("src/fidelity/tests/rows");
    let folder = std::env::var_os("KNOCKON_ORIGINALS").map_or(beside, PathBuf::from);
    let (mut values, mut wrong) = (0, Vec::new());
    for set in Set::all(&folder) {
        let text = manifest.join("../../scenarios/fidelity/data").join(&set.name).with_extension("json");
        let Ok(text) = std::fs::read_to_string(text) else { continue };
        let original = Original::parse(&text).unwrap();
        for repeat in set.repeats() {
            let computed = observe(&original, &set, repeat);
            let judged = original.observables.iter().map(|observable| (&observable.name, &observable.by_repeat));
            let beside = original.beside.iter().map(|beside| (&beside.name, &beside.by_repeat));
            for (name, by_repeat) in judged.chain(beside) {
                let published = by_repeat[repeat - 1];
                let found = computed.get(name).copied().flatten();
                let close = published.zip(found).is_some_and(|(a, b)| (a - b).abs() <= slack(name) + 1e-9);
                values += 1;
                if !same(published, found) && !close {
                    wrong.push(format!("{} repeat {repeat}: {name} is {published:?}, not {found:?}", set.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "of {values} values:\n{}", wrong.join("\n"));
    assert!(values > 120, "only {values} values were compared");
}

#[test]
fn the_95th_percentile_is_a_value_that_was_measured() {
    assert_eq!(p95(&[]), None);
    assert_eq!(p95(&[3.0]), Some(3.0));
    let values: Vec<f64> = (0..100).map(f64::from).rev().collect();
    assert_eq!(p95(&values), Some(95.0));
}
