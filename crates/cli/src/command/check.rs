//! `sim check`: errors, and what formulas say about the state in which nothing goes wrong.

use super::load;
use crate::arguments::Check;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal;

pub(crate) fn execute(arguments: &Check) -> Result<Exit, Failure> {
    let loaded = load::scenario(&arguments.subject)?;
    let lines = knockon_scenario::check(&loaded);
    let unhealthy = lines.iter().filter(|line| !line.healthy).count();
    let mut text = format!("{}: no errors\n", loaded.name);
    for line in &lines {
        let mark = if line.healthy { "ok  " } else { "WARN" };
        text.push_str(&format!("  {mark}  {}\n", line.text));
    }
    terminal::print(&text)?;
    if unhealthy > 0 {
        terminal::tell(&format!(
            "warning: {unhealthy} of {} lines are not those of a healthy system; an incident would not stand out from it",
            lines.len()
        ));
    }
    Ok(Exit::Success)
}
