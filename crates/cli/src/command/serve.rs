//! `sim serve`: a finished run as a scrape target. Nothing is simulated.

use crate::arguments::Serve;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::terminal;
use knockon_kernel::Time;
use knockon_lab::Calendar;
use knockon_replay::{Server, Serving, Speed};
use knockon_telemetry::{MANIFEST, RunReader};
use std::time::{Duration, Instant};

/// How often it says at which simulated time it is.
const SAYS: Duration = Duration::from_secs(30);
/// How long a signal may wait.
const WAITS: Duration = Duration::from_millis(50);

pub(crate) fn execute(arguments: &Serve) -> Result<Exit, Failure> {
    if !arguments.run.join(MANIFEST).exists() {
        return Err(Failure::no_run(&arguments.run));
    }
    let interrupt = Interrupt::watch()?;
    let Serve { speed, looped, timestamps, .. } = *arguments;
    let run = RunReader::open(&arguments.run)?;
    let mut server = Server::start(run, arguments.listen, Serving { speed, looped, timestamps })?;
    let pace = match speed {
        Speed::Times(times) => format!("{times} simulated seconds a second"),
        Speed::Max => "a scrape further whenever a target is asked again".to_owned(),
    };
    terminal::tell(&format!(
        "serving    {} at http://{}/metrics from {} on, {pace}; Ctrl-C ends it",
        arguments.run.display(),
        server.address(),
        at(&server)
    ));
    let mut said = Instant::now();
    let exit = loop {
        match interrupt.pending() {
            // There is no other way to end it, so this one is no failure.
            Some(Exit::Interrupted) => break Exit::Success,
            Some(exit) => break exit,
            None => {}
        }
        server.serve_for(WAITS)?;
        if said.elapsed() >= SAYS {
            said = Instant::now();
            terminal::tell(&format!("           {}, {} scrapes answered", at(&server), server.answered()));
        }
    };
    terminal::tell(&format!("ended      at {}, {} scrapes answered", at(&server), server.answered()));
    Ok(exit)
}

/// How far into the run it is.
fn at(server: &Server) -> String {
    Calendar::offset(Time::from_nanos(server.simulated_ns()))
}
