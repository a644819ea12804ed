//! From the command line's subject to a loaded scenario.

use crate::arguments::{Changes, Subjected};
use crate::exit::Exit;
use crate::failure::Failure;
use knockon_scenario::{Loaded, Options, Scenario};
use std::path::Path;

/// Loads a scenario with the seed, overrides and contrasts of the command line; its errors go to standard error.
pub(crate) fn scenario(subject: &Subjected) -> Result<Loaded, Failure> {
    quietly(&subject.scenario, &subject.changes).map_err(|(told, failure)| {
        if let Some(told) = told {
            crate::terminal::tell(&told);
        }
        failure
    })
}

/// The same, with the scenario's errors as text.
pub(crate) fn quietly(path: &Path, changes: &Changes) -> Result<Loaded, (Option<String>, Failure)> {
    if let Err(error) = std::fs::File::open(path) {
        let failure = Failure::new(Exit::Usage, format!("cannot read the scenario `{}`", path.display()))
            .because(&error)
            .hint("scenarios are RON files; the project's own lie in scenarios/");
        return Err((None, failure));
    }
    let options = Options {
        seed: changes.seed,
        duration: changes.until,
        overrides: changes.overrides.clone(),
        without: changes.without.clone(),
    };
    Scenario::load(path, &options).map_err(|diagnostics| {
        let count = diagnostics.all().len();
        let failure = format!("{count} error{} in the scenario", if count == 1 { "" } else { "s" });
        (Some(diagnostics.to_string()), Failure::new(Exit::Failed, failure))
    })
}
