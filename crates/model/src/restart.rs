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
