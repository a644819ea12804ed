//! kube-state-metrics' view of a pod's container. Docker compose has nothing of the kind: there only
//! `container_start_time_seconds` tells of a restart.
//!
//! Without probes a container is ready once its process serves. The kubelet's `prober_probe_total` counts the answers to
//! probes, where there are any.

use super::listing::Listing;
use super::scrape::Target;
use super::{Reading as Series, Scope, flag};
use crate::blueprint::{ProbeKind, RestartPolicy, Service};
use crate::process::Life;
use crate::record::SeriesKind;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Reading {
    Restarts,
    LastTerminated(Reason),
    LastExitCode,
    BackingOff,
    Running,
    Ready,
    PodReady,
    Probes { kind: ProbeKind, passed: bool },
}

/// Why a container ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Reason {
    OomKilled,
    Error,
    Completed,
}

/// `kube_pod_container_*`, where the platform is Kubernetes.
pub(super) fn list(listing: &mut Listing, service: &Service) {
    if !matches!(service.restart, RestartPolicy::Kubernetes { .. }) {
        return;
    }
    let (container, pod) = (listing.service(), listing.instance());
    let labels = [("container", container.as_str()), ("namespace", "default"), ("pod", pod.as_str())];
    let mut add = |name: &str, kind, unit, reason: Option<&str>, reading| {
        let labels: Vec<_> = labels.into_iter().chain(reason.map(|reason| ("reason", reason))).collect();
        let name = format!("kube_pod_container_status_{name}");
        listing.series(Scope::Always, &name, (kind, unit), &labels, Series::Kubernetes(reading));
    };
    add("restarts_total", SeriesKind::Counter, "{restart}", None, Reading::Restarts);
    for (reason, word) in [(Reason::Completed, "Completed"), (Reason::Error, "Error"), (Reason::OomKilled, "OOMKilled")]
    {
        let reading = Reading::LastTerminated(reason);
        add("last_terminated_reason", SeriesKind::Gauge, "1", Some(word), reading);
    }
    add("last_terminated_exitcode", SeriesKind::Gauge, "1", None, Reading::LastExitCode);
    add("waiting_reason", SeriesKind::Gauge, "1", Some("CrashLoopBackOff"), Reading::BackingOff);
    add("running", SeriesKind::Gauge, "1", None, Reading::Running);
    add("ready", SeriesKind::Gauge, "1", None, Reading::Ready);
    let Some(health) = &service.health else { return };
    let mut add = |name: &str, form, more: &[(&str, &str)], reading| {
        let labels: Vec<_> = labels.into_iter().chain(more.iter().copied()).collect();
        listing.series(Scope::Always, name, form, &labels, Series::Kubernetes(reading));
    };
    add("kube_pod_status_ready", (SeriesKind::Gauge, "1"), &[("condition", "true")], Reading::PodReady);
    for kind in ProbeKind::ALL.into_iter().filter(|&kind| health.probe(kind).is_some()) {
        for (passed, result) in [(true, "successful"), (false, "failed")] {
            let more = [("probe_type", kind.name()), ("result", result)];
            add("prober_probe_total", (SeriesKind::Counter, "{probe}"), &more, Reading::Probes { kind, passed });
        }
    }
}

impl Reading {
    pub(super) fn value(self, target: &Target<'_>) -> Option<f64> {
        let process = target.process;
        let has_restarted = process.restart_count > 0;
        match self {
            Self::Restarts => Some(f64::from(process.restart_count)),
            // A reason that does not hold has no series.
            Self::LastTerminated(reason) => (has_restarted && reason == last_reason(target)).then_some(1.0),
            Self::LastExitCode => has_restarted.then_some(f64::from(process.exit_code)),
            Self::BackingOff => (process.life == Life::Down && !process.redeploys).then_some(1.0),
            Self::Running => Some(flag(target.exists)),
            Self::Ready | Self::PodReady => {
                let asked = process.watch.as_ref().map(|watch| watch.ready);
                Some(flag(asked.unwrap_or(process.life == Life::Running)))
            }
            Self::Probes { kind, passed } => {
                let (well, ill) = process.watch.as_ref()?.prober(kind)?.tally();
                let count = if passed { well } else { ill };
                (count > 0).then_some(count as f64)
            }
        }
    }
}

fn last_reason(target: &Target<'_>) -> Reason {
    match target.process.exit_code {
        _ if target.process.oom_killed_last => Reason::OomKilled,
        0 => Reason::Completed,
        _ => Reason::Error,
    }
}
