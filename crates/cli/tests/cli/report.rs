//! `sim report`: what the page shows is what the tables have, and whatever a scenario calls things is text to it.

use super::{Ended, end, sim};
use knockon_telemetry::{Batch, RunReader};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A shop whose search gets slow for a while, with names that would do something if they were taken for more than text.
const SHOP: &str = r#"(
    title: "</script><img src=x onerror=alert(1)> & \"shop\"",
    duration: "20min", scrape: "10s",
    services: {"web": (
        runtime: Jvm(), workers: 20,
        pools: {"pool": HikariCp(database: "db", maximum: 4, acquire_timeout: "2s")},
        endpoints: {
            "GET /search": (steps: [Query("search"), Log(Warn, "<!--<script>")]),
            "GET /user": (steps: [Query("user")]),
        },
    )},
    databases: {"db": (queries: {
        "search": (demand: Exponential("20ms")), "user": (demand: Exponential("3ms")),
    })},
    load: {"clients": (target: "web", arrivals: Poisson("15/s"), mix: {"GET /search": 1, "GET /user": 2})},
    faults: {"slow": Set(at: "4min", until: "6min", set: {"db/search.demand": Exponential("1s")})},
)"#;

fn run(text: &str, arguments: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("shop.ron"), text).unwrap();
    let ended = end(sim(folder.path()).args(["run", "shop.ron", "--out", "run"]).args(arguments));
    assert!(folder.path().join("run/manifest.json").exists(), "{ended:?}");
    folder
}

fn report(folder: &Path, arguments: &[&str]) -> Ended {
    end(sim(folder).args(["report", "run"]).args(arguments))
}

/// The page, and the data in it.
fn page(folder: &Path) -> (String, Value) {
    let ended = report(folder, &[]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let page = fs::read_to_string(folder.join("run.html")).unwrap();
    let begin = r#"<script type="application/json" id="data">"#;
    let data = page.split_once(begin).unwrap().1.split_once("</script>").unwrap().0;
    let data = serde_json::from_str(data).unwrap();
    (page, data)
}

struct Tables {
    run: RunReader,
    start: i64,
    step: i64,
}

impl Tables {
    fn of(folder: &Path, data: &Value) -> Self {
        let run = RunReader::open(&folder.join("run")).unwrap();
        let start = run.manifest().start_unix_ns;
        Self { run, start, step: data["grid"]["step_ns"].as_i64().unwrap() }
    }

    fn each(&self, table: &str, columns: &[&str], mut take: impl FnMut(Row<'_>)) {
        for batch in self.run.read(table, columns).unwrap() {
            let batch = batch.unwrap();
            (0..batch.rows()).for_each(|row| take(Row(&batch, row)));
        }
    }

    /// The first window that ends at an instant or after it.
    fn window(&self, at: i64) -> usize {
        (0..).find(|window| (window + 1) * self.step >= at - self.start).unwrap() as usize
    }
}

/// A row, whose values are asked for by their place among the columns.
#[derive(Clone, Copy)]
struct Row<'b>(&'b Batch, usize);

impl Row<'_> {
    fn text(self, column: usize) -> Option<String> {
        self.0.text(column, self.1).map(str::to_owned)
    }

    fn integer(self, column: usize) -> Option<i64> {
        self.0.integer(column, self.1)
    }

    fn real(self, column: usize) -> Option<f64> {
        self.0.real(column, self.1)
    }

    fn is(self, column: usize) -> bool {
        self.0.answer(column, self.1) == Some(true)
    }

    fn id(self, column: usize) -> Option<u128> {
        self.0.id(column, self.1)
    }
}

/// How a request ended: after how long, and whether it failed.
type End = (i64, bool);

/// The least latency that so many of a hundred did not exceed, found by counting.
fn quantile(latencies: &[i64], percent: usize) -> Option<i64> {
    let enough =
        |&&one: &&i64| latencies.iter().filter(|&&other| other <= one).count() * 100 >= latencies.len() * percent;
    latencies.iter().filter(enough).min().copied()
}

