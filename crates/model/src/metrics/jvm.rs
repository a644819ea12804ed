//! Micrometer's JVM binders: memory pools by collector, collections, and the pressure on the heap.
//!
//! Source: `JvmMemoryMetrics`, `JvmGcMetrics`, `JvmHeapPressureMetrics` of Micrometer 1.13 on OpenJDK 17. What they learn from
//! a collection's notification moves only when a collection has ended: allocated and promoted bytes, live data, the use of the old
//! space. Left out: pools outside the heap.

use super::Reading as Series;
use super::listing::Listing;
use super::scrape::Target;
use super::timing::{Part, Timing};
use super::window::Window;
use crate::blueprint::{Collector, Heap, Runtime};
use crate::heap;
use crate::record::CollectionCause;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Reading {
    Used(Space),
    Committed(Space),
    Maximum(Space),
    Pause { major: bool, cause: CollectionCause, part: Part },
    Allocated,
    Promoted,
    LiveData,
    MaximumData,
    Overhead,
    UsageAfterCollection,
}

/// The spaces of a heap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Space {
    Eden,
    Survivor,
    Old,
}

/// What a collector's pools and beans are called, and the causes that it gives: minor, then major.
struct Names {
    eden: &'static str,
    survivor: &'static str,
    old: &'static str,
    minor: &'static str,
    major: &'static str,
    causes: &'static [(bool, CollectionCause)],
}

const fn names(collector: Collector) -> Names {
    match collector {
        Collector::Serial => Names {
            eden: "Eden Space",
            survivor: "Survivor Space",
            old: "Tenured Gen",
            minor: "Copy",
            major: "MarkSweepCompact",
            causes: &[(false, CollectionCause::AllocationFailure), (true, CollectionCause::AllocationFailure)],
        },
        Collector::Parallel => Names {
            eden: "PS Eden Space",
            survivor: "PS Survivor Space",
            old: "PS Old Gen",
            minor: "PS Scavenge",
            major: "PS MarkSweep",
            causes: &[
                (false, CollectionCause::AllocationFailure),
                (true, CollectionCause::AllocationFailure),
                (true, CollectionCause::Ergonomics),
            ],
        },
        Collector::G1 => Names {
            eden: "G1 Eden Space",
            survivor: "G1 Survivor Space",
            old: "G1 Old Gen",
            minor: "G1 Young Generation",
            major: "G1 Old Generation",
            causes: &[(false, CollectionCause::EvacuationPause), (true, CollectionCause::CompactionPause)],
        },
    }
}

/// HotSpot's words for a cause.
const fn words(cause: CollectionCause) -> &'static str {
    match cause {
        CollectionCause::AllocationFailure => "Allocation Failure",
        CollectionCause::Ergonomics => "Ergonomics",
        CollectionCause::EvacuationPause => "G1 Evacuation Pause",
        CollectionCause::HumongousAllocation => "G1 Humongous Allocation",
        CollectionCause::CompactionPause => "G1 Compaction Pause",
        CollectionCause::Threshold => "Threshold",
    }
}

