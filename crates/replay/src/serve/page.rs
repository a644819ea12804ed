//! Pages beside the metrics: what there is, and the targets for whoever discovers them.

use serde_json::json;

/// What the server has, in a page.
pub(super) fn help<'a>(simulated_ns: u64, instances: impl Iterator<Item = &'a String>) -> String {
    let seconds = simulated_ns / 1_000_000_000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let targets: String = instances
        .map(|instance| {
            let instance = escaped(instance);
            format!("<li><a href=\"/metrics?instance={instance}\">/metrics?instance={instance}</a>\n")
        })
        .collect();
    format!(
        "<!doctype html><html lang=\"en\"><title>A simulated run</title><h1>A simulated run</h1>\n\
         <p>It is {hours}:{minutes:02}:{seconds:02} into the run.</p>\n\
         <ul><li><a href=\"/metrics\">/metrics</a>: all series, with job and instance\n\
         <li><a href=\"/metrics?exporter=platform\">/metrics?exporter=platform</a>: containers, as cAdvisor and kube-state-metrics know them\n\
         {targets}\
         <li><a href=\"/sd\">/sd</a>: these targets, for http_sd_configs\n\
         <li><a href=\"/-/healthy\">/-/healthy</a></ul></html>\n"
    )
}

/// Names come from scenarios, which others write.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Targets as `http_sd_configs` reads them, from services and instances.
pub(super) fn targets<'a>(address: &str, processes: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let of = |(service, instance)| {
        json!({
            "targets": [address],
            "labels": {"job": service, "instance": instance, "__param_instance": instance},
        })
    };
    let platform = json!({
        "targets": [address],
        "labels": {"job": "platform", "instance": "platform", "__param_exporter": "platform"},
    });
    let mut text = json!(processes.map(of).chain([platform]).collect::<Vec<_>>()).to_string();
    text.push('\n');
    text
}
