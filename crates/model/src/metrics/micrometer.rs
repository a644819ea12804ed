//! Micrometer's metrics of a Spring Boot 3 application with an embedded Tomcat: requests, threads, the process.
//!
//! Source: `WebMvcMetrics` tags, `UptimeMetrics`, `ProcessorMetrics`, `TomcatMetrics` of Micrometer 1.13. Left out: the `exception`
//! and `error` tags, since which class a framework wraps an error in is not modelled.

use super::Reading as Series;
use super::listing::{Listing, statuses};
use super::process::Reading;
use crate::blueprint::{Cores, Operation, Service};

/// Requests, threads and the process.
pub(super) fn list(listing: &mut Listing, service: &Service) {
    let up = Series::Answers;
    listing.series(super::Scope::Always, "up", (crate::record::SeriesKind::Gauge, "1"), &[], up);
    for (index, endpoint) in service.endpoints.iter().enumerate() {
        let Operation::Http { method, route } = &endpoint.operation else { continue };
        for status in statuses(service, index) {
            let text = status.to_string();
            let labels = [("method", method.as_str()), ("outcome", outcome(status)), ("status", &text), ("uri", route)];
            listing.timer("http_server_requests_seconds", &labels, |part| Series::Requests {
                endpoint: Some(index as u16),
                status: Some(status),
                part,
            });
        }
    }
    if service.workers.is_some() {
        let labels = [("name", "http-nio-8080")];
        listing.gauge("tomcat_threads_busy_threads", "{thread}", &labels, Series::Process(Reading::Busy));
        listing.gauge("tomcat_threads_config_max_threads", "{thread}", &labels, Series::Process(Reading::Workers));
    }
    listing.gauge("process_uptime_seconds", "s", &[], Series::Process(Reading::Uptime));
    listing.gauge("process_start_time_seconds", "s", &[], Series::Process(Reading::Started));
    listing.counter("process_cpu_time_ns_total", "ns", &[], Series::Process(Reading::CpuNanoseconds));
    if let Cores::Milli(_) = service.cores {
        listing.gauge("process_cpu_usage", "1", &[], Series::Process(Reading::CpuUsage));
        listing.gauge("system_cpu_count", "{cpu}", &[], Series::Process(Reading::Cpus));
    }
}

/// Spring's `Outcome` of a status.
fn outcome(status: u16) -> &'static str {
    match status / 100 {
        1 => "INFORMATIONAL",
        2 => "SUCCESS",
        3 => "REDIRECTION",
        4 => "CLIENT_ERROR",
        5 => "SERVER_ERROR",
        _ => "UNKNOWN",
    }
}
