//! SIGINT and SIGTERM. The first one asks the run to stop at its next pause and to take its unfinished folder away; a second one
//! ends the process at once.

use crate::exit::Exit;
use crate::failure::Failure;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Watches for both signals from its creation on.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt {
    interrupted: Arc<AtomicBool>,
    terminated: Arc<AtomicBool>,
}

impl Interrupt {
    /// Begins to watch.
    pub(crate) fn watch() -> Result<Self, Failure> {
        let interrupt = Self { interrupted: Arc::default(), terminated: Arc::default() };
        interrupt
            .register()
            .map_err(|error| Failure::new(Exit::InputOutput, "cannot watch for signals").because(&error))?;
        Ok(interrupt)
    }

    fn register(&self) -> io::Result<()> {
        for (signal, flagged, exit) in
            [(SIGINT, &self.interrupted, Exit::Interrupted), (SIGTERM, &self.terminated, Exit::Terminated)]
        {
            // In this order: the flag that the shutdown looks at is set only after it was looked at.
            flag::register_conditional_shutdown(signal, exit as i32, Arc::clone(flagged))?;
            flag::register(signal, Arc::clone(flagged))?;
        }
        Ok(())
    }

    /// Whether to stop, and as what.
    pub(crate) fn pending(&self) -> Option<Exit> {
        if self.interrupted.load(Ordering::Relaxed) {
            Some(Exit::Interrupted)
        } else if self.terminated.load(Ordering::Relaxed) {
            Some(Exit::Terminated)
        } else {
            None
        }
    }
}
