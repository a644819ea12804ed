//! A progress bar on a terminal, for runs that take longer than a moment. Elsewhere, nothing.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

/// Runs that end sooner show no bar.
const PATIENCE: Duration = Duration::from_secs(2);

/// Shows how far a run has come.
#[derive(Debug)]
pub(crate) struct Progress {
    began: Instant,
    bar: Option<ProgressBar>,
    patience: Duration,
}

impl Progress {
    /// Begins to count. Standard error decides whether there is anyone to show a bar to.
    pub(crate) fn begin() -> Self {
        Self { began: Instant::now(), bar: None, patience: PATIENCE }
    }

    /// Shows nothing, for one run of several.
    pub(crate) fn silent() -> Self {
        Self { began: Instant::now(), bar: None, patience: Duration::MAX }
    }

    /// A bar over a number of runs.
    pub(crate) fn of_runs(count: usize) -> Self {
        let mut progress = Self::begin();
        if io::stderr().is_terminal() {
            progress.bar = Some(bar("running", count as u64));
        }
        progress
    }

    /// So many rows of so many are done.
    pub(crate) fn show_rows(&mut self, what: &'static str, done: u64, all: u64) {
        if self.bar.is_none() && io::stderr().is_terminal() && self.elapsed() > self.patience {
            self.bar = Some(bar(what, all));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        }
    }

    /// One more run has ended.
    pub(crate) fn advance(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// Wall time since the beginning.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// So much of the simulated time has passed.
    pub(crate) fn show(&mut self, done_ns: u64, all_ns: u64) {
        if self.bar.is_none() && io::stderr().is_terminal() && self.elapsed() > self.patience {
            self.bar = Some(bar("simulating", all_ns / 1_000_000));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(done_ns / 1_000_000);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(what: &str, length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(&format!("{what} [{{bar:40}}] {{percent:>3}} %, {{eta}} left"))
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ");
    ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(4)).with_style(style)
}
