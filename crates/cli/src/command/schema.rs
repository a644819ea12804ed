//! `sim schema`: the scenario language, or the tables.

use crate::arguments::Subject;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal;

pub(crate) fn execute(subject: Subject) -> Result<Exit, Failure> {
    let text = match subject {
        Subject::Scenario => knockon_scenario::schema(),
        Subject::Tables => knockon_telemetry::data_dictionary(),
    };
    terminal::print(&text)?;
    Ok(Exit::Success)
}
