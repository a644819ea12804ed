//! What a scenario expects of its run.

use crate::decode::{At, choice, record};
use crate::leaf::{Count, Name, Setting};

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
        /// Milestones of a service happened in this order, `times` times over.
        Chain(ChainText),
    }
}

record! {
    /// A bound.
    Bound as "bound" {
        /// The statistic.
        statistic: String,
        /// The value: a number, a share such as "0.1 %", or a duration.
        value: Setting,
    }
}

record! {
    /// A chain of milestones.
    ChainText as "Chain" {
        /// The service.
        service: Name,
        /// The milestones, in order.
        milestones: Vec<At<MilestoneText>>,
        /// How often the whole chain happens, one after the other.
        times: Count<1> = [1],
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
    /// States that a reader would name.
    MilestoneText as "milestone" {
        /// Collections took more than 30 % of the time.
        GcShare,
        /// Every connection of a pool was in use and a caller waited.
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
    }
}
