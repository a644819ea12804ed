//! The platform's restart back-off: how long after an exit a process is started again.
//!
//! **Kubernetes** (kubelet's `doBackOff`): the first restart is immediate, the next ones come 10 s after the exit, then 20 s and so
//! on up to 300 s; a process that ran for more than 10 min starts the series afresh. **Compose** (the Docker daemon's restart
//! manager): 100 ms, doubling up to a minute; ten seconds of running start it afresh. The kubelet's sync period is left out.

use crate::blueprint::RestartPolicy;
use knockon_kernel::Duration;
use serde::{Deserialize, Serialize};

/// Where one process stands in its policy's series of delays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restarts {
    policy: RestartPolicy,
    /// The next delay; `None` before the first exit and after a long run.
    next: Option<Duration>,
}

impl Restarts {
    /// A process that has never exited.
    #[must_use]
    pub const fn new(policy: RestartPolicy) -> Self {
        Self { policy, next: None }
    }

    /// How long after the next exit it is started again, unless it has run for long by then; `None` before the first exit.
    #[must_use]
    pub const fn pending(&self) -> Option<Duration> {
        self.next
    }

    /// The process has exited after running for `ran_for`. Returns how long after the exit it is started again; `None` never.
    pub fn on_exit(&mut self, ran_for: Duration) -> Option<Duration> {
        match self.policy {
            RestartPolicy::Never => None,
            RestartPolicy::Kubernetes { initial, maximum, reset } => {
                let Some(delay) = self.next.filter(|_| ran_for <= reset) else {
                    self.next = Some(initial);
                    return Some(Duration::ZERO);
                };
                self.next = Some(double(delay).min(maximum));
                Some(delay)
            }
            RestartPolicy::Compose { initial, maximum, reset } => {
                let delay = self.next.filter(|_| ran_for < reset).unwrap_or(initial).min(maximum);
                self.next = Some(double(delay).min(maximum));
                Some(delay)
            }
        }
    }
}

fn double(duration: Duration) -> Duration {
    duration.saturating_add(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUBERNETES: RestartPolicy = RestartPolicy::Kubernetes {
        initial: Duration::from_secs(10),
        maximum: Duration::from_secs(300),
        reset: Duration::from_secs(600),
    };
    const COMPOSE: RestartPolicy = RestartPolicy::Compose {
        initial: Duration::from_millis(100),
        maximum: Duration::from_secs(60),
        reset: Duration::from_secs(10),
    };

    #[test]
    fn delays_follow_the_platforms_series() {
        type Case<'a> = (&'a str, RestartPolicy, &'a [(u64, Option<u64>)]);
        // What the process ran for, and when it is started again after its exit, in ms.
        let cases: &[Case<'_>] = &[
            ("never", RestartPolicy::Never, &[(5, None), (900_000, None)]),
            ("crash loop", KUBERNETES, &[0, 10, 20, 40, 80, 160, 300, 300].map(|delay| (5_000, Some(delay * 1_000)))),
            (
                "forgotten after a long run",
                KUBERNETES,
                &[(5, Some(0)), (5, Some(10_000)), (5, Some(20_000)), (600_001, Some(0)), (5, Some(10_000))],
            ),
            ("ten minutes are not long enough", KUBERNETES, &[(5, Some(0)), (600_000, Some(10_000))]),
            ("long before the first exit", KUBERNETES, &[(9_000_000, Some(0)), (5, Some(10_000))]),
            (
                "compose",
                COMPOSE,
                &[100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 60_000, 60_000]
                    .map(|delay| (9_999, Some(delay))),
            ),
            (
                "compose forgets after ten seconds",
                COMPOSE,
                &[(5, Some(100)), (5, Some(200)), (10_000, Some(100)), (5, Some(200))],
            ),
        ];
        for (name, policy, exits) in cases {
            let mut restarts = Restarts::new(*policy);
            for (number, &(ran_for, expected)) in exits.iter().enumerate() {
                let delay = restarts.on_exit(Duration::from_millis(ran_for));
                assert_eq!(delay, expected.map(Duration::from_millis), "{name}, exit {number}");
            }
        }
    }
}
