//! Runs scenarios and prints the digest of each: `digests FILE…`.
//!
//! It needs neither threads nor a terminal, so that it can be built for any target. `golden/portable` compares what it prints on
//! several of them.

use knockon_kernel::Time;
use knockon_lab::milestones::Watcher;
use knockon_model::World;
use knockon_scenario::{Options, Scenario};
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
    }
    if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

#[expect(clippy::print_stdout, reason = "it is what the program is for")]
fn say(line: &str) {
    println!("{line}");
}

#[expect(clippy::print_stderr, reason = "it has no other place for complaints")]
fn complain(line: &str) {
    eprintln!("{line}");
}