/// The heap's series.
pub(super) fn list(listing: &mut Listing, heap: &Heap) {
    let names = names(heap.collector);
    for (space, id) in [(Space::Eden, names.eden), (Space::Survivor, names.survivor), (Space::Old, names.old)] {
        let labels = [("area", "heap"), ("id", id)];
        listing.gauge("jvm_memory_used_bytes", "By", &labels, Series::Jvm(Reading::Used(space)));
        listing.gauge("jvm_memory_committed_bytes", "By", &labels, Series::Jvm(Reading::Committed(space)));
        listing.gauge("jvm_memory_max_bytes", "By", &labels, Series::Jvm(Reading::Maximum(space)));
    }
    for &(major, cause) in names.causes {
        let action = if major { "end of major GC" } else { "end of minor GC" };
        let gc = if major { names.major } else { names.minor };
        let labels = [("action", action), ("cause", words(cause)), ("gc", gc)];
        let reading = |part| Series::Jvm(Reading::Pause { major, cause, part });
        listing.timer("jvm_gc_pause_seconds", &labels, reading);
    }
    listing.counter("jvm_gc_memory_allocated_bytes_total", "By", &[], Series::Jvm(Reading::Allocated));
    listing.counter("jvm_gc_memory_promoted_bytes_total", "By", &[], Series::Jvm(Reading::Promoted));
    listing.gauge("jvm_gc_live_data_size_bytes", "By", &[], Series::Jvm(Reading::LiveData));
    listing.gauge("jvm_gc_max_data_size_bytes", "By", &[], Series::Jvm(Reading::MaximumData));
    listing.gauge("jvm_gc_overhead", "1", &[], Series::Jvm(Reading::Overhead));
    let labels = [("area", "heap"), ("pool", "long-lived")];
    listing.gauge("jvm_memory_usage_after_gc", "1", &labels, Series::Jvm(Reading::UsageAfterCollection));
}

impl Reading {
    pub(super) fn value(self, target: &Target<'_>) -> Option<f64> {
        let heap = target.process.heap.as_ref()?;
        let Runtime::Jvm(config) = &target.service.runtime else { return None };
        let meter = &target.process.meter;
        Some(match self {
            Self::Used(Space::Eden) => heap.eden_used() as f64,
            Self::Used(Space::Survivor) => heap.survivor_used() as f64,
            Self::Used(Space::Old) => heap.old_used() as f64,
            Self::Committed(space) => committed(config, heap, space) as f64,
            Self::Maximum(space) => maximum(config, heap, space),
            Self::Pause { major, cause, part } => {
                let of_kind = meter.collections.iter().filter(|known| known.major == major && known.cause == cause);
                Timing::read(of_kind.map(|known| &known.pauses), part, target.now)?
            }
            Self::Allocated => meter.after_collection.allocated as f64,
            Self::Promoted => meter.after_collection.promoted as f64,
            Self::LiveData => meter.live_data as f64,
            Self::MaximumData => maximum(config, heap, Space::Old),
            Self::Overhead => {
                let passed = (target.now - meter.since).min(Window::lookback()).as_nanos();
                let share = meter.recent_pauses.read(target.now) as f64 / passed.max(1) as f64;
                if share > 1.0 { 1.0 } else { share }
            }
            // A heap of one space has no pool for the long-lived.
            Self::UsageAfterCollection if maximum(config, heap, Space::Old) == 0.0 => return None,
            Self::UsageAfterCollection => meter.after_collection.old_used as f64 / maximum(config, heap, Space::Old),
        })
    }
}

/// Size of a generational heap's space.
fn size(config: &Heap, heap: &heap::Heap, space: Space) -> u64 {
    let maximum = heap.maximum().unwrap_or(config.maximum);
    let young = maximum / (u64::from(config.new_ratio) + 1);
    let survivor = young / (u64::from(config.survivor_ratio) + 2);
    match space {
        Space::Eden => young - 2 * survivor,
        Space::Survivor => survivor,
        Space::Old => maximum - young,
    }
}

/// G1's regions belong to no space for good: `G1MonitoringSupport` reports eden's target size, what survivors use, and the
/// rest as the old space.
fn committed(config: &Heap, heap: &heap::Heap, space: Space) -> u64 {
    if config.collector != Collector::G1 {
        return size(config, heap, space);
    }
    let (eden, survivor) = (heap.eden_limit(), heap.survivor_used());
    match space {
        Space::Eden => eden,
        Space::Survivor => survivor,
        Space::Old => heap.committed().saturating_sub(eden + survivor),
    }
}

/// A space's limit; -1 is how the bean says that there is none.
fn maximum(config: &Heap, heap: &heap::Heap, space: Space) -> f64 {
    match (config.collector, space) {
        (Collector::G1, Space::Old) => heap.maximum().unwrap_or(config.maximum) as f64,
        (Collector::G1, _) => -1.0,
        _ => size(config, heap, space) as f64,
    }
}
