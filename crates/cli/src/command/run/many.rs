//! Many runs at once. What is told, and its order, do not depend on how many run at the same time.

use super::crew;
use super::plan::{Plan, Planned};
use crate::arguments::Format;
use crate::command::load;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::simulate::{self, Recording, Simulated, simulate};
use crate::terminal;
use knockon_lab::Overview;
use knockon_lab::expectations::Judgement;
use knockon_model::blueprint::{Arrivals, Blueprint};

/// What came of one run.
#[derive(Debug)]
struct Report {
    exit: Exit,
    judgements: Vec<Judgement>,
    /// Why there are none, or why they are not all that is to be said.
    problem: Option<String>,
    /// What belongs on standard error.
    told: Option<String>,
    text: String,
    json: serde_json::Value,
}

pub(super) fn execute(plan: &Plan, interrupt: &Interrupt) -> Result<Exit, Failure> {
    let sizes = sizes(plan);
    let progress = Progress::of_runs(plan.runs.len());
    let mut reports = Vec::new();
    let mut printed = Ok(());
    crew::share(
        &sizes,
        plan.jobs,
        |piece| run(&plan.runs[piece], plan.truth, interrupt),
        || progress.advance(),
        |piece, result| {
            let report = result.unwrap_or_else(Report::of_panic);
            if interrupt.pending().is_none() {
                if let Some(told) = &report.told {
                    terminal::tell(&format!("{}\n{told}", plan.runs[piece].subject.scenario.display()));
                }
                if !plan.summary && plan.format == Format::Text && printed.is_ok() {
                    printed = terminal::print(&format!("{}\n", report.text));
                }
            }
            reports.push(report);
        },
    );
    drop(progress);
    printed?;
    if let Some(exit) = interrupt.pending() {
        return Err(Failure::new(exit, "interrupted; runs that were not complete wrote nothing"));
    }
    let exit = reports.iter().map(|report| report.exit).max().unwrap_or(Exit::Success);
    match (plan.summary, plan.format) {
        (true, Format::Text) => terminal::print(&overview(plan, &reports).to_text())?,
        (true, Format::Json) => terminal::print(&format!("{:#}\n", overview(plan, &reports).to_json()))?,
        (true, Format::Markdown) => terminal::print(&overview(plan, &reports).to_markdown())?,
        (false, Format::Text | Format::Markdown) => {}
        (false, Format::Json) => {
            let all: serde_json::Value = reports.into_iter().map(|report| report.json).collect();
            terminal::print(&format!("{all:#}\n"))?;
        }
    }
    Ok(exit)
}

fn overview(plan: &Plan, reports: &[Report]) -> Overview {
    let mut overview = Overview::default();
    for (runs, reports) in plan.runs.chunks(plan.seeds).zip(reports.chunks(plan.seeds)) {
        let judged: Vec<_> =
            reports.iter().map(|report| report.problem.clone().map_or(Ok(&report.judgements[..]), Err)).collect();
        overview.add(&runs[0].name, &judged);
    }
    overview
}

fn run(planned: &Planned, truth: bool, interrupt: &Interrupt) -> Report {
    if interrupt.pending().is_some() {
        return Report::of_failure(None, &Failure::new(Exit::Interrupted, "not run"));
    }
    let subject = &planned.subject;
    let loaded = match load::quietly(&subject.scenario, &subject.changes) {
        Ok(loaded) => loaded,
        Err((told, failure)) => return Report::of_failure(told, &failure),
    };
    let recording = planned.folder.clone().map(|folder| Recording { folder });
    let plan = simulate::Plan { recording, truth, threads: 1 };
    match simulate(loaded, &plan, interrupt, Progress::silent()) {
        Ok(simulated) => Report::of(&simulated),
        Err(failure) => Report::of_failure(None, &failure),
    }
}

impl Report {
    fn of(simulated: &Simulated) -> Self {
        let summary = simulated.summary();
        let judged = Self {
            exit: Exit::Success,
            judgements: simulated.judgements().to_vec(),
            problem: simulated.limit().map(|limit| limit.to_string()),
            told: None,
            text: summary.to_text(),
            json: summary.to_json(),
        };
        match simulated.verdict() {
            Ok(exit) => Self { exit, ..judged },
            Err(failure) => Self { text: judged.text, json: judged.json, ..Self::of_failure(None, &failure) },
        }
    }

    fn of_failure(told: Option<String>, failure: &Failure) -> Self {
        Self {
            exit: failure.exit,
            judgements: Vec::new(),
            problem: Some(failure.message().to_owned()),
            told: Some(told.map_or_else(|| failure.to_string(), |told| format!("{told}\n{failure}"))),
            text: String::new(),
            json: serde_json::json!({ "error": failure.message() }),
        }
    }

    fn of_panic(message: String) -> Self {
        Self::of_failure(None, &Failure::new(Exit::Bug, format!("a defect of sim: {message}")))
    }
}

/// How much work each run is, as far as that can be told before: requests in the simulated time.
fn sizes(plan: &Plan) -> Vec<f64> {
    let firsts: Vec<&Planned> = plan.runs.iter().step_by(plan.seeds).collect();
    let mut sizes = Vec::new();
    let size = |piece: usize| {
        let subject = &firsts[piece].subject;
        load::quietly(&subject.scenario, &subject.changes).map_or(0.0, |loaded| requests(&loaded.blueprint))
    };
    let tell = |_, size: Result<f64, String>| sizes.extend(std::iter::repeat_n(size.unwrap_or(0.0), plan.seeds));
    crew::share(&vec![0.0; firsts.len()], plan.jobs, size, || {}, tell);
    sizes
}

fn requests(blueprint: &Blueprint) -> f64 {
    let sources = blueprint.sources.iter().map(|source| {
        let rate = match &source.arrivals {
            Arrivals::Constant { rate } | Arrivals::Poisson { rate } => *rate,
            Arrivals::Replay { at } => return at.len() as f64,
            _ => 0.0,
        };
        rate * blueprint.duration.as_secs_f64()
    });
    sources.sum()
}
