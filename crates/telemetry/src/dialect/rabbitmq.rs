//! RabbitMQ's log (3.13). It has no line for a queue that is full, and none for a connection that it does not read.

use super::{Heading, Speaker, say};
use knockon_model::blueprint::{Runtime, Severity};
use knockon_model::record::LogEvent;

pub(super) fn word<'a>(speaker: &Speaker<'a>, event: &LogEvent, body: &mut String) -> Option<Heading<'a>> {
    let name = &speaker.service.name;
    let severity = match event {
        LogEvent::Starting => {
            body.push_str("Starting RabbitMQ 3.13.7 on Erlang 26.2.5");
            Severity::Info
        }
        LogEvent::Started { .. } => {
            body.push_str("Server startup complete; 4 plugins started.");
            Severity::Info
        }
        LogEvent::Stopping => {
            body.push_str("RabbitMQ is asked to stop...");
            Severity::Info
        }
        LogEvent::MemoryAlarm { on: true } => {
            say!(body, "memory resource limit alarm set on node rabbit@{name}.");
            Severity::Warn
        }
        LogEvent::MemoryAlarm { on: false } => {
            say!(body, "memory resource limit alarm cleared on node rabbit@{name}");
            Severity::Warn
        }
        LogEvent::ConsumerTimedOut { queue } => {
            let Runtime::Broker(broker) = &speaker.service.runtime else { return None };
            let queue = broker.queues.get(*queue as usize).map_or("", |queue| queue.name.as_str());
            let timeout = broker.transport.timeout().map_or(0, |timeout| timeout.as_nanos() / 1_000_000);
            say!(
                body,
                "Consumer None4 on channel 1 and queue '{queue}' in vhost '/' has timed out waiting for a consumer \
                 acknowledgement of a delivery. Timeout used: {timeout} ms. This timeout value can be configured, see consumers \
                 doc guide to learn more"
            );
            Severity::Error
        }
        _ => return None,
    };
    Some(Heading::new(severity, speaker.application))
}