#[test]
fn what_users_saw_is_what_the_tables_have_and_so_is_what_they_would_have_seen() {
    let folder = run(SHOP, &[]);
    let (_, data) = page(folder.path());
    let tables = Tables::of(folder.path(), &data);
    // Requests one by one, and what became of each without the fault.
    let mut requests: BTreeMap<i64, (String, i64, Option<End>, Option<End>)> = BTreeMap::new();
    tables.each("truth/requests", &["number", "name", "sent_time", "latency_ns", "outcome"], |at| {
        let ended = Some((at.integer(3).unwrap(), at.text(4).unwrap() == "failed"));
        requests.insert(at.integer(0).unwrap(), (at.text(1).unwrap(), at.integer(2).unwrap(), ended, ended));
    });
    let mut changed = 0;
    tables.each("truth/effects", &["number", "name", "sent_time", "without_latency_ns", "without_outcome"], |at| {
        let without = at.integer(3).map(|latency| (latency, at.text(4).unwrap() == "failed"));
        let request =
            requests.entry(at.integer(0).unwrap()).or_insert((at.text(1).unwrap(), at.integer(2).unwrap(), None, None));
        request.3 = without;
        changed += 1;
    });
    assert!(changed > 100, "{changed} requests differ");
    let (mut windows, mut twins) = (0, 0);
    for endpoint in data["endpoints"].as_array().unwrap() {
        for (window, _) in endpoint["fact"]["ended"].as_array().unwrap().iter().enumerate() {
            let of = |without: bool| {
                let own = requests
                    .values()
                    .filter(|(name, sent, ..)| endpoint["name"] == name.as_str() && tables.window(*sent) == window);
                let ended: Vec<End> =
                    own.filter_map(|(_, _, with, other)| if without { *other } else { *with }).collect();
                let latencies: Vec<i64> = ended.iter().map(|(latency, _)| *latency).collect();
                let failed = ended.iter().filter(|(_, failed)| *failed).count();
                serde_json::json!([
                    ended.len(),
                    failed,
                    quantile(&latencies, 50),
                    quantile(&latencies, 95),
                    quantile(&latencies, 99)
                ])
            };
            let shown = |world: &str| {
                let keys = ["ended", "failed", "p50", "p95", "p99"];
                Value::from(keys.map(|key| endpoint[world][key][window].clone()).to_vec())
            };
            assert_eq!(shown("fact"), of(false), "window {window} of {}", endpoint["name"]);
            windows += 1;
            if !endpoint["twin"]["ended"][window].is_null() {
                assert_eq!(shown("twin"), of(true), "window {window} of {} without the fault", endpoint["name"]);
                twins += 1;
            }
        }
    }
    assert_eq!((data["endpoints"].as_array().unwrap().len(), windows), (2, 240));
    assert!((40..=windows).contains(&twins), "{twins} windows were compared");
}

#[test]
fn how_full_things_were_is_what_was_sampled_and_incidents_are_what_the_documents_say() {
    let folder = run(SHOP, &[]);
    let (_, data) = page(folder.path());
    let tables = Tables::of(folder.path(), &data);
    // A level: connections in use.
    let (mut series, mut sampled, mut without) = (None, BTreeMap::new(), BTreeMap::new());
    tables.each("observed/series", &["series_id", "name"], |at| {
        if at.text(1).as_deref() == Some("hikaricp_connections_active") {
            series = at.integer(0);
        }
    });
    tables.each("observed/metrics", &["series_id", "time", "value"], |at| {
        if at.integer(0) == series && at.integer(1).unwrap() > tables.start {
            sampled.insert(tables.window(at.integer(1).unwrap()), at.real(2).unwrap());
        }
    });
    let incident = &data["incidents"][0];
    let contrast = incident["contrast"].as_i64();
    let mut hurt = BTreeMap::<String, BTreeSet<(i64, i64)>>::new();
    let columns = ["contrast", "component", "metric", "window_start", "window_end", "without_value", "hurt"];
    tables.each("truth/windows", &columns, |at| {
        if at.integer(0) != contrast {
            return;
        }
        let (start, end) = (at.integer(3).unwrap() - tables.start, at.integer(4).unwrap() - tables.start);
        if at.text(2).unwrap().starts_with("hikaricp_connections_active{") {
            without.insert(tables.window(end + tables.start), at.real(5).unwrap());
        }
        if at.is(6) {
            hurt.entry(at.text(1).unwrap()).or_default().insert((start, end));
        }
    });
    let pool = data["saturation"].as_array().unwrap().iter().find(|chart| chart["title"] == "connections of the pool");
    let line = &pool.unwrap()["lines"][0];
    assert_eq!(line["label"], "in use");
    assert!(without.len() > 5, "{without:?}");
    for (window, value) in line["fact"].as_array().unwrap().iter().enumerate() {
        assert_eq!(value.as_f64(), sampled.get(&window).copied(), "window {window}");
        if let Some(twin) = line["twin"][window].as_f64() {
            assert_eq!(Some(twin), without.get(&window).or(sampled.get(&window)).copied(), "window {window}");
        }
    }
    // Stretches are the windows that were hurt, and nothing else.
    for (component, stretches) in incident["hurt"].as_object().unwrap() {
        let windows = hurt.remove(component).unwrap_or_default();
        let stretches: Vec<(i64, i64)> = serde_json::from_value(stretches.clone()).unwrap();
        let length = |all: &mut dyn Iterator<Item = &(i64, i64)>| all.map(|(from, until)| until - from).sum::<i64>();
        assert_eq!(length(&mut stretches.iter()), length(&mut windows.iter()), "{component}");
        let within = |(from, until): &(i64, i64)| stretches.iter().any(|(begin, end)| begin <= from && until <= end);
        assert!(windows.iter().all(within), "{component}");
    }
    assert!(hurt.is_empty(), "{hurt:?} are in no stretch");
    let document: Value =
        serde_json::from_slice(&fs::read(folder.path().join("run/truth/incidents.json")).unwrap()).unwrap();
    for key in ["requests", "start", "undone", "compared_until", "recovery"] {
        for (name, value) in incident[key].as_object().unwrap() {
            assert_eq!(*value, document[0][key][name], "{key}.{name}");
        }
    }
    // Blame: every nanosecond of waiting between the first fault and the end of comparing.
    let mut waited = 0;
    let [from, until] = ["start", "compared_until"].map(|key| incident[key]["offset_ns"].as_i64().unwrap());
    tables.each("truth/blame", &["window_start", "window_end", "waited_ns"], |at| {
        if at.integer(0).unwrap() - tables.start >= from && at.integer(1).unwrap() - tables.start <= until {
            waited += at.integer(2).unwrap();
        }
    });
    let flows = incident["flows"].as_array().unwrap();
    assert_eq!(flows.iter().map(|flow| flow["waited_ns"].as_i64().unwrap()).sum::<i64>(), waited);
    assert!(waited > 1_000_000_000);
}

