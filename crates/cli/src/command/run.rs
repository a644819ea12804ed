//! `sim run`.

use super::load;
use crate::arguments::{Format, Run, Telemetry};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::simulate::{Recording, simulate};
use crate::terminal;
use std::path::PathBuf;

pub(crate) fn execute(arguments: &Run) -> Result<Exit, Failure> {
    if arguments.telemetry == Telemetry::None && arguments.out.is_some() {
        return Err(Failure::new(Exit::Usage, "`--out` and `--telemetry none` exclude each other")
            .hint("leave out `--telemetry none` to have the tables written"));
    }
    let interrupt = Interrupt::watch()?;
    let loaded = load::scenario(&arguments.subject)?;
    let recording = (arguments.telemetry == Telemetry::All).then(|| Recording {
        folder: arguments
            .out
            .clone()
            .unwrap_or_else(|| PathBuf::from("out").join(format!("{}-s{}", loaded.name, loaded.blueprint.seed))),
        threads: arguments.threads,
    });
    let simulated = simulate(loaded, recording.as_ref(), &interrupt)?;
    let summary = simulated.summary();
    match arguments.format {
        Format::Text => terminal::print(&summary.to_text())?,
        Format::Json => terminal::print(&format!("{:#}\n", summary.to_json()))?,
    }
    simulated.verdict()
}
