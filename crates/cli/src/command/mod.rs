//! The commands, one file each.

mod check;
mod diff;
mod explain;
mod export;
mod golden;
mod init;
mod load;
mod lockstep;
mod replay;
mod report;
mod run;
mod schema;
mod serve;
mod verify;

use crate::arguments::{Arguments, Command};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal;
use clap::CommandFactory as _;

/// Executes one command.
pub(crate) fn execute(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Run(run) => run::execute(&run),
        Command::Check(check) => check::execute(&check),
        Command::Verify(verify) => verify::execute(&verify),
        Command::VerifySide(side) => lockstep::side::execute(&side),
        Command::Diff(diff) => diff::execute(&diff),
        Command::Explain(explain) => explain::execute(&explain),
        Command::Export(export) => export::execute(&export),
        Command::Replay(replay) => replay::execute(&replay),
        Command::Report(report) => report::execute(&report),
        Command::Serve(serve) => serve::execute(&serve),
        Command::Init(init) => init::execute(&init),
        Command::Golden(golden) => golden::execute(golden),
        Command::Schema { subject } => schema::execute(subject),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "sim", &mut script);
            terminal::print(&String::from_utf8_lossy(&script))?;
            Ok(Exit::Success)
        }
    }
}
