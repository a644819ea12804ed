//! `observed/changes`: what a deployment log and the platform's events would tell.

use super::arrays::{NULL, Words, times};
use super::declaration::{optional, required};
use super::{Encoder, Epoch, Kind, Table};
use arrow::array::{ArrayRef, StringArray};
use knockon_model::blueprint::{Blueprint, Endpoint, Operation};
use knockon_model::record::{Catalogue, ChangeKind, ChangeRecord, ProbeFailure};
use std::sync::Arc;

/// The table.
pub(super) static CHANGES: Table = Table {
    path: "observed/changes",
    meaning: "One row for each change, in the order of time: what a deployment log and the platform's events would tell.",
    columns: &[
        required("time", Kind::Time, "ns", "When it happened."),
        required(
            "kind",
            Kind::Word,
            "",
            "deployment, configuration, exited, restarted (the platform starts the process again, which serves when it has started up), unhealthy (a probe of the platform failed) or killing (the platform ends a container whose probe failed for good).",
        ),
        required("component", Kind::Word, "", "Service concerned."),
        optional("instance", Kind::Word, "", "Process concerned, where it is one."),
        optional("from", Kind::Word, "", "Version or state before; null where nobody announced it."),
        optional("to", Kind::Word, "", "Version or state after; null where nobody announced it."),
        required("message", Kind::Text, "", "The change in words."),
    ],
};

/// Makes change rows.
#[derive(Debug)]
pub(crate) struct Changes {
    epoch: Epoch,
    components: Vec<String>,
    instances: Vec<String>,
    /// Routes of each service's endpoints.
    routes: Vec<Vec<String>>,
}

impl Changes {
    pub(crate) fn new(catalogue: &Catalogue, blueprint: &Blueprint) -> Self {
        Self {
            epoch: Epoch(blueprint.epoch_unix_ns),
            components: blueprint.services.iter().map(|service| service.name.clone()).collect(),
            routes: blueprint.services.iter().map(|service| service.endpoints.iter().map(route).collect()).collect(),
            instances: catalogue.processes.iter().map(|process| process.instance.clone()).collect(),
        }
    }
}

fn route(endpoint: &Endpoint) -> String {
    match &endpoint.operation {
        Operation::Http { route, .. } => route.clone(),
        _ => endpoint.name.clone(),
    }
}

/// A change in words: kind, from, to (empty for unknown), message.
fn wording(kind: ChangeKind, component: &str, routes: &[String]) -> (&'static str, String, String, String) {
    match kind {
        ChangeKind::Deployment { from, to } => {
            let message = format!("deployed {component} 1.0.{to}, replacing 1.0.{from}");
            ("deployment", format!("1.0.{from}"), format!("1.0.{to}"), message)
        }
        ChangeKind::Configuration => {
            ("configuration", String::new(), String::new(), format!("configuration of {component} changed"))
        }
        ChangeKind::Exited { code, oom_killed } => {
            let reason = match (oom_killed, code) {
                (true, _) => "OOMKilled",
                (false, 0) => "Completed",
                (false, _) => "Error",
            };
            let message = format!("container {component} terminated: {reason}, exit code {code}");
            ("exited", "Running".into(), reason.into(), message)
        }
        ChangeKind::Restarted { count } => (
            "restarted",
            String::new(),
            "Running".into(),
            format!("Started container {component}, restart count {count}"),
        ),
        ChangeKind::Unhealthy { kind, endpoint, failure } => {
            let asked = endpoint.map(|endpoint| routes.get(endpoint.index()).map_or("/", String::as_str));
            (
                "unhealthy",
                String::new(),
                String::new(),
                format!("{} probe failed: {}", kind.name(), output(asked, failure)),
            )
        }
        ChangeKind::Killing { kind } => {
            let probe = kind.name().to_lowercase();
            let message = format!("Container {component} failed {probe} probe, will be restarted");
            ("killing", "Running".into(), String::new(), message)
        }
    }
}

