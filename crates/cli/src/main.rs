//! The binary `sim`: reads the command line, calls the libraries, and says what came of it.
//!
//! Data goes to standard output, all else to standard error. What a run means is decided in the libraries; here are only files,
//! signals, clocks and terminals, which the libraries do without.

mod arguments;
mod command;
mod drive;
mod exit;
mod failure;
mod interrupt;
mod progress;
mod simulate;
mod tables;
mod terminal;

use clap::Parser as _;
use exit::Exit;
use failure::Failure;
use std::panic;
use std::process::ExitCode;

fn main() -> ExitCode {
    panic::set_hook(Box::new(report_bug));
    panic::catch_unwind(start).unwrap_or(Exit::Bug).into()
}

fn start() -> Exit {
    let arguments = match arguments::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    match command::execute(arguments.command) {
        Ok(exit) => exit,
        Err(failure) => {
            terminal::tell(&failure.to_string());
            failure.exit
        }
    }
}

/// Prints help and version to standard output, mistakes to standard error.
fn refuse(error: &clap::Error) -> Exit {
    if error.use_stderr() {
        let _ = error.print();
        return Exit::Usage;
    }
    match error.print() {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            terminal::tell(
                &Failure::new(Exit::InputOutput, "cannot write to standard output").because(&error).to_string(),
            );
            Exit::InputOutput
        }
        _ => Exit::Success,
    }
}

fn report_bug(panic: &panic::PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(String::new, |place| format!(" at {}:{}", place.file(), place.line()));
    let message = panic.payload_as_str().unwrap_or("no message");
    let command: Vec<_> = std::env::args().skip(1).collect();
    terminal::tell(&format!(
        "internal error{place}: {message}\n\n\
         this is a defect of sim {version}, not of your scenario. Please report it at {repository}/issues with the\n\
         scenario, this message and the command line: sim {command}",
        version = env!("CARGO_PKG_VERSION"),
        repository = env!("CARGO_PKG_REPOSITORY"),
        command = command.join(" "),
    ));
}
