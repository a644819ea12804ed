//! What went wrong, for the person at the terminal: one sentence, its causes, and what to do.

use crate::exit::Exit;
use crate::terminal::Printable;
use std::fmt;
use std::io;
use std::path::Path;

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
}

impl Failure {
    /// A failure with one sentence, a lower-case fragment.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), causes: Vec::new(), hint: None }
    }

    /// The sentence.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// A file or folder that could not be `done` (read, written …).
    pub(crate) fn io(done: &str, path: &Path, error: &io::Error) -> Self {
        let failure = Self::new(Exit::InputOutput, format!("cannot {done} `{}`", path.display())).because(error);
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                failure.hint("free some space, or give another folder with `--out`")
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                failure.hint("give a folder that you may write to with `--out`")
            }
            _ => failure,
        }
    }

    /// A folder that is to be read, and is no run.
    pub(crate) fn no_run(folder: &Path) -> Self {
        Self::new(Exit::Usage, format!("`{}` is not the folder of a finished run", folder.display()))
            .hint("give a folder that `sim run` wrote, with a manifest.json in it, such as out/memory_leak-s1")
    }

    /// Adds the chain of causes of an error.
    pub(crate) fn because(mut self, error: &dyn std::error::Error) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            let text = error.to_string();
            if self.causes.last() != Some(&text) {
                self.causes.push(text);
            }
            cause = error.source();
        }
        self
    }

    /// Adds what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<knockon_telemetry::Error> for Failure {
    fn from(error: knockon_telemetry::Error) -> Self {
        use knockon_telemetry::Error;
        let exit = match error {
            Error::NotARun { .. } | Error::NoFolderName { .. } => Exit::Usage,
            Error::TakenName { .. } => Exit::Failed,
            Error::Encoding { .. } | Error::Document { .. } => Exit::Bug,
            _ => Exit::InputOutput,
        };
        Self::new(exit, error.to_string()).hint(error.hint())
    }
}

impl From<knockon_report::Error> for Failure {
    fn from(error: knockon_report::Error) -> Self {
        use knockon_report::Error;
        let hint = error.hint().to_owned();
        match error {
            Error::Run(error) => error.into(),
            Error::NoRun { ref source, .. } => Self::new(Exit::Usage, error.to_string()).because(source).hint(hint),
            Error::Document { ref source, .. } => {
                Self::new(Exit::InputOutput, error.to_string()).because(source).hint(hint)
            }
            Error::Io { ref source, .. } => Self::new(Exit::InputOutput, error.to_string()).because(source).hint(hint),
            Error::NoRequest { .. } | Error::Occupied { .. } => Self::new(Exit::Usage, error.to_string()).hint(hint),
            _ => Self::new(Exit::InputOutput, error.to_string()).hint(hint),
        }
    }
}

impl From<knockon_export::Error> for Failure {
    fn from(error: knockon_export::Error) -> Self {
        use knockon_export::Error;
        let hint = error.hint();
        let exit = match error {
            Error::Run(error) => return error.into(),
            Error::Occupied { .. } | Error::NoFolderName { .. } | Error::NoTruth { .. } | Error::NoIncident { .. } => {
                Exit::Usage
            }
            _ => Exit::InputOutput,
        };
        Self::new(exit, error.to_string()).hint(hint)
    }
}

impl From<knockon_replay::Error> for Failure {
    fn from(error: knockon_replay::Error) -> Self {
        use knockon_replay::Error;
        let hint = error.hint();
        let exit = match error {
            Error::Run(error) => return error.into(),
            Error::Export(error) => return error.into(),
            Error::Listen { .. } | Error::Address { .. } | Error::Progress { .. } | Error::Empty => Exit::Usage,
            _ => Exit::InputOutput,
        };
        Self::new(exit, error.to_string()).hint(hint)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "error: {}", Printable(&self.message))?;
        for cause in &self.causes {
            writeln!(out, "  caused by: {}", Printable(cause))?;
        }
        if let Some(hint) = &self.hint {
            writeln!(out, "\nhint: {}", Printable(hint))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentence_causes_hint() {
        let error = io::Error::from(io::ErrorKind::StorageFull);
        let failure = Failure::io("write", Path::new("out/a\u{1b}[31m"), &error);
        assert_eq!(
            failure.to_string(),
            "error: cannot write `out/a\u{fffd}[31m`\n  caused by: no storage space\n\n\
             hint: free some space, or give another folder with `--out`\n"
        );
    }
}
