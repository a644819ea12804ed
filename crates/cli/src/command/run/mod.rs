//! `sim run`: one scenario, or many of them at once.

mod crew;
mod many;
mod plan;

use super::load;
use crate::arguments::{Format, Run, Subjected, Telemetry};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::simulate::{self, Recording, simulate};
use crate::terminal;
use plan::Plan;
use std::path::PathBuf;

pub(crate) fn execute(arguments: &Run) -> Result<Exit, Failure> {
    if arguments.telemetry == Some(Telemetry::None) && arguments.out.is_some() {
        return Err(Failure::new(Exit::Usage, "`--out` and `--telemetry none` exclude each other").hint(
            "leave out `--telemetry none` to have the tables written there, or `--out` to have nothing written",
        ));
    }
    if arguments.format == Format::Markdown && !arguments.summary {
        return Err(Failure::new(Exit::Usage, "`--format markdown` is a form of the table of all expectations")
            .hint("add `--summary`"));
    }
    let plan = Plan::of(arguments)?;
    let interrupt = Interrupt::watch()?;
    match &plan.runs[..] {
        [run] if !plan.summary => one(&run.subject, arguments, &interrupt),
        _ => many::execute(&plan, &interrupt),
    }
}

fn one(subject: &Subjected, arguments: &Run, interrupt: &Interrupt) -> Result<Exit, Failure> {
    let loaded = load::scenario(subject)?;
    for told in knockon_scenario::idle_faults(&loaded.blueprint) {
        terminal::tell(&format!("warning: {told}"));
    }
    let recording = (arguments.telemetry != Some(Telemetry::None)).then(|| Recording {
        folder: arguments
            .out
            .clone()
            .unwrap_or_else(|| PathBuf::from("out").join(format!("{}-s{}", loaded.name, loaded.blueprint.seed))),
    });
    let plan = simulate::Plan { recording, truth: !arguments.no_truth, threads: arguments.threads };
    let simulated = simulate(loaded, &plan, interrupt, Progress::begin())?;
    let summary = simulated.summary();
    match arguments.format {
        Format::Text => terminal::print(&summary.to_text())?,
        Format::Json => terminal::print(&format!("{:#}\n", summary.to_json()))?,
        Format::Markdown => unreachable!("a page needs a summary"),
    }
    simulated.verdict()
}
