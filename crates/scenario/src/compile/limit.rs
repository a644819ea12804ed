//! Limits: of rates, and of requests in work.

use super::Compiler;
use crate::decode::At;
use crate::language::{ConcurrencyText, ExcessText, RateLimitText};
use crate::leaf::{Count, Factor, Period, Rate};
use knockon_model::blueprint::{Algorithm, ConcurrencyLimit, RateLimit, RateLimitKind, Rejection};

impl Compiler<'_> {
    pub(super) fn rate_limit(&mut self, text: &RateLimitText) -> RateLimit {
        match text {
            RateLimitText::TokenBucket(bucket) => RateLimit {
                kind: RateLimitKind::TokenBucket,
                rate_milli: self.rate_milli(&bucket.rate),
                burst: bucket.burst.value.map_or_else(|| a_second_of(bucket.rate.value), |burst| burst.0),
                status: self.error_status(&bucket.status),
            },
            RateLimitText::LimitReq(limit) => {
                if limit.nodelay.value && limit.delay.0 > 0 {
                    self.report(limit.delay.span, "with `nodelay` nothing waits: there is no `delay` to set", None);
                }
                if limit.delay.0 > limit.burst.0 {
                    self.report(limit.delay.span, "more requests do not wait than the burst lets in", None);
                }
                RateLimit {
                    kind: RateLimitKind::LimitReq { undelayed: (!limit.nodelay.value).then_some(limit.delay.0) },
                    rate_milli: self.rate_milli(&limit.rate),
                    burst: limit.burst.0,
                    status: self.error_status(&limit.status),
                }
            }
        }
    }

    fn rate_milli(&mut self, rate: &At<Rate>) -> u64 {
        let milli = rate_milli(rate.value);
        if milli == 0 {
            self.report(rate.span, "a limit below a thousandth of a request a second lets nothing through", None);
        }
        milli.max(1)
    }

    fn error_status(&mut self, status: &At<Count<400>>) -> u16 {
        if status.0 > 599 {
            self.report(status.span, "an error's status lies between 400 and 599", None);
        }
        status.0.min(599) as u16
    }

    pub(super) fn concurrency(&mut self, text: &ConcurrencyText) -> ConcurrencyLimit {
        match text {
            ConcurrencyText::Fixed(fixed) => ConcurrencyLimit {
                algorithm: Algorithm::Fixed,
                initial: fixed.limit.0,
                minimum: fixed.limit.0,
                maximum: fixed.limit.0,
                window: None,
                excess: self.excess(&fixed.excess),
            },
            ConcurrencyText::Aimd(aimd) => {
                if !(0.5..1.0).contains(&aimd.backoff.0) {
                    self.report(aimd.backoff.span, "a factor of decrease lies from 0.5 to below 1", None);
                }
                ConcurrencyLimit {
                    algorithm: Algorithm::Aimd { backoff: aimd.backoff.0, timeout: aimd.timeout.0 },
                    ..self.bounds([&aimd.minimum, &aimd.initial, &aimd.maximum], &aimd.window, &aimd.excess)
                }
            }
            ConcurrencyText::Vegas(vegas) => ConcurrencyLimit {
                algorithm: Algorithm::Vegas {
                    smoothing: self.weight(&vegas.smoothing),
                    probe_multiplier: vegas.probe_multiplier.0,
                },
                ..self.bounds([&vegas.minimum, &vegas.initial, &vegas.maximum], &vegas.window, &vegas.excess)
            },
            ConcurrencyText::Gradient2(gradient) => {
                if gradient.tolerance.0 < 1.0 {
                    self.report(
                        gradient.tolerance.span,
                        "a tolerance is at least 1: times that stay are no load",
                        None,
                    );
                }
                ConcurrencyLimit {
                    algorithm: Algorithm::Gradient2 {
                        smoothing: self.weight(&gradient.smoothing),
                        queue: gradient.queue.0,
                        long_window: gradient.long_window.0,
                        tolerance: gradient.tolerance.0,
                    },
                    ..self.bounds(
                        [&gradient.minimum, &gradient.initial, &gradient.maximum],
                        &gradient.window,
                        &gradient.excess,
                    )
                }
            }
        }
    }

    fn bounds(
        &mut self,
        [minimum, initial, maximum]: [&At<Count<1>>; 3],
        window: &At<Option<Period>>,
        excess: &ExcessText,
    ) -> ConcurrencyLimit {
        if minimum.0 > maximum.0 {
            self.report(minimum.span, "the lowest limit is above the highest", None);
        } else if !(minimum.0..=maximum.0).contains(&initial.0) {
            self.report(
                initial.span,
                format!("the first limit of {} lies outside {} … {}", initial.0, minimum.0, maximum.0),
                None,
            );
        }
        ConcurrencyLimit {
            algorithm: Algorithm::Fixed,
            initial: initial.0,
            minimum: minimum.0,
            maximum: maximum.0.max(minimum.0),
            window: window.value.map(|window| window.0),
            excess: self.excess(excess),
        }
    }

    fn weight(&mut self, weight: &At<Factor>) -> f64 {
        if weight.0 > 1.0 {
            self.report(weight.span, "a weight is at most 1", None);
        }
        weight.0
    }

    fn excess(&mut self, text: &ExcessText) -> Option<Rejection> {
        match text {
            ExcessText::Queue => None,
            ExcessText::Reject(reject) => Some(self.dropped(&reject.told)),
        }
    }
}

/// Thousandths of a request a second, cut off as nginx does.
pub(super) fn rate_milli(rate: Rate) -> u64 {
    // A rate by the minute or hour is no whole float: what is a hair below a thousandth is one.
    (rate.0 * 1000.0 + 1e-6) as u64
}

fn a_second_of(rate: Rate) -> u32 {
    (rate.0 as u32).max(1)
}
