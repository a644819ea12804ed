//! From the command line's subject to a loaded scenario, with the scenario's errors on standard error.

use crate::arguments::Subjected;
use crate::exit::Exit;
use crate::failure::Failure;
use knockon_scenario::{Loaded, Options, Scenario};

/// Loads a scenario with the seed, overrides and contrasts of the command line.
pub(crate) fn scenario(subject: &Subjected) -> Result<Loaded, Failure> {
    if let Err(error) = std::fs::File::open(&subject.scenario) {
        return Err(Failure::new(Exit::Usage, format!("cannot read the scenario `{}`", subject.scenario.display()))
            .because(&error)
            .hint("scenarios are RON files; the project's own lie in scenarios/"));
    }
    let options = Options {
        seed: subject.seed,
        duration: subject.until,
        overrides: subject.overrides.clone(),
        without: subject.without.clone(),
    };
    Scenario::load(&subject.scenario, &options).map_err(|diagnostics| {
        let count = diagnostics.all().len();
        crate::terminal::tell(&diagnostics.to_string());
        Failure::new(Exit::Failed, format!("{count} error{} in the scenario", if count == 1 { "" } else { "s" }))
    })
}
