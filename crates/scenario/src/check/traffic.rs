//! How callers guard their links: what a retry budget leaves of the tries, whether a bulkhead is wide enough, whether anybody can be
//! ejected at all.

use super::formula::erlang_b;
use super::{Report, number, share, time};
use knockon_model::blueprint::{LinkEnd, RetryBudget, Step, TrafficPolicy};
use knockon_model::id::{LinkId, ServiceId};

/// Share of attempts that a bulkhead may turn away in the healthy state.
const CROWDED: f64 = 0.001;

impl Report<'_> {
    /// Tries a call, on average over all calls, when everything fails: retries and one, or what the budget leaves of them.
    pub(super) fn tries(&self, from: LinkEnd, callee: ServiceId, retries: u32) -> f64 {
        let wanted = f64::from(retries) + 1.0;
        let is_link = |policy: &&TrafficPolicy| {
            let link = &self.blueprint[policy.link];
            link.from == from && link.to == callee
        };
        let budget = self.blueprint.traffic.iter().find(is_link).and_then(|policy| policy.retry_budget);
        let share = |permille: u32| f64::from(permille) / 1e3;
        let allowed = match budget {
            None => return wanted,
            // Tokens run out when nothing succeeds any more.
            Some(RetryBudget::Grpc { .. }) => 1.0,
            Some(RetryBudget::Finagle { ratio_permille, .. }) => 1.0 + share(ratio_permille),
            // The retries are among the attempts that they are a share of.
            Some(RetryBudget::Envoy { permille, .. }) if permille < 1_000 => 1.0 / (1.0 - share(permille)),
            Some(RetryBudget::Envoy { .. }) => return wanted,
        };
        if allowed < wanted { allowed } else { wanted }
    }

    /// Lines about each link whose callers guard themselves.
    pub(super) fn traffic(&mut self) {
        for policy in &self.blueprint.traffic {
            self.bulkhead(policy);
            self.outlier(policy);
        }
    }

    /// λ·T attempts of a process are under way; of those that come, Erlang's loss formula turns a part away.
    fn bulkhead(&mut self, policy: &TrafficPolicy) {
        let Some(bulkhead) = policy.bulkhead else { return };
        let (rate, lasting) = self.attempts(policy.link);
        if rate == 0.0 {
            return;
        }
        let load = rate * lasting;
        let lost = erlang_b(bulkhead.maximum, load);
        let turned = if bulkhead.wait.is_zero() { "refused" } else { "made to wait" };
        self.line(
            lost < CROWDED,
            format!(
                "{}: {}/s · {} = {} of {} permits out in each caller, {} are {turned}",
                self.blueprint.link_name(policy.link),
                number(rate),
                time(lasting),
                number(load),
                bulkhead.maximum,
                share(lost)
            ),
        );
    }

    /// A share of few processes may be none of them.
    fn outlier(&mut self, policy: &TrafficPolicy) {
        let Some(outlier) = policy.outlier else { return };
        let replicas = self.blueprint[self.blueprint[policy.link].to].replicas;
        let share_of = u64::from(replicas) * u64::from(outlier.maximum_permille) / 1_000;
        let most = share_of.max(u64::from(outlier.always_one));
        let text = format!(
            "{}: at most {most} of {replicas} processes may be ejected at once",
            self.blueprint.link_name(policy.link)
        );
        self.line(most > 0, text);
    }

    /// Attempts a second of one caller over a link when nothing fails, and how long one takes on average.
    fn attempts(&self, link: LinkId) -> (f64, f64) {
        let described = &self.blueprint[link];
        let way = 2.0 * self.blueprint[described.latency].mean() / 1e9;
        let responses = &self.flow.responses[described.to.index()];
        let (mut rate, mut busy) = (0.0, 0.0);
        let mut add = |calls: f64, endpoint: usize| {
            rate += calls;
            busy += calls * (way + responses[endpoint]);
        };
        match described.from {
            LinkEnd::Source(id) => {
                let source = &self.blueprint[id];
                let total: f64 = source.mix.iter().map(|part| part.weight).sum();
                // A surge that has not begun sends nothing.
                let all = if total > 0.0 { self.flow.rate(id.index()) } else { 0.0 };
                source.mix.iter().for_each(|part| add(all * part.weight / total, part.endpoint.index()));
            }
            LinkEnd::Service(from) => {
                let replicas = f64::from(self.blueprint[from].replicas);
                for endpoint in 0..self.blueprint[from].endpoints.len() {
                    let calls = self.flow.rates[from.index()][endpoint] / replicas;
                    self.flow.walk((from.index(), endpoint), &mut |step, often| match *step {
                        Step::Call { service, endpoint, .. } if service == described.to && calls > 0.0 => {
                            add(calls * often, endpoint.index());
                        }
                        _ => {}
                    });
                }
            }
        }
        (rate, if rate > 0.0 { busy / rate } else { 0.0 })
    }
}
