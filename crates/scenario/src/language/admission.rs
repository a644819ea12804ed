//! Admission: the discipline of a service's accept queue, and what becomes of what finds no place in it.

use crate::decode::{choice, record};
use crate::leaf::{Count, Period};

record! {
    /// The discipline of an accept queue.
    QueueText as "queue" {
        /// Which request comes first, within its class.
        order: OrderText = [Fifo],
        /// Whether more important classes always come first, and are given the place of less important ones when it is full.
        by_class: bool = [false],
        /// Drops requests when they stand too long. None never does.
        delay: Option<DelayText>,
        /// What arrived longer ago is dropped when its turn comes. None is never.
        maximum_age: Option<Period>,
        /// Whether work is dropped when its turn comes after the deadline that its caller propagated (`propagates_deadline`).
        drops_expired: bool = [false],
        /// Whether work whose caller has left is dropped when its turn comes: the server looks whether the connection is closed.
        drops_abandoned: bool = [false],
        /// Who has to go when it is full, within a class.
        victim: VictimText = [Arrival],
        /// How those that are dropped from it are told.
        dropped: DroppedText = [Status()],
    }
}

choice! {
    /// The order of a queue.
    OrderText as "order" {
        /// First in, first out.
        Fifo,
        /// Last in, first out.
        Lifo,
        /// First in, first out while few are queued, else last in, first out (Facebook's adaptive LIFO).
        AdaptiveLifo(AdaptiveLifoText),
    }
}

record! {
    /// First in, first out while few are queued.
    AdaptiveLifoText as "AdaptiveLifo" {
        /// Queued requests above which the last comes first.
        threshold: Count,
    }
}

choice! {
    /// Control of the delay in a queue.
    DelayText as "delay control" {
        /// CoDel (RFC 8289): drops one when every wait within an interval was above the target, then further ones at distances
        /// interval/√n while that lasts.
        CoDel(CoDelText),
        /// Facebook's variant for requests ("Fail at Scale"): who comes while the queue has not been empty for `interval` is dropped
        /// after waiting `target`, anyone else after waiting `interval`.
        Standing(StandingText),
    }
}

record! {
    /// CoDel.
    CoDelText as "CoDel" {
        /// Acceptable standing delay.
        target: Period = ["5ms"],
        /// Time in which a good queue is empty once.
        interval: Period = ["100ms"],
    }
}

record! {
    /// CoDel's variant for requests.
    StandingText as "Standing" {
        /// Longest wait in a standing queue.
        target: Period = ["5ms"],
        /// Time in which a good queue is empty once, and the longest wait in it.
        interval: Period = ["100ms"],
    }
}

choice! {
    /// Who goes when a queue is full.
    VictimText as "victim" {
        /// The request that arrives.
        Arrival,
        /// The one that has waited longest.
        Oldest,
    }
}

choice! {
    /// How a request that is not worked on learns of it.
    DroppedText as "rejection" {
        /// The connection is refused or reset.
        Refuse,
        /// An answer with a status.
        Status(StatusText),
        /// Not at all: the attempt waits for its timer.
        Silent,
    }
}

choice! {
    /// What becomes of a request that finds no place in the accept queue.
    OverflowText as "overflow" {
        /// The connection is refused (`tcp_abort_on_overflow`).
        Refuse,
        /// An answer with a status.
        Status(StatusText),
        /// Nothing at all: the attempt waits for its timer.
        Silent,
        /// Its SYN is dropped, as Linux does: the client's kernel sends it again until there is a place, or the caller gives up.
        DropSyn(SynText),
    }
}

record! {
    /// An answer.
    StatusText as "Status" {
        /// Its status.
        status: Count<400> = [503],
    }
}

record! {
    /// Dropped SYNs.
    SynText as "DropSyn" {
        /// When the client's kernel sends it again.
        schedule: ScheduleText = [Linear],
    }
}

choice! {
    /// When Linux sends an unanswered SYN again.
    ScheduleText as "SYN schedule" {
        /// Since Linux 6.5: after 1, 2, 3, 4, 5, 7, 11, 19, 35, 67 s; given up after 131 s.
        Linear,
        /// Before Linux 6.5: after 1, 3, 7, 15, 31, 63 s; given up after 127 s.
        Exponential,
    }
}

choice! {
    /// How important a request is (Site Reliability Engineering, chapter 21). It travels with the calls that the request makes.
    ClassText as "class" {
        /// Its failure is seen by users, and serious.
        CriticalPlus,
        /// Its failure is seen by users.
        Critical,
        /// Some of them may fail.
        SheddablePlus,
        /// All of them may fail.
        Sheddable,
    }
}