#[test]
fn requests_and_the_story_are_those_that_explain_tells() {
    let folder = run(SHOP, &[]);
    let (_, data) = page(folder.path());
    let shown = data["incidents"][0]["waterfalls"].as_array().unwrap();
    assert!(shown.len() >= 2, "{shown:?}");
    let tables = Tables::of(folder.path(), &data);
    let mut most = (0, 0);
    tables.each("truth/effects", &["hurt", "with_outcome", "difference_ns", "trace_id"], |at| {
        if at.is(0) && at.text(1).as_deref() == Some("answered") {
            most = most.max((at.integer(2).unwrap(), at.id(3).unwrap()));
        }
    });
    assert_eq!(shown[0]["waterfall"]["trace_id"], format!("{:032x}", most.1));
    for one in shown {
        let trace = one["waterfall"]["trace_id"].as_str().unwrap();
        let explained = end(sim(folder.path()).args(["explain", "run", "--format", "json", "--trace", trace]));
        assert_eq!(one["waterfall"], serde_json::from_str::<Value>(&explained.out).unwrap());
    }
    let explained = end(sim(folder.path()).args(["explain", "run"]));
    assert_eq!(data["incidents"][0]["story"], explained.out);
}

#[test]
fn names_are_text_to_the_page_and_the_same_run_gives_the_same_page() {
    let folder = run(SHOP, &[]);
    let (page, data) = page(folder.path());
    assert_eq!(data["run"]["title"], "</script><img src=x onerror=alert(1)> & \"shop\"");
    assert!(
        page.contains(
            "<title>&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt; &amp; &quot;shop&quot; – knockon</title>"
        )
    );
    assert_eq!((page.matches("<script").count(), page.matches("</script").count()), (3, 3), "the data and two scripts");
    assert!(!page.contains("<img") && !page.contains("<!--<"), "nothing of a name is markup");
    let policy =
        page.split_once("http-equiv=\"Content-Security-Policy\" content=\"").unwrap().1.split_once('"').unwrap().0;
    assert!(
        policy.starts_with("default-src 'none'; script-src 'sha256-") && !policy.contains("unsafe-eval"),
        "{policy}"
    );
    assert!(!page.contains("src=\"http") && !page.contains("@import") && !page.contains("<link"), "nothing is loaded");
    let again = report(folder.path(), &["--out", "again.html"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(fs::read_to_string(folder.path().join("again.html")).unwrap(), page);
}

#[test]
fn runs_without_truth_or_without_faults_have_a_page_too() {
    let folder = run(SHOP, &["--no-truth"]);
    let (_, data) = page(folder.path());
    assert!(data["incidents"].is_null() && data["faults"].as_array().unwrap().len() == 1);
    assert!(data["saturation"].as_array().is_some_and(|charts| !charts.is_empty()));
    let folder = run(SHOP, &["--without", "slow", "--until", "5min"]);
    let (_, data) = page(folder.path());
    assert!(
        data["incidents"].as_array().is_none_or(Vec::is_empty) && data["faults"] == serde_json::json!([]),
        "{data:.200}"
    );
}

#[test]
fn what_is_no_report_is_left_alone() {
    let folder = run(SHOP, &["--until", "1min"]);
    fs::write(folder.path().join("notes.html"), "<p>mine</p>").unwrap();
    let refused = report(folder.path(), &["--out", "notes.html"]);
    assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""), "{refused:?}");
    assert!(refused.err.contains("`notes.html` is there already and is no report of a run"), "{refused:?}");
    assert_eq!(fs::read_to_string(folder.path().join("notes.html")).unwrap(), "<p>mine</p>");
    let made = report(folder.path(), &["--out", "new/one.html"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    assert_eq!(report(folder.path(), &["--out", "new/one.html"]).code, Some(0), "an earlier report is replaced");
    let none = end(sim(folder.path()).args(["report", "nowhere"]));
    assert!(none.code == Some(2) && none.err.contains("`nowhere` is not the folder of a finished run"), "{none:?}");
}

#[test]
fn rates_are_what_counters_grew_by_also_where_a_scrape_failed_or_a_fault_came_between_two() {
    // Three seconds before a scrape: the first window that is compared goes on to the next one.
    let shop = SHOP.replace("at: \"4min\"", "at: \"247s\"");
    let failing = shop.replace("    duration:", "    observer: (metrics: (failed_scrapes: \"20 %\")),\n    duration:");
    for (text, all_answer) in [(shop, true), (failing, false)] {
        let folder = run(&text, &[]);
        let (_, data) = page(folder.path());
        let tables = Tables::of(folder.path(), &data);
        let (mut series, mut samples) = (None, Vec::new());
        tables.each("observed/series", &["series_id", "name", "service"], |at| {
            let is_it = at.text(1).as_deref() == Some("container_cpu_usage_seconds_total");
            if is_it && at.text(2).as_deref() == Some("db") {
                series = at.integer(0);
            }
        });
        tables.each("observed/metrics", &["series_id", "time", "value"], |at| {
            if at.integer(0) == series {
                samples.push((at.integer(1).unwrap() - tables.start, at.real(2).unwrap()));
            }
        });
        let contrast = data["incidents"][0]["contrast"].as_i64();
        let (mut with, mut without, mut longest) = (0.0, 0.0, 0);
        let columns = ["contrast", "component", "metric", "window_start", "window_end", "with_value", "without_value"];
        tables.each("truth/windows", &columns, |at| {
            let is_it = at.text(2).unwrap().starts_with("container_cpu_usage_seconds_total{");
            if at.integer(0) == contrast && is_it && at.text(1).as_deref() == Some("db") {
                with += at.real(5).unwrap();
                without += at.real(6).unwrap();
                longest = longest.max(at.integer(4).unwrap() - at.integer(3).unwrap());
            }
        });
        let charts = data["saturation"].as_array().unwrap();
        let chart = charts.iter().find(|chart| chart["title"] == "processor" && chart["component"] == "db").unwrap();
        let rates = |world: &str| -> Vec<Option<f64>> {
            chart["lines"][0][world].as_array().unwrap().iter().map(Value::as_f64).collect()
        };
        let (fact, twin) = (rates("fact"), rates("twin"));
        let step = tables.step as f64 / 1e9;
        let close = |a: f64, b: f64| (a - b).abs() < 1e-6 * (1.0 + b.abs());
        // All that was counted is there, once.
        let counted: f64 = fact.iter().flatten().sum::<f64>() * step;
        assert!(close(counted, samples.last().unwrap().1), "{counted} of {:?}", samples.last());
        for pair in samples.windows(2) {
            let [(before, old), (at, new)] = [pair[0], pair[1]];
            let window = tables.window(at + tables.start);
            let rate = (new - old) / ((at - before) as f64 / 1e9);
            assert!(close(fact[window].unwrap(), rate), "window {window}: {:?}, not {rate}", fact[window]);
        }
        // There is one at the beginning too, which belongs to no window.
        assert_eq!(samples.len() == fact.len() + 1, all_answer, "{} samples", samples.len());
        // And so is all that the fault did, whichever windows it was told of in.
        assert!(longest > tables.step, "a first window that is longer than the others");
        let pairs = fact.iter().zip(&twin).filter_map(|(fact, twin)| Some((*fact)? - (*twin)?));
        let more: f64 = pairs.sum::<f64>() * step;
        assert!(with - without > 10.0 && close(more, with - without), "{more}, not {}", with - without);
    }
}
