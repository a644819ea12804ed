//! The text of the page.

use super::MARKER;
use super::report::Report;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// Apache ECharts, as `vendor/build` makes it.
const CHARTS: &str = include_str!("../../vendor/echarts.min.js");
const STYLE: &str = include_str!("../../assets/style.css");
const BODY: &str = include_str!("../../assets/body.html");
/// The page's own script, each file after those that it needs.
const SCRIPTS: [&str; 8] = [
    include_str!("../../assets/page/words.js"),
    include_str!("../../assets/page/elements.js"),
    include_str!("../../assets/page/topology.js"),
    include_str!("../../assets/page/timeline.js"),
    include_str!("../../assets/page/charts.js"),
    include_str!("../../assets/page/waterfall.js"),
    include_str!("../../assets/page/flows.js"),
    include_str!("../../assets/page/main.js"),
];

/// The page of a report.
pub(super) fn page(report: &Report) -> String {
    let script = format!("\"use strict\";\n(() => {{\n{}}})();\n", SCRIPTS.concat());
    let policy = format!(
        "default-src 'none'; script-src {} {}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'",
        hash(CHARTS),
        hash(&script)
    );
    let title = escaped(report.heading());
    let data = embedded(report);
    format!(
        "{MARKER}\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title} – knockon</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n{BODY}<script type=\"application/json\" id=\"data\">{data}</script>\n<script>{CHARTS}</script>\n\
         <script>{script}</script>\n</body>\n</html>\n"
    )
}

/// A script as a content security policy names it.
fn hash(script: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script.as_bytes())))
}

/// Text within HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// JSON within a script element, which nothing in it can end: no `<` is left.
fn embedded(report: &Report) -> String {
    let text = serde_json::to_string(report).unwrap_or_else(|error| unreachable!("plain data is JSON: {error}"));
    text.replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_that_browsers_compute() {
        // The example of the specification (CSP3, section 1.2.3 of usage): sha256 of `alert('Hello, world.');`.
        assert_eq!(hash("alert('Hello, world.');"), "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='");
    }

    #[test]
    fn text_stays_text() {
        assert_eq!(escaped("<script>\"&\"</script>"), "&lt;script&gt;&quot;&amp;&quot;&lt;/script&gt;");
    }

    #[test]
    fn scripts_cannot_end_early() {
        for script in SCRIPTS.into_iter().chain([CHARTS]) {
            assert!(!script.to_lowercase().contains("</script"), "it would end the element that it is in");
        }
    }
}
