//! `knockon-anchor IMPL WORKLOAD N [PARAMETER]`: runs one anchor workload and prints one line of JSON.
//!
//! IMPL is `knockon` (the whole simulator on a scenario, telemetry off), `knockon-observed` (with every record made and
//! dropped), `knockon-kernel` (the kernel alone with draws from one generator, as the programs it is compared with),
//! `knockon-addressed` (the kernel alone with each draw by its address, as knockon's model) or `bare` (the same loop over
//! the standard library's binary heap, with draws from one generator: the floor). WORKLOAD is `w1`, `w2`, `w2s` (PARAMETER copies), in the whole simulator `tiers`, `depth` (PARAMETER requests queued) and `webshop`, and on
//! the kernel alone or the bare loop `w3` or `hold` (PARAMETER events pending).

use knockon_benches::agenda::{Agenda, Bare, Kernel};
use knockon_benches::collected::Collected;
use knockon_benches::draws::{Addressed, Draws, Sequential};
use knockon_benches::report::{Job, Outcome, Stopwatch, line};
use knockon_benches::scenarios;
use knockon_benches::workloads::{hold, w1, w2};
use knockon_model::Null;
use knockon_model::blueprint::Blueprint;
use std::io::Write;
use std::process::ExitCode;

const USAGE: &str = "usage: knockon-anchor knockon|knockon-observed|knockon-kernel|knockon-addressed|bare w1|w2|w2s|tiers|depth|webshop|w3|hold N [PARAMETER]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match job(&arguments).and_then(|job| run(&job)) {
        Ok(line) => match writeln!(std::io::stdout(), "{line}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(74),
        },
        Err(message) => {
            // Nothing is left to report a failure of standard error to.
            let _ = writeln!(std::io::stderr(), "{message}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn job(arguments: &[String]) -> Result<Job, String> {
    let number = |text: &String| text.replace('_', "").parse().map_err(|_| format!("{text} is not a whole number"));
    match arguments {
        [implementation, workload, n, rest @ ..] if rest.len() <= 1 => Ok(Job {
            implementation: implementation.clone(),
            workload: workload.clone(),
            n: number(n)?,
            parameter: rest.first().map_or(Ok(0), number)?,
        }),
        _ => Err("three or four arguments are needed".to_owned()),
    }
}

fn run(job: &Job) -> Result<String, String> {
    // A scenario is read before time is taken: what is compared with has none.
    let (since, outcome) = match job.implementation.as_str() {
        "knockon" => timed(blueprint(job)?, |blueprint| scenarios::run(blueprint, &mut Null)),
        "knockon-observed" => timed(blueprint(job)?, |blueprint| scenarios::run(blueprint, &mut Collected::default())),
        "knockon-kernel" => timed(Sequential::new(1), |mut draws| simulate::<Kernel>(job, &mut draws)),
        "knockon-addressed" => timed(Addressed::new(1), |mut draws| simulate::<Kernel>(job, &mut draws)),
        "bare" => timed(Sequential::new(1), |mut draws| simulate::<Bare>(job, &mut draws)),
        other => return Err(format!("there is no implementation {other}")),
    };
    Ok(line(job, &since, &outcome?))
}

fn timed<I, O>(input: I, work: impl FnOnce(I) -> O) -> (Stopwatch, O) {
    let since = Stopwatch::start();
    let output = work(input);
    (since, output)
}

fn blueprint(job: &Job) -> Result<Blueprint, String> {
    match job.workload.as_str() {
        "w1" => scenarios::w1(job.n),
        "w2" => scenarios::w2(job.n, 1),
        "w2s" => scenarios::w2(job.n, copies(job)?),
        "tiers" => scenarios::tiers(job.n),
        "depth" => scenarios::depth(job.n, job.parameter),
        "webshop" => scenarios::webshop(job.n),
        other => Err(format!("there is no scenario {other}")),
    }
}

fn copies(job: &Job) -> Result<u32, String> {
    u32::try_from(job.parameter)
        .ok()
        .filter(|&copies| copies > 0)
        .ok_or_else(|| "PARAMETER is no number of copies".into())
}

fn simulate<A: Agenda>(job: &Job, draws: &mut impl Draws) -> Result<Outcome, String> {
    let outcome = match job.workload.as_str() {
        "w1" => w1::<A>(job.n, draws),
        "w2" => w2::<A>(job.n, 1, draws),
        "w2s" => w2::<A>(job.n, copies(job)?, draws),
        "w3" => hold::<A>(job.n, 10_000, draws),
        "hold" => hold::<A>(job.n, job.parameter, draws),
        other => return Err(format!("there is no workload {other}")),
    };
    outcome.map_err(|error| error.to_string())
}
