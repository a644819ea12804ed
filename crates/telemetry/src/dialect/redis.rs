//! Redis 7's server log. It has no line for a refused client or a command that finds memory full.

use super::{Heading, Speaker};
use knockon_model::blueprint::Severity;
use knockon_model::record::LogEvent;

pub(super) fn word<'a>(speaker: &Speaker<'a>, event: &LogEvent, body: &mut String) -> Option<Heading<'a>> {
    let (severity, line) = match event {
        LogEvent::Starting => (Severity::Info, "oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo"),
        LogEvent::Started { .. } => (Severity::Info, "Ready to accept connections tcp"),
        LogEvent::Stopping => (Severity::Info, "User requested shutdown..."),
        LogEvent::OutOfMemory { .. } => (Severity::Warn, "Out Of Memory allocating 16384 bytes!"),
        _ => return None,
    };
    body.push_str(line);
    Some(Heading::new(severity, speaker.application))
}
