//! Worlds so small that paper is enough: how they are run, and what is read off them.

use knockon_arbitrary::{Records, load};
use knockon_kernel::Time;
use knockon_model::World;

/// Runs a scenario to its end, taking stock at odd instants on the way.
pub(crate) fn run(text: &str) -> (Records, World) {
    let loaded = load(text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    let end = Time::ZERO + loaded.blueprint.duration;
    let mut world = World::new(loaded.blueprint.clone());
    let mut records = Records::default();
    for piece in 1..=97 {
        world.run_until(Time::from_nanos(end.as_nanos() / 97 * piece), &mut records).expect("no limit is hit");
        assert!(world.audit().is_empty(), "at {}: {:?}", world.time(), world.audit());
    }
    world.run_until(end, &mut records).expect("no limit is hit");
    assert!(records.faults.is_empty(), "{:?}", records.faults);
    assert!(world.audit().is_empty(), "{:?}", world.audit());
    (records, world)
}
