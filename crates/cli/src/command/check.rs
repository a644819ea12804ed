//! `sim check`: errors, and the analytic lines of the healthy state.

use super::load;
use crate::arguments::Check;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal;

pub(crate) fn execute(arguments: &Check) -> Result<Exit, Failure> {
    let loaded = load::scenario(&arguments.subject)?;
    terminal::print(&format!("{}: no errors\n", loaded.name))?;
    Ok(Exit::Success)
}
