//! nginx' error log, for the proxy beside a process that limits its requests.

use super::{Heading, Speaker, say};
use knockon_model::blueprint::Severity;
use knockon_model::record::LogEvent;

pub(super) fn word<'a>(speaker: &Speaker<'a>, event: &LogEvent, body: &mut String) -> Option<Heading<'a>> {
    let LogEvent::RateLimited { endpoint, excess_milli, delayed } = *event else { return None };
    let (method, route) = speaker.endpoint(endpoint);
    let name = &speaker.service.name;
    let (whole, thousandths) = (excess_milli / 1000, excess_milli % 1000);
    // By default delays are logged one level below rejections (`limit_req_log_level error`).
    let severity = if delayed {
        say!(body, "delaying request, excess: {whole}.{thousandths:03}, by zone \"{name}\"");
        Severity::Warn
    } else {
        say!(body, "limiting requests, excess: {whole}.{thousandths:03} by zone \"{name}\"");
        Severity::Error
    };
    say!(body, ", server: _, request: \"{method} {route} HTTP/1.1\", host: \"{name}\"");
    Some(Heading::new(severity, "nginx"))
}
