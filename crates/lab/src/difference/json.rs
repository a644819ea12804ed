//! The comparison for programs: everything that is known, with nothing left out but requests beyond those that were asked for.

use super::{Difference, EndpointDifference, Event, Events, Request, Requests, Run, Spans, TableDifference};
use knockon_model::record::Part;
use serde_json::{Map, Value, json};

impl Difference {
    /// For programs. Differences are those of B from A.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let [a, b] = &self.runs;
        json!({
            "same": self.is_none(),
            "a": run(a),
            "b": run(b),
            "notes": self.notes,
            "scenario": { "a": self.scenario[0], "b": self.scenario[1] },
            "events": self.events_json(),
            "tables": self.tables.iter().map(table).collect::<Vec<_>>(),
            "requests": self.requests.as_ref().map(|requests| self.requests_json(requests)),
            "components": self.spans.as_ref().map(spans),
        })
    }

    fn events_json(&self) -> Value {
        match &self.events {
            Events::Same => json!({ "same": true }),
            Events::Unknown(why) => json!({ "same": null, "why": why }),
            Events::Parted(parted) => json!({
                "same": parted.differing == [None, None],
                "held_differs_between_ns": parted.held_ns,
                "not_compared": { "a": parted.only[0], "b": parted.only[1] },
                "last_equal": parted.equal.as_ref().map(event),
                "a": parted.differing[0].as_ref().map(event),
                "b": parted.differing[1].as_ref().map(event),
            }),
        }
    }

    fn requests_json(&self, requests: &Requests) -> Value {
        let endpoints: Vec<_> = requests
            .endpoints()
            .into_iter()
            .map(|(source, name, difference)| {
                let mut told = counts(difference);
                told.insert("source".into(), source.into());
                told.insert("name".into(), name.into());
                told
            })
            .collect();
        let listed: Vec<_> = requests
            .listed()
            .into_iter()
            .map(|(asked, listed)| {
                let [a, b] = listed.ends.each_ref().map(|one| one.as_ref().map(|one| end(requests, one)));
                let parts = listed.ends[0].zip(listed.ends[1]).map(|(a, b)| {
                    parts(std::array::from_fn(|part| i128::from(b.parts[part]) - i128::from(a.parts[part])))
                });
                json!({
                    "source": asked.source,
                    "number": asked.number,
                    "name": asked.name,
                    "trace_id": format!("{:032x}", listed.trace),
                    "offset_ns": listed.sent_unix_ns.saturating_sub(self.runs[0].start_unix_ns),
                    "a": a,
                    "b": b,
                    "difference_ns": listed.difference_ns(),
                    "parts_difference": parts,
                })
            })
            .collect();
        let mut told = counts(&requests.total());
        told.insert("endpoints".into(), json!(endpoints));
        told.insert("listed".into(), json!(listed));
        told.into()
    }
}

fn run(run: &Run) -> Value {
    json!({
        "folder": run.folder,
        "written_by": run.written_by,
        "seed": run.seed,
        "simulated_ns": run.simulated_ns,
        "digest": run.digest,
    })
}

fn event(event: &Event) -> Value {
    json!({
        "number": event.number,
        "offset_ns": event.time_ns,
        "component": event.component,
        "trace_id": event.trace.map(|trace| format!("{trace:032x}")),
        "source": event.request.as_ref().map(|asked| &asked.source),
        "request": event.request.as_ref().map(|asked| asked.number),
        "text": event.text,
    })
}

fn table(table: &TableDifference) -> Value {
    let [a, b] = table
        .sides
        .each_ref()
        .map(|side| side.as_ref().map(|(rows, digest)| json!({ "rows": rows, "digest": digest })));
    json!({ "table": table.path, "same": table.is_same(), "a": a, "b": b })
}

fn counts(difference: &EndpointDifference) -> Map<String, Value> {
    let told = json!({
        "in_both": difference.in_both,
        "only_a": difference.only[0],
        "only_b": difference.only[1],
        "differing": difference.differing(),
        "other_outcome": difference.outcome,
        "other_latency": difference.slower + difference.faster,
        "slower_in_b": difference.slower,
        "faster_in_b": difference.faster,
        "only_parts": difference.elsewhere,
        "difference_ns": whole(difference.difference_ns),
        "mean_difference_ns": difference.mean_ns(),
        "parts_difference": parts(difference.parts_ns),
    });
    let Value::Object(told) = told else { unreachable!("it was written as an object") };
    told
}

fn spans(spans: &Spans) -> Value {
    let told = spans.components().into_iter().map(|(component, difference)| {
        json!({
            "component": component,
            "in_both": difference.in_both,
            "only_a": difference.only[0],
            "only_b": difference.only[1],
            "differing": difference.differing(),
            "other_status": difference.status,
            "other_duration": difference.longer + difference.shorter,
            "longer_in_b": difference.longer,
            "shorter_in_b": difference.shorter,
            "difference_ns": whole(difference.difference_ns),
            "mean_difference_ns": difference.mean_ns(),
        })
    });
    told.collect()
}

fn end(requests: &Requests, end: &Request) -> Value {
    json!({
        "outcome": if end.failed { "failed" } else { "answered" },
        "status": (end.status != 0).then_some(end.status),
        "error_type": end.error.map(|error| requests.words.word(error)),
        "latency_ns": end.latency_ns,
    })
}

/// By the columns of truth/requests.
fn parts(differences_ns: [i128; Part::COUNT]) -> Value {
    Part::ALL.into_iter().zip(differences_ns).map(|(part, ns)| (part.column().to_owned(), whole(ns))).collect()
}

/// Numbers beyond 292 years read as that.
fn whole(ns: i128) -> Value {
    i64::try_from(ns).unwrap_or(if ns < 0 { i64::MIN } else { i64::MAX }).into()
}
