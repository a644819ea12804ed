//! Celery's worker, whatever the application around it is worded as: `celery.worker.strategy` and `celery.app.trace`.

use super::errors::{Callee, Language, exception};
use super::{Heading, Speaker, port, say};
use knockon_model::blueprint::{Operation, Runtime, Severity, Transport};
use knockon_model::id::EndpointId;
use knockon_model::record::{LogEvent, TaskEnd};

pub(super) fn word<'a>(speaker: &Speaker<'a>, event: &LogEvent, body: &mut String) -> Option<Heading<'a>> {
    Some(match *event {
        LogEvent::TaskReceived { endpoint, task } => {
            say!(body, "Task {}[{}] received", name(speaker, endpoint), Uuid(task));
            Heading::new(Severity::Info, "celery.worker.strategy")
        }
        LogEvent::TaskEnded { endpoint, task, end, took, error } => {
            let class = exception(error, Language::CPython, Callee::Sql);
            say!(body, "Task {}[{}] ", name(speaker, endpoint), Uuid(task));
            match end {
                TaskEnd::Succeeded => {
                    say!(body, "succeeded in {}s: None", took.as_secs_f64());
                    Heading::new(Severity::Info, "celery.app.trace")
                }
                TaskEnd::Retried => {
                    say!(body, "retry: Retry in {}s: {class}()", countdown(speaker, endpoint));
                    Heading::new(Severity::Info, "celery.app.trace")
                }
                TaskEnd::Failed => {
                    say!(body, "raised unexpected: {class}()");
                    Heading::new(Severity::Error, "celery.app.trace").error(class)
                }
            }
        }
        _ => return None,
    })
}

/// How the process of a worker begins and ends (`celery.worker.consumer.connection`, `celery.apps.worker`). A start says nothing before it has
/// its connection; the word of a warm shutdown goes to the standard error without a logger.
pub(super) fn life<'a>(speaker: &Speaker<'a>, event: &LogEvent, body: &mut String) -> Option<Heading<'a>> {
    match *event {
        LogEvent::Started { .. } => {
            let broker = speaker.service.consumers.first().map(|consumer| &speaker.blueprint[consumer.broker])?;
            match &broker.runtime {
                Runtime::Broker(described) if matches!(described.transport, Transport::Redis { .. }) => {
                    say!(body, "Connected to redis://{}:{}//", broker.name, port(&broker.runtime));
                }
                runtime => say!(body, "Connected to amqp://guest:**@{}:{}//", broker.name, port(runtime)),
            }
            Some(Heading::new(Severity::Info, "celery.worker.consumer.connection"))
        }
        LogEvent::Stopping => {
            body.push_str("worker: Warm shutdown (MainProcess)");
            Some(Heading::new(Severity::Warn, "celery.worker"))
        }
        _ => None,
    }
}

fn name<'a>(speaker: &Speaker<'a>, endpoint: EndpointId) -> &'a str {
    match &speaker.service.endpoints[endpoint.index()].operation {
        Operation::Process { task, .. } => task,
        _ => "",
    }
}

fn countdown(speaker: &Speaker<'_>, endpoint: EndpointId) -> u64 {
    use knockon_model::blueprint::OnFailure;
    let consumer = speaker.service.consumers.iter().find(|consumer| consumer.endpoint == endpoint);
    match consumer.map(|consumer| consumer.on_failure) {
        Some(OnFailure::Retry { countdown, .. }) => countdown.as_nanos() / 1_000_000_000,
        _ => 0,
    }
}

/// A task's id as Celery writes it.
struct Uuid(u128);

impl std::fmt::Display for Uuid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Version 4 and its variant, as `uuid.uuid4` makes them.
        let bits = self.0 & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
        let part = |shift: u32, bits_wide: u32| (bits >> shift) & ((1 << bits_wide) - 1);
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            part(96, 32),
            part(80, 16),
            part(64, 16),
            part(48, 16),
            part(0, 48)
        )
    }
}
