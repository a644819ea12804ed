//! `--prove`: the run is repeated from its own folder, and then with one thing changed at a time.

use crate::exit::Exit;
use crate::failure::Failure;
use knockon_lab::proof::{Proof, Repeated};
use knockon_lab::story::Incident;
use knockon_lab::truth::FaultFound;
use knockon_model::Stop;
use knockon_report::Files;
use std::collections::BTreeSet;

/// What can be proved of an incident.
pub(super) fn of(files: &Files, incident: &Incident) -> Result<Proof, Failure> {
    let manifest = files.manifest();
    let Some(loaded) = files.scenario() else {
        return Err(Failure::new(Exit::Usage, "nothing can be proved: truth/scenario.ron cannot be read")
            .hint("it was changed, or another version wrote it; run the scenario again"));
    };
    if let Some(limit) = manifest.limits_hit.keys().next() {
        return Err(Failure::new(Exit::Usage, format!("nothing can be proved of a run that hit a limit: {limit}")));
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let repeated = Repeated::run(&loaded.blueprint, threads).map_err(|stop| limit(&stop))?;
    let digest = format!("{:032x}", repeated.digest);
    if digest != manifest.run_digest {
        let message = format!("run again it is another run: its digest is {digest}, not {}", manifest.run_digest);
        let version = env!("CARGO_PKG_VERSION");
        return Err(if manifest.version == version {
            Failure::new(Exit::Diverged, message)
                .hint("its truth/ was changed, or another build of this version wrote it")
        } else {
            let hint = format!("version {} wrote it, and this is {version}; run the scenario again", manifest.version);
            Failure::new(Exit::Usage, message).hint(hint)
        });
    }
    let name = |found: &FaultFound| loaded.blueprint.faults[found.fault.index()].name.as_str();
    let told: BTreeSet<&str> = incident.faults.iter().map(|found| found.name.as_str()).collect();
    let found: Vec<BTreeSet<&str>> =
        repeated.incidents.iter().map(|one| one.faults.iter().map(name).collect()).collect();
    let Some(number) = found.iter().position(|names| *names == told) else {
        let incidents: Vec<String> = found.iter().map(|names| listed(names)).collect();
        let message = format!(
            "nothing can be proved: run again without tables, {} are no incident; there are: {}",
            listed(&told),
            incidents.join("; ")
        );
        return Err(Failure::new(Exit::Usage, message)
            .hint("without tables fewer numbers are compared, so an incident may seem over earlier or later"));
    };
    if repeated.incidents[number].harm.hurt == 0 {
        let message = match incident.requests.hurt {
            0 => format!("incident {} hurt nobody: there is nothing to prove", incident.incident),
            hurt => format!(
                "nothing can be proved: run again without tables, of the {hurt} requests that incident {} hurt \
                 none can be told from chance",
                incident.incident
            ),
        };
        return Err(Failure::new(Exit::Usage, message).hint("leave `--prove` out, or give another `--incident`"));
    }
    repeated.prove(number, threads).map_err(|stop| limit(&stop))
}

/// Names in a line.
fn listed(names: &BTreeSet<&str>) -> String {
    let names: Vec<&str> = names.iter().copied().collect();
    names.join(" and ")
}

fn limit(stop: &Stop) -> Failure {
    Failure::new(Exit::Limit, format!("nothing can be proved: without any change the run hits a limit: {stop}"))
}
