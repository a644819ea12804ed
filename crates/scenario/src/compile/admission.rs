//! Admission: queue disciplines and overflow.

use super::Compiler;
use crate::decode::At;
use crate::language::{
    ClassText, DelayText, DroppedText, OrderText, OverflowText, QueueText, ScheduleText, ServiceText, StatusText,
    VictimText,
};
use knockon_model::blueprint::{Admission, DelayControl, Order, Queue, Rejection, SynSchedule, Victim};

impl Compiler<'_> {
    pub(super) fn admission(&mut self, text: &ServiceText) -> Admission {
        let classes = text.all_endpoints().map(|(_, entry)| entry.value.class.value.as_ref().map(class));
        Admission {
            queue: self.queue(&text.queue),
            overflow: match &text.overflow.value {
                OverflowText::Refuse => Rejection::Refuse,
                OverflowText::Status(status) => self.status(status),
                OverflowText::Silent => Rejection::Silent,
                OverflowText::DropSyn(syn) => Rejection::Retransmit(match syn.schedule.value {
                    ScheduleText::Linear => SynSchedule::Linear,
                    ScheduleText::Exponential => SynSchedule::Exponential,
                }),
            },
            classes: classes.collect(),
            rate_limit: text.rate_limit.value.as_ref().map(|limit| self.rate_limit(limit)),
            endpoint_limits: text
                .all_endpoints()
                .map(|(_, entry)| entry.value.rate_limit.value.as_ref().map(|limit| self.rate_limit(limit)))
                .collect(),
            concurrency: text.concurrency.value.as_ref().map(|limit| self.concurrency(limit)),
        }
    }

    fn queue(&mut self, text: &At<QueueText>) -> Queue {
        let delay = match &text.delay.value {
            None => None,
            Some(DelayText::CoDel(codel)) => {
                Some(DelayControl::CoDel { target: codel.target.0, interval: codel.interval.0 })
            }
            Some(DelayText::Standing(standing)) => {
                if standing.target.0 > standing.interval.0 {
                    self.report(
                        standing.target.span,
                        "a standing queue would let its newcomers wait longer than a calm one",
                        Some("`target` is at most `interval`".into()),
                    );
                }
                Some(DelayControl::Standing { target: standing.target.0, interval: standing.interval.0 })
            }
        };
        Queue {
            order: match &text.order.value {
                OrderText::Fifo => Order::Fifo,
                OrderText::Lifo => Order::Lifo,
                OrderText::AdaptiveLifo(adaptive) => Order::AdaptiveLifo { threshold: adaptive.threshold.0 },
            },
            by_class: text.by_class.value,
            delay,
            maximum_age: text.maximum_age.value.map(|age| age.0),
            drops_expired: text.drops_expired.value,
            drops_abandoned: text.drops_abandoned.value,
            victim: match text.victim.value {
                VictimText::Arrival => Victim::Arrival,
                VictimText::Oldest => Victim::Oldest,
            },
            dropped: self.dropped(&text.dropped),
        }
    }

    pub(super) fn dropped(&mut self, text: &DroppedText) -> Rejection {
        match text {
            DroppedText::Refuse => Rejection::Refuse,
            DroppedText::Status(status) => self.status(status),
            DroppedText::Silent => Rejection::Silent,
        }
    }

    fn status(&mut self, text: &StatusText) -> Rejection {
        if text.status.0 > 599 {
            self.report(text.status.span, "an error's status lies between 400 and 599", None);
        }
        Rejection::Status(text.status.0.min(599) as u16)
    }
}

/// Classes by number: the most important is 0.
pub(super) fn class(text: &ClassText) -> u8 {
    match text {
        ClassText::CriticalPlus => 0,
        ClassText::Critical => 1,
        ClassText::SheddablePlus => 2,
        ClassText::Sheddable => 3,
    }
}
