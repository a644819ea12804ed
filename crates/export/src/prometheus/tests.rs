use super::names;
use super::text::bound;
use super::{Families, Labels, Text, put_time, put_value};
use crate::series::Series;

fn series(name: &str, kind: &str, unit: &str, labels: &[(&str, &str)]) -> Series {
    Series {
        name: name.into(),
        unit: unit.into(),
        kind: kind.into(),
        service: "shop".into(),
        instance: "shop-0".into(),
        labels: labels.iter().map(|&(key, value)| (key.into(), value.into())).collect(),
    }
}

/// Headers and heads of lines, as one text.
fn shown(series: &[Series], labels: Labels, text: Text) -> String {
    let families = Families::of(series, labels);
    let of = |family: &super::Family| {
        let lines = family.metrics.iter().flat_map(|metric| &metric.lines);
        family.header(text) + &lines.map(|line| format!("{}#{}\n", line.head(text), line.series)).collect::<String>()
    };
    families.all.iter().map(of).collect()
}

#[test]
fn counters_are_named_without_total_and_timers_without_buckets_are_summaries() {
    let series = [
        series("http_requests_total", "counter", "{request}", &[("status", "200")]),
        series("acquire_seconds_sum", "histogram_sum", "s", &[]),
        series("acquire_seconds_count", "histogram_count", "1", &[]),
        series("acquire_seconds_max", "gauge", "s", &[]),
    ];
    let expected = "\
# TYPE acquire_seconds summary
# UNIT acquire_seconds seconds
# HELP acquire_seconds Measured in s.
acquire_seconds_count{job=\"shop\",instance=\"shop-0\"} #2
acquire_seconds_sum{job=\"shop\",instance=\"shop-0\"} #1
# TYPE acquire_seconds_max gauge
# HELP acquire_seconds_max Measured in s.
acquire_seconds_max{job=\"shop\",instance=\"shop-0\"} #3
# TYPE http_requests counter
# HELP http_requests Measured in {request}.
http_requests_total{job=\"shop\",instance=\"shop-0\",status=\"200\"} #0
";
    assert_eq!(shown(&series, Labels::Scraped, Text::OpenMetrics), expected);
    let plain = shown(&series[..1], Labels::Own, Text::Plain);
    assert_eq!(
        plain,
        "# HELP http_requests_total Measured in {request}.\n# TYPE http_requests_total counter\nhttp_requests_total{status=\"200\"} #0\n"
    );
}

#[test]
fn buckets_ascend_and_have_one_form_of_each_bound() {
    let bucket = |le| series("took_seconds_bucket", "histogram_bucket", "1", &[("le", le)]);
    let series = [
        bucket("+Inf"),
        bucket("10"),
        bucket("0.5"),
        series("took_seconds_sum", "histogram_sum", "s", &[]),
        series("took_seconds_count", "histogram_count", "1", &[]),
    ];
    let expected = "\
# TYPE took_seconds histogram
# UNIT took_seconds seconds
# HELP took_seconds Measured in s.
took_seconds_bucket{le=\"0.5\"} #2
took_seconds_bucket{le=\"10.0\"} #1
took_seconds_bucket{le=\"+Inf\"} #0
took_seconds_count #4
took_seconds_sum #3
";
    assert_eq!(shown(&series, Labels::Own, Text::OpenMetrics), expected);
    assert!(
        shown(&series, Labels::Own, Text::Plain).contains("{le=\"10\"}"),
        "the older format has what exporters write"
    );
}

#[test]
fn a_counter_that_is_not_called_total_keeps_its_name_and_loses_its_type() {
    let series = [series("pg_stat_database_blks_hit", "counter", "{block}", &[])];
    let families = Families::of(&series, Labels::Own);
    assert!(families.all[0].header(Text::OpenMetrics).starts_with("# TYPE pg_stat_database_blks_hit unknown\n"));
    assert!(families.all[0].header(Text::Plain).ends_with("# TYPE pg_stat_database_blks_hit counter\n"));
    assert!(families.changed[0].ends_with("_total: pg_stat_database_blks_hit"), "{:?}", families.changed);
}

#[test]
fn families_that_claim_each_others_names_keep_them_and_lose_their_types() {
    let series = [
        series("jobs_total", "counter", "1", &[]),
        series("jobs", "gauge", "1", &[]),
        series("jobs_done", "gauge", "1", &[]),
    ];
    let families = Families::of(&series, Labels::Own);
    let headers: Vec<_> = families.all.iter().map(|family| family.header(Text::OpenMetrics)).collect();
    assert!(headers[0].starts_with("# TYPE jobs unknown\n"), "{headers:?}");
    assert!(headers[1].starts_with("# TYPE jobs_done gauge\n"), "{headers:?}");
    assert!(headers[2].starts_with("# TYPE jobs_total unknown\n"), "{headers:?}");
    assert!(families.changed[0].ends_with("names: jobs"), "{:?}", families.changed);
}

#[test]
fn what_is_not_legal_is_escaped_and_what_the_target_has_is_exported() {
    let series = [series("http.requests_x", "gauge", "1", &[("instance", "a\"b\\c\nd"), ("http.route", "/")])];
    let shown = shown(&series, Labels::Scraped, Text::OpenMetrics);
    let expected = "U__http_2e_requests__x{job=\"shop\",instance=\"shop-0\",\
        exported_instance=\"a\\\"b\\\\c\\nd\",U__http_2e_route=\"/\"} #0\n";
    assert!(shown.ends_with(expected), "{shown}");
    let changed = &Families::of(&series, Labels::Scraped).changed;
    assert!(changed[0].contains("http.requests_x is U__http_2e_requests__x"), "{changed:?}");
}

#[test]
fn units_are_told_where_names_end_in_them() {
    assert_eq!(names::unit("took_seconds", "s"), Some("seconds"));
    assert_eq!(names::unit("took_time", "s"), None);
    assert_eq!(names::unit("xseconds", "s"), None, "a suffix begins with an underscore");
    assert_eq!(names::unit("took_seconds", "By"), None);
}

#[test]
fn numbers_have_all_their_digits_and_no_more() {
    let value = |value| {
        let mut out = String::new();
        put_value(&mut out, value);
        out
    };
    let numbers = [0.0, 5.0, 0.1, -2.5, 1e-7, 1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    assert_eq!(numbers.map(value), ["0", "5", "0.1", "-2.5", "1e-7", "1e300", "NaN", "+Inf", "-Inf"]);
    let time = |text, ns| {
        let mut out = String::new();
        put_time(&mut out, text, ns);
        out
    };
    assert_eq!(time(Text::OpenMetrics, 1_767_603_600_000_000_000), "1767603600");
    assert_eq!(time(Text::OpenMetrics, 1_767_603_600_123_000_000), "1767603600.123");
    assert_eq!(time(Text::OpenMetrics, 1_767_603_600_000_000_001), "1767603600.000000001");
    assert_eq!(time(Text::Plain, 1_767_603_600_123_456_789), "1767603600123");
    assert_eq!([0.005, 1.0, f64::INFINITY].map(bound), ["0.005", "1.0", "+Inf"]);
}
