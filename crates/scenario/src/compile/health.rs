//! Health endpoints and probes.

use super::Compiler;
use crate::language::{ProbeText, RestartText, ServiceText};
use crate::suggest;
use knockon_model::blueprint::{Health, Probe, ProbeKind};
use knockon_model::id::EndpointId;

/// Probes as paths name them.
pub(crate) const PROBES: [(&str, ProbeKind); 3] =
    [("liveness", ProbeKind::Liveness), ("readiness", ProbeKind::Readiness), ("startup", ProbeKind::Startup)];

impl Compiler<'_> {
    pub(super) fn health(&mut self, text: &ServiceText) -> Option<Health> {
        let health = text.health.value.as_ref()?;
        for (name, entry) in health.endpoints.iter() {
            if text.endpoints.entries.contains_key(name) {
                self.report(
                    entry.name,
                    format!("the endpoint {name:?} is given twice"),
                    Some("keep one of them".into()),
                );
            }
        }
        if !matches!(text.restart.value, RestartText::Kubernetes(_)) && !text.restart.broken {
            let hint = "leave `restart` to its default, or `health` away".to_owned();
            self.report(
                text.health.span,
                "only Kubernetes asks containers for their health and acts on it",
                Some(hint),
            );
        }
        let [liveness, readiness, startup] = PROBES.map(|(name, kind)| {
            let probe = health.probe(name)?;
            Some(self.probe(text, probe, kind))
        });
        if liveness.is_none() && readiness.is_none() && startup.is_none() && !text.health.broken {
            let hint = "give it `liveness`, `readiness` or `startup`".to_owned();
            self.report(text.health.span, "nobody asks for this health: it has no probe", Some(hint));
        }
        Some(Health { liveness, readiness, startup, propagation: health.propagation.value })
    }

    fn probe(&mut self, service: &ServiceText, text: &ProbeText, kind: ProbeKind) -> Probe {
        let endpoint = text.endpoint.value.as_ref().map(|wanted| {
            let found = service.all_endpoints().position(|(name, _)| name == wanted);
            let partial = service.endpoints.partial;
            if found.is_none() && !partial && !text.endpoint.broken {
                let hint = suggest::hint(wanted, service.all_endpoints().map(|(name, _)| name.as_str()));
                self.report(text.endpoint.span, format!("there is no endpoint {wanted:?}"), hint);
            }
            EndpointId(found.unwrap_or_default() as u32)
        });
        if text.successes.0 > 1 && kind != ProbeKind::Readiness && !text.successes.broken {
            let hint = "leave it away, or give it to `readiness`".to_owned();
            self.report(text.successes.span, "only of readiness may several successes be needed", Some(hint));
        }
        Probe {
            endpoint,
            period: text.period.0,
            timeout: text.timeout.0,
            failures: text.failures.0,
            successes: text.successes.0,
            initial_delay: text.initial_delay.value,
        }
    }
}