/// What the kubelet's probers say. Pods have no addresses here: `POD_IP` stands for each.
fn output(route: Option<&str>, failure: ProbeFailure) -> String {
    const ADDRESS: &str = "POD_IP:8080";
    let Some(route) = route else {
        return match failure {
            ProbeFailure::Timeout => format!("dial tcp {ADDRESS}: i/o timeout"),
            _ => format!("dial tcp {ADDRESS}: connect: connection refused"),
        };
    };
    let get = format!("Get \"http://{ADDRESS}{route}\":");
    match failure {
        ProbeFailure::Timeout => {
            format!("{get} context deadline exceeded (Client.Timeout exceeded while awaiting headers)")
        }
        ProbeFailure::Refused => format!("{get} dial tcp {ADDRESS}: connect: connection refused"),
        ProbeFailure::Reset => format!("{get} EOF"),
        ProbeFailure::Status(status) => format!("HTTP probe failed with statuscode: {status}"),
    }
}

impl Encoder for Changes {
    type Record = ChangeRecord;
    const TABLE: &'static Table = &CHANGES;

    fn encode(&mut self, records: &[ChangeRecord]) -> Vec<ArrayRef> {
        let (mut kinds, mut components, mut instances) = (Words::default(), Words::default(), Words::default());
        let (mut from, mut to) = (Words::default(), Words::default());
        let mut keys: [Vec<i32>; 5] = Default::default();
        let mut messages = Vec::with_capacity(records.len());
        for record in records {
            let component = &self.components[record.service.index()];
            let (kind, before, after, message) = wording(record.kind, component, &self.routes[record.service.index()]);
            keys[0].push(kinds.key(kind));
            keys[1].push(components.key(component));
            keys[2].push(record.process.map_or(NULL, |process| instances.key(&self.instances[process.index()])));
            keys[3].push(from.key_or_null(&before));
            keys[4].push(to.key_or_null(&after));
            messages.push(message);
        }
        let [kind_keys, component_keys, instance_keys, from_keys, to_keys] = keys;
        vec![
            times(records.iter().map(|r| self.epoch.unix_ns(r.time))),
            kinds.column(kind_keys),
            components.column(component_keys),
            instances.column(instance_keys),
            from.column(from_keys),
            to.column(to_keys),
            Arc::new(StringArray::from(messages)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use knockon_model::blueprint::ProbeKind;
    use knockon_model::id::EndpointId;

    #[test]
    fn probes_fail_in_the_words_of_the_kubelet() {
        let routes = ["/api".to_owned(), "/healthz".to_owned()];
        let says = |kind, endpoint: Option<u32>, failure| {
            let endpoint = endpoint.map(EndpointId);
            wording(ChangeKind::Unhealthy { kind, endpoint, failure }, "web", &routes).3
        };
        let cases = [
            (
                says(ProbeKind::Liveness, Some(1), ProbeFailure::Timeout),
                "Liveness probe failed: Get \"http://POD_IP:8080/healthz\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
            ),
            (
                says(ProbeKind::Readiness, Some(1), ProbeFailure::Refused),
                "Readiness probe failed: Get \"http://POD_IP:8080/healthz\": dial tcp POD_IP:8080: connect: connection refused",
            ),
            (
                says(ProbeKind::Startup, None, ProbeFailure::Refused),
                "Startup probe failed: dial tcp POD_IP:8080: connect: connection refused",
            ),
            (
                says(ProbeKind::Readiness, Some(0), ProbeFailure::Status(503)),
                "Readiness probe failed: HTTP probe failed with statuscode: 503",
            ),
        ];
        for (said, expected) in cases {
            assert_eq!(said, expected);
        }
        let (kind, _, _, message) = wording(ChangeKind::Killing { kind: ProbeKind::Liveness }, "web", &routes);
        assert_eq!((kind, message.as_str()), ("killing", "Container web failed liveness probe, will be restarted"));
    }
}
