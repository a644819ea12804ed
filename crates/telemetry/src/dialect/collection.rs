//! HotSpot's unified log, tag `gc`, level info: `GC(0) Pause Young (Allocation Failure) 6M->3M(48M) 16.146ms`.

use super::{Heading, Milliseconds, say};
use knockon_model::blueprint::{Collector, Severity};
use knockon_model::record::{CollectionCause, CollectionKind, LogEvent};

/// Sizes are whole mebibytes, rounded down, as HotSpot prints them. `None` for another event.
pub(super) fn word(collector: Collector, event: &LogEvent, body: &mut String) -> Option<Heading<'static>> {
    let LogEvent::Collection { number, kind, cause, before, after, committed, pause } = *event else { return None };
    let mebibytes = |bytes: u64| bytes >> 20;
    say!(body, "GC({number}) ");
    match kind {
        CollectionKind::ConcurrentMark => say!(body, "Concurrent Mark Cycle {}ms", Milliseconds(pause)),
        _ => {
            body.push_str(match (kind, collector) {
                (CollectionKind::Young, Collector::G1) => "Pause Young (Normal)",
                (CollectionKind::ConcurrentStart, _) => "Pause Young (Concurrent Start)",
                (CollectionKind::Mixed, _) => "Pause Young (Mixed)",
                (CollectionKind::Remark, _) => "Pause Remark",
                (CollectionKind::Full, _) => "Pause Full",
                _ => "Pause Young",
            });
            if kind != CollectionKind::Remark {
                say!(body, " ({})", cause_words(cause));
            }
            say!(
                body,
                " {}M->{}M({}M) {}ms",
                mebibytes(before),
                mebibytes(after),
                mebibytes(committed),
                Milliseconds(pause)
            );
        }
    }
    Some(Heading::new(Severity::Info, "gc"))
}

const fn cause_words(cause: CollectionCause) -> &'static str {
    match cause {
        CollectionCause::AllocationFailure | CollectionCause::Threshold => "Allocation Failure",
        CollectionCause::Ergonomics => "Ergonomics",
        CollectionCause::EvacuationPause => "G1 Evacuation Pause",
        CollectionCause::HumongousAllocation => "G1 Humongous Allocation",
        CollectionCause::CompactionPause => "G1 Compaction Pause",
    }
}
