//! Runs scenarios and prints the digest of each, and that of what its faults did: `digests FILE…`.
//!
//! It needs neither threads nor a terminal, so that it can be built for any target. `golden/portable` compares what it prints on
//! several of them.

use knockon_kernel::{Digest, Time};
use knockon_lab::milestones::Watcher;
use knockon_lab::truth::Truth;
use knockon_model::World;
use knockon_model::blueprint::Blueprint;
use knockon_scenario::{Options, Scenario};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut wrong = false;
    for file in std::env::args().skip(1) {
        let loaded = match Scenario::load(Path::new(&file), &Options::default()) {
            Ok(loaded) => loaded,
            Err(errors) => {
                complain(&format!("{file}: {errors}"));
                wrong = true;
                continue;
            }
        };
        let mut world = World::new(loaded.blueprint.clone());
        let mut watcher = Watcher::new(world.catalogue(), &loaded.blueprint);
        let ended = world.run_until(Time::ZERO + loaded.blueprint.duration, &mut watcher);
        let stopped = ended.map_or_else(|stop| format!(" ({stop})"), |()| String::new());
        say(&format!("{} {} events, {:032x}{stopped}", loaded.name, world.events(), world.digest()));
        if !loaded.blueprint.faults.is_empty() {
            say(&format!("{} truth, {}", loaded.name, truth_of(&loaded.blueprint)));
        }
    }
    if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The digest of everything that is concluded of a run's faults, on one thread.
fn truth_of(blueprint: &Blueprint) -> String {
    let mut fact = World::new(blueprint.clone());
    let mut truth: Truth<true> = Truth::new(&fact, 1, true);
    let mut digest = Digest::new();
    let mut absorb = |told: &str| {
        for words in told.as_bytes().chunks(16) {
            let mut both = [0; 16];
            both[..words.len()].copy_from_slice(words);
            let both = u128::from_le_bytes(both);
            digest.absorb(both as u64, (both >> 64) as u64);
        }
    };
    let followed = truth.follow(&mut fact, |_, _, settled| {
        absorb(&format!("{settled:?}"));
        ControlFlow::Continue(())
    });
    if followed.is_err() {
        return "a limit was hit".to_owned();
    }
    absorb(&format!("{:?}", truth.incidents()));
    format!("{:032x}", digest.value())
}

#[expect(clippy::print_stdout, reason = "it is what the program is for")]
fn say(line: &str) {
    println!("{line}");
}

#[expect(clippy::print_stderr, reason = "it has no other place for complaints")]
fn complain(line: &str) {
    eprintln!("{line}");
}
