//! Every scenario of `scenarios/theory` and its folder shows what theory says, with the seed that everyone gets. The long ones are left to
//! `sim run scenarios/theory --summary`, which `.ci/run` calls.

use knockon_kernel::Time;
use knockon_lab::expectations::{Judgement, judge};
use knockon_lab::fidelity::Seen;
use knockon_lab::milestones::Watcher;
use knockon_lab::{Measurement, conservation};
use knockon_model::{Tee, World};
use knockon_scenario::{Options, Scenario};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Scenarios of several million requests.
const LONG: [&str; 9] = ["dm1_9", "lifo", "mg1_cv0", "mg1_cv4", "mg1_ps_cv4", "mm1", "mm1k", "mmc_10_8", "mmc_2_1"];

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/theory");
    let mut files: Vec<PathBuf> = [folder.clone(), folder.join("collapse")]
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).expect("the scenarios lie beside the crates"))
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|found| found == "ron"))
        .collect();
    files.sort();
    files
}

fn run(file: &Path) -> Vec<Judgement> {
    let loaded = Scenario::load(file, &Options::default()).unwrap_or_else(|errors| panic!("{errors}"));
    assert!(!loaded.expectations.is_empty(), "{} expects nothing", file.display());
    let end = Time::ZERO + loaded.blueprint.duration;
    let mut world = World::new(loaded.blueprint.clone());
    let watcher = Watcher::new(world.catalogue(), &loaded.blueprint);
    let mut sink = Tee(watcher, Seen::if_needed(&loaded.expectations, world.catalogue(), &loaded.blueprint));
    let mut measurement = Measurement::new(&loaded.expectations, loaded.measure, loaded.blueprint.duration);
    measurement.run_until(&mut world, end, &mut sink).expect("no limit is hit");
    let statistics = world.statistics();
    assert_eq!(conservation::breaches(&statistics), [], "{}", file.display());
    let Tee(watcher, seen) = sink;
    judge(&loaded.expectations, &measurement, &statistics, &watcher.finish(end), seen.as_ref())
}

#[test]
fn every_system_shows_what_theory_says() {
    let (long, files): (Vec<_>, Vec<_>) =
        files().into_iter().partition(|file| LONG.iter().any(|name| file.ends_with(format!("theory/{name}.ron"))));
    assert_eq!(long.len(), LONG.len(), "every long scenario is there: {long:?}");
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let judgements = run(file);
                    let wrong: Vec<_> = judgements.iter().filter(|judgement| !judgement.held()).collect();
                    assert!(wrong.is_empty(), "{}: {wrong:#?}", file.display());
                }
            });
        }
    });
}
