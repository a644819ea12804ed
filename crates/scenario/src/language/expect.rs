//! What a scenario expects of its run.

use crate::decode::{At, choice, record};
use crate::leaf::{Count, Name, Portion, Setting};
use knockon_kernel::Duration;

choice! {
    /// An expectation. Statistics are named like paths: "clients.error_share", "web-api/pool.wait.p99".
    Expect as "expectation" {
        /// A milestone never happened.
        Never(NeverText),
        /// A statistic lies below a value.
        Below(Bound),
        /// A statistic is at most a value.
        AtMost(Bound),
        /// A statistic is at least a value.
        AtLeast(Bound),
        /// A statistic lies above a value.
        Above(Bound),
        /// A statistic is estimated to have a value: the value lies within four standard errors of what was measured.
        Value(ValueText),
        /// A number of things or a duration is exactly this.
        Exact(Bound),
        /// Milestones of a service happened in this order, `times` times over. Each counts once in each life of a process: a breaker
        /// that opens fifty times opens once for this, and a chain happens again only after a restart. What happens often is counted by statistics
        /// (`front -> back.opened`, `web-api/pool.timeouts`).
        Chain(ChainText),
        /// The run does what a real system did on the same work: every observable is a fair prediction, but for those that it is
        /// known to miss.
        Reproduces(ReproducesText),
    }
}

record! {
    /// How `Value` estimates: the run behind its warm-up is cut into batches of equal length, whose means are taken for independent.
    MeasureText as "measure" {
        /// What is left out at the beginning; a tenth of the run when left out itself.
        warm_up: Option<Duration>,
        /// How many batches there are.
        batches: Count<30> = [40],
    }
}

record! {
    /// A value from a formula or a publication.
    ValueText as "Value" {
        /// The statistic.
        statistic: String,
        /// The value: a number, a share such as "0.1 %", a duration, or a number of seconds².
        value: Setting,
        /// How wide the band of four standard errors may be at either side, as a part of the value. A wider one is too imprecise
        /// to tell anything: then the run must be longer.
        precision: Portion = ["2 %"],
        /// How far the model is known to lie from the source of the value, as a part of it: where that is an approximation or a limit.
        slack: Portion = ["0 %"],
    }
}

record! {
    /// A bound.
    Bound as "bound" {
        /// The statistic.
        statistic: String,
        /// The value: a number, a share such as "0.1 %", or a duration.
        value: Setting,
        /// Only what happens after this instant counts.
        from: Duration = ["0s"],
        /// Only what happens up to this instant counts; everything up to the end when left out.
        until: Option<Duration>,
    }
}

record! {
    /// A chain of milestones.
    ChainText as "Chain" {
        /// The service.
        service: Name,
        /// The milestones, in order.
        milestones: Vec<At<MilestoneText>>,
        /// How often the whole chain happens, one after the other: in so many lives of the service's processes.
        times: Count<1> = [1],
    }
}

record! {
    /// A comparison with what was measured on a real system.
    ReproducesText as "Reproduces" {
        /// The measured set, a JSON file in the scenario's folder: how the experiment went, and for each observable what its repeats
        /// gave and between which bounds a prediction is fair.
        file: String,
        /// The service that stands for what was measured: the one with the pool, the server of a storm, the one with the heap or cache.
        service: Name,
        /// What it is known to miss, and why. It must miss each of them that is judged: one that is a fair prediction does not belong here any more,
        /// unless it hangs on what is drawn.
        misses: Vec<At<MissText>> = [[]],
    }
}

record! {
    /// Observables that a run misses for one reason. They are told as missed, and count as misses wherever fair predictions are counted.
    MissText as "miss" {
        /// The observables, as the measured set names them.
        observables: Vec<At<String>>,
        /// The mechanism that the real thing has and the machines have not, for people.
        mechanism: String,
        /// Whether they hang on what is drawn, so that with some seeds a prediction is fair.
        drawn: bool = [false],
    }
}

record! {
    /// A milestone that must not be.
    NeverText as "Never" {
        /// The service.
        service: Name,
        /// The milestone.
        milestone: MilestoneText,
    }
}

choice! {
    /// States that a reader would name: that a process entered it, for the first time in its life.
    MilestoneText as "milestone" {
        /// Collections took more than 30 % of the last minute.
        GcShare,
        /// Every connection of a pool was in use and a caller waited, for at least a second.
        PoolFull,
        /// A caller gave up waiting for a connection.
        AcquireTimeout,
        /// A request was answered with a status of 500 or above.
        ServerError,
        /// The accept queue refused a request.
        Refused,
        /// The heap had no room.
        OutOfMemory,
        /// The kernel killed a process for its memory.
        OomKilled,
        /// A process ended.
        Exited,
        /// A process accepts requests again.
        Restarted,
        /// A request was dropped from the accept queue.
        Shed,
        /// A request was turned away by a rate or concurrency limit.
        Limited,
        /// This service's circuit breaker, on a link to another one, opened.
        BreakerOpened,
        /// It let a few attempts through, to see.
        BreakerHalfOpen,
        /// It closed.
        BreakerClosed,
        /// A caller of this service left one of its processes out for its failures.
        Ejected,
        /// This service's bulkhead, on a link to another one, had no permit for an attempt.
        BulkheadFull,
        /// This service gave an attempt up by itself.
        Throttled,
        /// This service's retry budget did not allow a retry.
        RetryRefused,
        /// A broker blocked its publishers.
        MemoryAlarm,
        /// A message that somebody may have handled before was delivered.
        Redelivered,
        /// A message became a dead letter.
        DeadLettered,
        /// A message went, and nobody had handled it.
        MessageDropped,
        /// A broker refused a message.
        QueueFull,
        /// A worker's task failed for good.
        TaskFailed,
        /// A probe of the platform failed.
        ProbeFailed,
        /// A probe failed for good, and the platform ended the process.
        ProbeKilled,
        /// A process was no longer ready to be called.
        NotReady,
        /// An executor had neither a thread nor a place for a task.
        TaskRejected,
        /// The arbiter killed a worker process that gave no sign of life.
        WorkerKilled,
    }
}
