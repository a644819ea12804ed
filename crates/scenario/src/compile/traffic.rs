//! What is said about a link's callers, to traffic policies.

use super::Compiler;
use crate::decode::At;
use crate::language::{BalanceText, BreakerText, BudgetText, LinkText};
use crate::leaf::Portion;
use crate::origin::Span;
use knockon_model::blueprint::{
    Balance, Breaker, Bulkhead, Hystrix, LinkEnd, Outlier, Resilience4j, RetryBudget, Runtime, Throttle, TrafficPolicy,
};
use knockon_model::id::{LinkId, ServiceId};

/// The most points on a ring.
const MAXIMUM_POINTS: u64 = 1_000_000;

/// A share in thousandths.
fn permille(share: &At<Portion>) -> u32 {
    (share.0 * 1_000.0).round() as u32
}

impl Compiler<'_> {
    /// The policy of a link, where the text has something about it.
    pub(super) fn traffic(&mut self, link: LinkId, (from, to): (LinkEnd, ServiceId), text: &LinkText) {
        let policy = TrafficPolicy {
            link,
            balance: self.balance(&text.balance, (from, to)),
            outlier: text.outlier.value.as_ref().map(|outlier| Outlier {
                consecutive_5xx: outlier.consecutive_5xx.0,
                interval: outlier.interval.0,
                base_ejection: outlier.base_ejection.0,
                maximum_ejection: outlier.maximum_ejection.0,
                maximum_permille: permille(&outlier.maximum_share),
                always_one: outlier.always_one.value,
                panic_permille: permille(&outlier.panic_share),
            }),
            breaker: text.breaker.value.as_ref().map(|breaker| self.breaker(breaker, text.breaker.span)),
            retry_budget: text.retry_budget.value.as_ref().map(budget),
            bulkhead: text
                .bulkhead
                .value
                .as_ref()
                .map(|bulkhead| Bulkhead { maximum: bulkhead.maximum.0, wait: bulkhead.wait.value }),
            throttle: text
                .throttle
                .value
                .as_ref()
                .map(|throttle| Throttle { k: throttle.k.0, window: throttle.window.0 }),
        };
        if let Some(outlier) = &text.outlier.value
            && outlier.maximum_ejection.0 < outlier.base_ejection.0
        {
            self.report(outlier.maximum_ejection.span, "the longest ejection is shorter than the first", None);
        }
        if policy == TrafficPolicy::plain(link) {
            return;
        }
        let database = self.blueprint.services.get(to.index()).filter(|s| matches!(s.runtime, Runtime::Postgres(_)));
        if let Some(database) = database {
            let message =
                format!("{:?} is reached over pooled connections: nothing guards single attempts", database.name);
            let hint = "the pool's `maximum` and `acquire_timeout` bound them; guard the calls of its clients".into();
            self.report(text.span_of_traffic(), message, Some(hint));
            return;
        }
        self.blueprint.traffic.push(policy);
    }

    fn balance(&mut self, text: &At<BalanceText>, (from, to): (LinkEnd, ServiceId)) -> Balance {
        match &text.value {
            BalanceText::Random => Balance::Random,
            BalanceText::RoundRobin => Balance::RoundRobin,
            BalanceText::LeastRequest(least) => Balance::LeastRequest { choices: least.choices.0 },
            BalanceText::PeakEwma(ewma) => Balance::PeakEwma { decay: ewma.decay.0 },
            BalanceText::ConsistentHash(ring) => {
                let replicas = self.blueprint.services.get(to.index()).map_or(1, |service| service.replicas);
                if u64::from(replicas) * u64::from(ring.points.0) > MAXIMUM_POINTS {
                    self.report(ring.points.span, format!("more than {MAXIMUM_POINTS} points on the ring"), None);
                }
                let keys = ring.keys.value.as_ref().and_then(|keys| {
                    let (from, callee) = self.edge_names((from, to));
                    let keys = At { value: keys.clone(), span: ring.keys.span, broken: ring.keys.broken };
                    self.find_keys_of(&[&from, &callee], &keys).map(|(id, _)| id)
                });
                Balance::ConsistentHash { keys, points: ring.points.0 }
            }
        }
    }

    fn breaker(&mut self, text: &BreakerText, span: Span) -> Breaker {
        match text {
            BreakerText::Resilience4j(text) => {
                for share in [&text.failure_rate, &text.slow_call_rate] {
                    self.above_zero(share);
                }
                let slow = text.slow_call.value.map(|slow| (slow.0, permille(&text.slow_call_rate)));
                Breaker::Resilience4j(Resilience4j {
                    window: text.window.0,
                    minimum_calls: text.minimum_calls.0,
                    failure_permille: permille(&text.failure_rate),
                    slow,
                    wait: text.wait.0,
                    half_open_calls: text.half_open_calls.0,
                })
            }
            BreakerText::Hystrix(text) => {
                self.above_zero(&text.error_share);
                let (window, snapshot) = (text.window.0, text.snapshot.0);
                if !window.as_nanos().is_multiple_of(snapshot.as_nanos().max(1)) {
                    let hint = "Hystrix cuts its window into buckets of the snapshot interval".into();
                    self.report(span, "the window is no multiple of the snapshot interval", Some(hint));
                }
                Breaker::Hystrix(Hystrix {
                    volume: text.volume.0,
                    error_permille: permille(&text.error_share),
                    sleep: text.sleep.0,
                    window,
                    snapshot,
                })
            }
        }
    }

    fn above_zero(&mut self, share: &At<Portion>) {
        if !share.broken && permille(share) == 0 {
            self.report(share.span, "a threshold of zero is always reached", None);
        }
    }
}

fn budget(text: &BudgetText) -> RetryBudget {
    match text {
        BudgetText::Grpc(text) => {
            RetryBudget::Grpc { maximum_tokens: text.maximum_tokens.0, ratio_permille: permille(&text.token_ratio) }
        }
        BudgetText::Finagle(text) => RetryBudget::Finagle {
            ratio_permille: permille(&text.share),
            minimum_per_second: text.minimum_per_second.0,
            ttl: text.ttl.0,
        },
        BudgetText::Envoy(text) => RetryBudget::Envoy { permille: permille(&text.share), minimum: text.minimum.0 },
    }
}

impl LinkText {
    /// Where the text begins to speak of its callers.
    fn span_of_traffic(&self) -> Span {
        let said = [
            (self.outlier.is_some(), self.outlier.span),
            (self.breaker.is_some(), self.breaker.span),
            (self.retry_budget.is_some(), self.retry_budget.span),
            (self.bulkhead.is_some(), self.bulkhead.span),
            (self.throttle.is_some(), self.throttle.span),
        ];
        said.into_iter().find(|(is, _)| *is).map_or(self.balance.span, |(_, span)| span)
    }
}
