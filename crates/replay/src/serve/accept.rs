//! Which form of text a client wants, by its `Accept` header (RFC 9110, section 12.5.1).

use knockon_export::prometheus::Text;

/// OpenMetrics where the client names it and wants it no less than plain text.
pub(super) fn best(accept: &str) -> Text {
    let weight = |form: &str| {
        let ranges = accept.split(',').map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
            (name, weight)
        });
        ranges.filter(|(name, _)| name.eq_ignore_ascii_case(form)).map(|(_, weight)| weight).fold(0.0, f64::max)
    };
    let open = weight("application/openmetrics-text");
    if open > 0.0 && open >= weight("text/plain") { Text::OpenMetrics } else { Text::Plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_most_is_given() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
            text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(best(prometheus), Text::OpenMetrics);
        for plain in ["", "*/*", "text/html", "text/plain", "application/openmetrics-text;q=0.1,text/plain"] {
            assert_eq!(best(plain), Text::Plain, "{plain}");
        }
    }
}
