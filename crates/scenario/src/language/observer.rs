//! What becomes of records on their way to whoever reads them.

use super::Law;
use crate::decode::{Map, record};
use crate::leaf::{Count, Period, Portion};
use knockon_kernel::Duration;

record! {
    /// What becomes of records between the system and the tables of what was observed. The world does not notice; `truth/observer`
    /// lists what was done.
    ObserverText as "observer" {
        /// Of spans.
        spans: SpansText = [()],
        /// Of log lines.
        logs: LogsText = [()],
        /// Of metrics.
        metrics: MetricsText = [()],
        /// Clocks that go wrong, by service: times of its spans and lines. Metrics have the time of whoever scrapes.
        clocks: Map<ClockText>,
    }
}

record! {
    /// What becomes of spans.
    SpansText as "observed spans" {
        /// Share of traces that are kept, decided where they begin, by their ids (OpenTelemetry's `TraceIdRatioBased`). None keeps all.
        head: Option<Portion>,
        /// Which traces are kept when their spans have come. None keeps all.
        tail: Option<TailText>,
        /// Share that never arrives.
        lost: Portion = [0],
        /// Share that arrives twice.
        duplicated: Portion = [0],
        /// Those that arrive late. None do when left out.
        delayed: Option<DelayedText>,
        /// Share that does not name its parent: the context was not passed on.
        without_parent: Portion = [0],
        /// Share that does not say whom it called.
        without_peer: Portion = [0],
        /// Share that does not have the status code of the answer.
        without_status_code: Portion = [0],
    }
}

record! {
    /// Sampling of whole traces (`tail_sampling` of the OpenTelemetry collector): what any of them wants is kept.
    TailText as "tail sampling" {
        /// Whether traces with a span in error are kept.
        errors: bool = [true],
        /// Traces that take longer are kept. None for being slow.
        slower_than: Option<Duration>,
        /// Share of all that is kept anyway.
        share: Portion = [0],
        /// `decision_wait`: from the first span of a trace to the decision. Spans that come later are decided on by themselves.
        wait: Period = ["30s"],
        /// `num_traces`: traces that wait at most; of one more, the oldest is dropped.
        traces: Count<1> = [50_000],
    }
}

record! {
    /// Records that arrive late.
    DelayedText as "delayed" {
        /// Their share.
        share: Portion,
        /// How late.
        by: Law,
    }
}

record! {
    /// What becomes of log lines.
    LogsText as "observed logs" {
        /// Share that never arrives.
        lost: Portion = [0],
        /// Share that arrives twice.
        duplicated: Portion = [0],
        /// Those that arrive late. None do when left out.
        delayed: Option<DelayedText>,
        /// Share that does not name the trace and span that it belongs to.
        without_trace: Portion = [0],
    }
}

record! {
    /// What becomes of metrics.
    MetricsText as "observed metrics" {
        /// Share of scrapes of a process that fail: all of its series lack a sample then.
        failed_scrapes: Portion = [0],
    }
}

record! {
    /// How far the clocks of a service's processes are off: `ahead` less `behind`, and each by up to `spread` more or less.
    ClockText as "clock" {
        /// Ahead of the true time.
        ahead: Duration = ["0s"],
        /// Behind it.
        behind: Duration = ["0s"],
        /// By how much each process' clock differs from that at most, either way, evenly drawn.
        spread: Duration = ["0s"],
    }
}
