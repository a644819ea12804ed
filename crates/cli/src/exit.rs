//! Exit codes, as every help text and the README list them. Scripts rely on them: a code is never reused.

use std::process::ExitCode;

/// How `sim` ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done, and everything expected held.
    Success = 0,
    /// The scenario has errors, an expectation did not hold, a golden differs, or two finished runs do.
    Failed = 1,
    /// The command line is wrong, or an argument cannot be used.
    Usage = 2,
    /// The run ended at one of its limits.
    Limit = 3,
    /// Two runs of the same world differed.
    Diverged = 4,
    /// A defect of this program.
    Bug = 70,
    /// A file could not be read or written.
    InputOutput = 74,
    /// Stopped by SIGINT (Ctrl-C).
    Interrupted = 130,
    /// Stopped by SIGTERM.
    Terminated = 143,
}

/// The list in `sim --help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0    done, and everything expected held
  1    the scenario has errors, an expectation did not hold, a golden differs, or two finished runs do
  2    the command line is wrong, or an argument cannot be used
  3    the run ended at one of its limits
  4    two runs of the same world differed
  70   a defect of this program
  74   a file could not be read or written
  130  stopped by SIGINT (Ctrl-C)
  143  stopped by SIGTERM";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_lists_every_code() {
        let all = [
            Exit::Success,
            Exit::Failed,
            Exit::Usage,
            Exit::Limit,
            Exit::Diverged,
            Exit::Bug,
            Exit::InputOutput,
            Exit::Interrupted,
            Exit::Terminated,
        ];
        let listed: Vec<u8> = HELP.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect();
        assert_eq!(listed, all.map(|exit| exit as u8));
    }
}
