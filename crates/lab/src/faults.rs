//! The file `truth/faults.json`: what was set, on what, when, from what to what.

use crate::Calendar;
use knockon_kernel::Time;
use knockon_model::blueprint::{Contrast, Fault};
use serde::Serialize;

/// The faults that acted before a run ended; those that were not taken back by then have no end.
#[must_use]
pub fn acted(faults: &[Fault], end: Time) -> Vec<Fault> {
    let acted = faults.iter().filter(|fault| fault.at <= end).cloned();
    acted.map(|fault| Fault { until: fault.until.filter(|&until| until <= end), ..fault }).collect()
}

/// Every fault of a run, in order of time, then of name.
#[must_use]
pub fn document(faults: &[Fault], calendar: Calendar) -> impl Serialize + '_ {
    let mut sorted: Vec<_> = faults.iter().collect();
    sorted.sort_by(|a, b| (a.at, &a.name).cmp(&(b.at, &b.name)));
    sorted.into_iter().map(|fault| row(fault, calendar)).collect::<Vec<_>>()
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    kind: &'a str,
    component: &'a str,
    time: String,
    offset_ns: u64,
    until: Option<String>,
    until_offset_ns: Option<u64>,
    contrast: &'static str,
    settings: Vec<Setting<'a>>,
}

#[derive(Serialize)]
struct Setting<'a> {
    path: &'a str,
    from: &'a str,
    to: &'a str,
}

fn row(fault: &Fault, calendar: Calendar) -> Row<'_> {
    Row {
        name: &fault.name,
        kind: &fault.kind,
        component: &fault.component,
        time: calendar.rfc3339(fault.at),
        offset_ns: fault.at.as_nanos(),
        until: fault.until.map(|until| calendar.rfc3339(until)),
        until_offset_ns: fault.until.map(|until| until.as_nanos()),
        contrast: match fault.contrast {
            Contrast::Nothing => "nothing",
            Contrast::SameDeploy => "same deploy without the defect",
        },
        settings: fault.settings.iter().map(|(path, from, to)| Setting { path, from, to }).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_happen_is_not_told() {
        let at = |ns| Time::from_nanos(ns);
        let fault = |name: &str, from, until: Option<u64>| Fault {
            name: name.into(),
            component: "web".into(),
            settings: Vec::new(),
            kind: "set".into(),
            at: at(from),
            until: until.map(at),
            contrast: Contrast::Nothing,
        };
        let faults = [fault("over", 1, Some(5)), fault("on", 9, Some(11)), fault("late", 11, None)];
        let told: Vec<_> = acted(&faults, at(10)).into_iter().map(|fault| (fault.name, fault.until)).collect();
        assert_eq!(told, [("over".to_owned(), Some(at(5))), ("on".to_owned(), None)]);
    }

    #[test]
    fn in_order_of_time_with_every_setting() {
        let leak = Fault {
            name: "leak".into(),
            component: "web-api".into(),
            settings: vec![("web-api/checkout.retain".into(), "0 B".into(), "2 MiB".into())],
            kind: "deploy".into(),
            at: Time::from_nanos(600_000_000_000),
            until: None,
            contrast: Contrast::SameDeploy,
        };
        let surge = Fault {
            name: "surge".into(),
            at: Time::from_nanos(1),
            until: Some(Time::from_nanos(2)),
            contrast: Contrast::Nothing,
            ..leak.clone()
        };
        let json = serde_json::to_value(document(&[leak, surge], Calendar { epoch_unix_ns: 0 })).unwrap();
        assert_eq!(json[0]["name"], "surge");
        assert_eq!(json[0]["until_offset_ns"], 2);
        assert_eq!(json[1]["time"], "1970-01-01T00:10:00.000000000Z");
        assert_eq!(json[1]["until"], serde_json::Value::Null);
        assert_eq!(json[1]["settings"][0]["to"], "2 MiB");
        assert_eq!(json[1]["contrast"], "same deploy without the defect");
    }
}
