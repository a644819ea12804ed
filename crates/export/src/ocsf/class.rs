//! What a record is to OCSF: its class, its activity, how severe it is.
//!
//! Source: the OCSF schema 1.8.0. Its classes are of security; what is nothing of the kind (a sample, a line that reports no error) is a base event.

/// A class, by its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Class {
    pub(super) category: i64,
    pub(super) number: i64,
    pub(super) name: &'static str,
}

pub(super) const BASE: Class = Class { category: 0, number: 0, name: "Base Event" };
pub(super) const HTTP: Class = Class { category: 4, number: 4002, name: "HTTP Activity" };
pub(super) const LIFECYCLE: Class = Class { category: 6, number: 6002, name: "Application Lifecycle" };
pub(super) const API: Class = Class { category: 6, number: 6003, name: "API Activity" };
pub(super) const DATASTORE: Class = Class { category: 6, number: 6005, name: "Datastore Activity" };
pub(super) const ERROR: Class = Class { category: 6, number: 6008, name: "Application Error" };

/// What was done, by its number within the class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Activity {
    pub(super) class: Class,
    pub(super) number: i64,
    pub(super) name: &'static str,
}

impl Activity {
    const fn of(class: Class, number: i64, name: &'static str) -> Self {
        Self { class, number, name }
    }

    /// The number of class and activity together.
    pub(super) const fn type_number(self) -> i64 {
        self.class.number * 100 + self.number
    }

    /// Of a span.
    pub(super) fn of_span(method: Option<&str>, database: Option<&str>, message: Option<&str>) -> Self {
        if let Some(method) = method {
            let (number, name) = match method {
                "CONNECT" => (1, "Connect"),
                "DELETE" => (2, "Delete"),
                "GET" => (3, "Get"),
                "HEAD" => (4, "Head"),
                "OPTIONS" => (5, "Options"),
                "POST" => (6, "Post"),
                "PUT" => (7, "Put"),
                "TRACE" => (8, "Trace"),
                "PATCH" => (9, "Patch"),
                _ => (99, "Other"),
            };
            return Self::of(HTTP, number, name);
        }
        if let Some(operation) = database {
            let (number, name) = match operation {
                "SELECT" | "GET" | "MGET" | "HGET" | "HGETALL" | "KEYS" | "SCAN" => (1, "Read"),
                "UPDATE" => (2, "Update"),
                "INSERT" | "SET" | "SETEX" | "MSET" | "HSET" => (5, "Write"),
                "DELETE" | "DEL" | "UNLINK" | "FLUSHALL" | "FLUSHDB" => (7, "Delete"),
                _ => (99, "Other"),
            };
            return Self::of(DATASTORE, number, name);
        }
        let (number, name) = match message {
            Some("publish") => (1, "Create"),
            Some("process" | "receive") => (2, "Read"),
            _ => (99, "Other"),
        };
        Self::of(API, number, name)
    }

    /// Of a line.
    pub(super) const fn of_line(severity: i64) -> Self {
        if severity >= 17 { Self::of(ERROR, 1, "General Error") } else { Self::sample() }
    }

    /// Of a sample, and of anything that the schema has no class for.
    pub(super) const fn sample() -> Self {
        Self::of(BASE, 99, "Other")
    }

    /// Of a change.
    pub(super) fn of_change(kind: &str) -> Self {
        let (number, name) = match kind {
            "deployment" | "configuration" => (8, "Update"),
            "exited" | "killing" => (4, "Stop"),
            "restarted" => (5, "Restart"),
            _ => (99, "Other"),
        };
        Self::of(LIFECYCLE, number, name)
    }
}

/// How severe a line is, by OpenTelemetry's number of its severity.
pub(super) const fn severity(number: i64) -> (i64, &'static str) {
    match number {
        ..=12 => (1, "Informational"),
        13..=16 => (3, "Medium"),
        17..=20 => (4, "High"),
        21.. => (6, "Fatal"),
    }
}

/// The number of what went well or did not.
pub(super) const fn status(failed: bool) -> (i64, &'static str) {
    if failed { (2, "Failure") } else { (1, "Success") }
}

/// OpenTelemetry's number for an error, which is what a span that failed is taken for.
pub(super) const fn severity_of_span(failed: bool) -> i64 {
    if failed { 17 } else { 9 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_class_and_activity() {
        assert_eq!(Activity::of_span(Some("GET"), None, None).type_number(), 400_203);
        assert_eq!(Activity::of_span(None, Some("SELECT"), None).type_number(), 600_501);
        assert_eq!(Activity::of_span(None, None, Some("publish")).type_number(), 600_301);
        assert_eq!((Activity::of_line(17).type_number(), Activity::of_line(9).type_number()), (600_801, 99));
        assert_eq!(Activity::of_change("deployment").type_number(), 600_208);
    }
}
