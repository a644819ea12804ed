//! A probe worker of the kubelet (`pkg/kubelet/prober/worker.go`): when a container is asked, and what the answers come to.
//!
//! A worker belongs to the pod: its ticks lie on one grid for all containers that follow each other in it, and it asks one question
//! at a time. A tick that comes while a question is open is kept, one at most, as a Go ticker keeps it, and the next question
//! follows the answer at once. States: it asks, it waits for an answer, it is *on hold* (a liveness or startup probe has
//! failed for good: nothing more until there is another container). What the answers come to is `Unknown`, `Success` or
//! `Failure`; it changes after `failures` or `successes` equal answers in a row. The row goes on from container to container, but
//! begins anew after a probe that failed for good.
//!
//! Left out: the immediate question about readiness when a container has started, the kubelet's own start, `exec` and gRPC, and
//! the rounding of ages to seconds.

use crate::blueprint::{Probe, ProbeKind};
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// What the answers of a container have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// Nothing yet: a startup probe of a new container.
    Unknown,
    /// It is well.
    Success,
    /// It is not.
    Failure,
}

/// The container as the kubelet knows it at a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Container {
    /// Which one: when it was started.
    pub id: Time,
    /// Whether it runs; booting is running.
    pub runs: bool,
    /// Whether its startup probe has passed, or there is none.
    pub started: bool,
    /// How long it has run.
    pub age: Duration,
}

/// One worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prober {
    kind: ProbeKind,
    probe: Probe,
    /// The container that it knows.
    container: Time,
    standing: Standing,
    /// The last answer, and how many like it came in a row.
    last: bool,
    run: u32,
    on_hold: bool,
    /// A tick came while a question was open.
    kept: bool,
    ticks: u64,
    /// The number of the open question: of its tick.
    open: Option<u64>,
    passed: u64,
    failed: u64,
}

impl Prober {
    /// The worker of a container that was started at time 0, long enough ago for all to be well.
    #[must_use]
    pub const fn new(kind: ProbeKind, probe: Probe) -> Self {
        Self {
            kind,
            probe,
            container: Time::ZERO,
            standing: Standing::Success,
            last: true,
            run: u32::MAX,
            on_hold: false,
            kept: false,
            ticks: 0,
            open: None,
            passed: 0,
            failed: 0,
        }
    }

    /// What it is for.
    #[must_use]
    pub const fn kind(&self) -> ProbeKind {
        self.kind
    }

    /// What it asks, and how.
    #[must_use]
    pub const fn probe(&self) -> Probe {
        self.probe
    }

    /// What is set on a running worker counts from the next tick or answer on.
    pub const fn set(&mut self, probe: Probe) {
        self.probe = probe;
    }

    /// What the answers of a container have come to; of one that it has not seen yet, what they begin with.
    #[must_use]
    pub fn standing(&self, container: Time) -> Standing {
        if self.container == container { self.standing } else { self.initial() }
    }

    /// Questions that were answered well, and that were not, ever.
    #[must_use]
    pub const fn tally(&self) -> (u64, u64) {
        (self.passed, self.failed)
    }

    /// Failures in a row up to now.
    #[must_use]
    pub const fn failing(&self) -> u32 {
        if self.last { 0 } else { self.run }
    }

    /// The number of the question that is open.
    #[must_use]
    pub const fn open(&self) -> Option<u64> {
        self.open
    }

    /// A tick of its grid. The number of the question that is asked now, if one is.
    pub fn tick(&mut self, container: Container) -> Option<u64> {
        self.ticks += 1;
        if self.open.is_some() {
            self.kept = true;
            return None;
        }
        self.ask(container)
    }

    /// The open question was answered. Whether that changes, or confirms, what the answers come to.
    pub const fn end(&mut self, passed: bool) -> Option<Standing> {
        self.open = None;
        if passed {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
        self.run = if self.last == passed { self.run.saturating_add(1) } else { 1 };
        self.last = passed;
        let threshold = if passed { self.probe.successes } else { self.probe.failures };
        if self.run < threshold {
            return None;
        }
        self.standing = if passed { Standing::Success } else { Standing::Failure };
        if !passed && !matches!(self.kind, ProbeKind::Readiness) {
            self.on_hold = true;
            self.run = 0;
        }
        Some(self.standing)
    }

    /// The question after one that was open for too long: asked at once where a tick was kept.
    pub fn next(&mut self, container: Container) -> Option<u64> {
        if std::mem::take(&mut self.kept) { self.ask(container) } else { None }
    }

    const fn initial(&self) -> Standing {
        match self.kind {
            ProbeKind::Liveness => Standing::Success,
            ProbeKind::Readiness => Standing::Failure,
            ProbeKind::Startup => Standing::Unknown,
        }
    }

    fn ask(&mut self, container: Container) -> Option<u64> {
        // A container that has not run yet is none to the kubelet: it knows the one before.
        if container.runs && self.container != container.id {
            self.container = container.id;
            self.standing = self.initial();
            self.on_hold = false;
        }
        if self.on_hold {
            return None;
        }
        if !container.runs {
            self.standing = Standing::Failure;
            return None;
        }
        let of_startup = self.kind == ProbeKind::Startup;
        if container.age < self.probe.initial_delay || container.started == of_startup {
            return None;
        }
        self.open = Some(self.ticks);
        self.open
    }
}

#[cfg(test)]
mod tests;
