//! Incidents that begin alike for whoever watches the service, and are told apart by truth and by `sim explain`.

use super::{end, sim};
use knockon_telemetry::RunReader;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What is told of a shipped scenario.
struct Told {
    /// The text of `sim explain`.
    text: String,
    /// What led to each state of each component, as words, and the faults that are said to be at the root.
    led: BTreeMap<(String, String), Vec<String>>,
    roots: Vec<String>,
}

impl Told {
    fn of(scenario: &str, until: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../scenarios/{scenario}.ron"));
        let ended = end(sim(folder.path()).arg("run").arg(path).args(["--out", "run", "--until", until]));
        assert!(folder.path().join("run/manifest.json").exists(), "{ended:?}");
        let text = end(sim(folder.path()).args(["explain", "run"])).out;
        let run = RunReader::open(&folder.path().join("run")).unwrap();
        let graphs: Value = serde_json::from_slice(&run.document("truth/propagation.json").unwrap().unwrap()).unwrap();
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let nodes = graphs[0]["nodes"].as_array().unwrap();
        let name = |id: &Value| {
            let node = nodes.iter().find(|node| node["id"] == *id).unwrap_or(&Value::Null);
            (word(&node["component"]), word(&node["words"]))
        };
        let mut led: BTreeMap<_, Vec<String>> = BTreeMap::new();
        for edge in graphs[0]["edges"].as_array().unwrap() {
            led.entry(name(&edge["to"])).or_default().push(word(&edge["mechanism"]));
        }
        let roots = graphs[0]["roots"].as_array().into_iter().flatten().map(word).collect();
        Self { text, led, roots }
    }

    fn line(&self, component: &str, what: &str) -> &str {
        let is = |line: &&str| line.split_whitespace().nth(1) == Some(component) && line.contains(what);
        self.text.lines().find(is).unwrap_or_else(|| panic!("no line of {component}: {what}\n{}", self.text))
    }

    fn has(&self, what: &str) -> bool {
        self.led.keys().any(|(_, words)| words == what)
    }
}

#[test]
fn a_flush_and_an_explosion_of_keys_are_told_apart() {
    let (flush, explosion) = (Told::of("cache_storm", "8min"), Told::of("cache_key_explosion", "8min"));
    for told in [&flush, &explosion] {
        told.line("redis", "more cache misses");
        told.line("web-api/pool", "callers wait for connections");
        told.line("clients", "responds more slowly");
    }
    assert!(flush.line("redis", "more cache misses").ends_with("fault `flush`"), "{}", flush.text);
    assert!(!flush.has("keys are evicted"), "nothing had to make room: {:?}", flush.led);
    assert!(explosion.line("crawler", "more load").ends_with("fault `crawler`"), "{}", explosion.text);
    assert!(explosion.line("redis", "keys are evicted").contains("more keys are put there"), "{}", explosion.text);
    assert!(
        explosion.line("redis", "more cache misses").contains("keys went to make room for others"),
        "{}",
        explosion.text
    );
    let misses = |told: &Told| told.led[&("redis".to_owned(), "more cache misses".to_owned())].clone();
    assert_ne!(misses(&flush), misses(&explosion), "what led to the misses is not the same in truth either");
    assert_eq!((flush.roots, explosion.roots), (vec!["flush".to_owned()], vec!["crawler".to_owned()]));
}

#[test]
fn a_slow_query_and_a_held_lock_are_told_apart() {
    let (slow, held) = (Told::of("slow_query_cascade", "12min"), Told::of("held_lock_cascade", "12min"));
    for told in [&slow, &held] {
        told.line("web-api/pool", "callers wait for connections");
        told.line("web-api/pool", "acquire timeouts");
        told.line("clients", "errors");
    }
    assert!(slow.line("postgres", "requests queue").contains("requests hold workers for longer"), "{}", slow.text);
    assert!(!slow.has("statements wait for locks"), "no table is locked: {:?}", slow.led);
    assert!(slow.text.contains("because of postgres/revenue_report, computing"), "{}", slow.text);
    assert!(held.line("postgres", "statements wait for locks").ends_with("fault `migration`"), "{}", held.text);
    assert!(!held.has("requests queue"), "the database has workers to spare: {:?}", held.led);
    assert!(held.text.contains("postgres (locks)"), "{}", held.text);
    assert_eq!((slow.roots, held.roots), (vec!["reports".to_owned()], vec!["migration".to_owned()]));
}
