//! `--prove`: the run is repeated from its own folder, and then with one thing changed at a time.

use super::files::Files;
use crate::exit::Exit;
use crate::failure::Failure;
use knockon_lab::proof::{Proof, Repeated};
use knockon_lab::story::Incident;
use knockon_model::Stop;

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
    let first = incident.faults.first().map(|found| found.name.as_str());
    let name = |found: &knockon_lab::truth::FaultFound| loaded.blueprint.faults[found.fault.index()].name.as_str();
    let same = repeated.incidents.iter().position(|one| one.faults.first().map(name) == first);
    let Some(number) = same.filter(|&number| repeated.incidents[number].harm.hurt > 0) else {
        let message = format!("incident {} hurt nobody: there is nothing to prove", incident.incident);
        return Err(Failure::new(Exit::Usage, message).hint("leave `--prove` out, or give another `--incident`"));
    };
    repeated.prove(number, threads).map_err(|stop| limit(&stop))
}

fn limit(stop: &Stop) -> Failure {
    Failure::new(Exit::Limit, format!("nothing can be proved: without any change the run hits a limit: {stop}"))
}
