//! `sim serve`: what a scraper gets is what the tables have at that instant, and Ctrl-C is the way to end it.
#![cfg(unix)]

use super::{sim, small};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

struct Served {
    child: Child,
    address: String,
    err: BufReader<std::process::ChildStderr>,
}

impl Served {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let done = sim(folder).arg("run").arg(small()).args(["--out", "run", "--no-truth"]).output().unwrap();
        assert!(folder.join("run/manifest.json").exists(), "{done:?}");
        let mut command = sim(folder);
        command.args(["serve", "run", "--listen", "127.0.0.1:0"]).args(arguments).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut err = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        err.read_line(&mut line).unwrap();
        let address =
            line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_else(|| panic!("{line}"));
        Self { child, address: address.to_owned(), err }
    }

    /// The status line with the headers, and the body.
    fn get(&self, path: &str, accept: &str) -> (String, String) {
        self.ask("GET", path, accept)
    }

    fn ask(&self, method: &str, path: &str, accept: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n",
            self.address
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let sent = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let mut told = String::new();
        self.err.read_to_string(&mut told).unwrap();
        (self.child.wait().unwrap().code(), told)
    }
}

const OPEN: &str = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";

#[test]
fn forms_targets_and_the_way_to_end_it() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path(), &["--speed", "0.001"]);
    let (head, body) = served.get("/metrics", OPEN);
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("openmetrics-text; version=1.0.0"), "{head}");
    assert!(body.ends_with("# EOF\n") && body.contains("\nup{job=") && body.contains("# UNIT "), "{body}");
    let (head, body) = served.get("/metrics", "*/*");
    assert!(head.contains("text/plain; version=0.0.4") && !body.contains("# EOF"), "{head}");

    let (_, targets) = served.get("/sd", "*/*");
    let targets: serde_json::Value =
        serde_json::from_str(&targets[targets.find('[').unwrap()..=targets.rfind(']').unwrap()]).unwrap();
    let target = &targets[0];
    assert_eq!(target["targets"][0], served.address.as_str());
    let instance = target["labels"]["__param_instance"].as_str().unwrap();
    let (head, own) = served.get(&format!("/metrics?instance={instance}"), OPEN);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(!own.contains("job=") && !own.contains("\nup") && !own.contains("container_"), "{own}");
    let (_, platform) = served.get("/metrics?exporter=platform", OPEN);
    assert!(platform.contains("\ncontainer_") && platform.contains(&format!("instance=\"{instance}\"")), "{platform}");

    assert!(served.get("/-/healthy", "*/*").0.starts_with("HTTP/1.1 200"));
    assert!(served.get("/", "*/*").1.contains("into the run"));
    assert!(served.get("/metrics?instance=nobody", "*/*").0.starts_with("HTTP/1.1 404"));
    assert!(served.get("/other", "*/*").0.starts_with("HTTP/1.1 404"));
    let length = |head: &str| {
        let line =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        line.unwrap_or(0_usize)
    };
    let (head, body) = served.ask("HEAD", "/sd", "*/*");
    assert!(body.is_empty() && length(&head) == length(&served.get("/sd", "*/*").0) && length(&head) > 0, "{head}");
    let (head, _) = served.ask("POST", "/metrics", "*/*");
    assert!(head.starts_with("HTTP/1.1 405") && head.to_ascii_lowercase().contains("allow: get, head"), "{head}");
    // Whoever says nothing keeps nobody from anything.
    let silent = TcpStream::connect(&served.address).unwrap();
    assert!(served.get("/-/ready", "*/*").0.starts_with("HTTP/1.1 200"));
    let (code, told) = served.end("INT");
    assert_eq!(code, Some(0), "a connection that is there keeps nobody from ending it: {told}");
    drop(silent);
    assert!(told.contains("ended") && told.contains("4 scrapes answered"), "{told}");
}

#[test]
fn every_scrape_is_one_of_the_runs() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path(), &["--speed", "max", "--timestamps"]);
    let export =
        sim(folder.path()).args(["export", "run", "--format", "prometheus", "--out", "whole"]).output().unwrap();
    assert!(export.status.success());
    let whole = std::fs::read_to_string(folder.path().join("whole/metrics.om")).unwrap();
    let samples =
        |text: &str| text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>();
    let mut whole = samples(&whole);
    let instants: std::collections::BTreeSet<_> =
        whole.iter().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect();
    let mut scraped: Vec<_> = instants.iter().flat_map(|_| samples(&served.get("/metrics", OPEN).1)).collect();
    whole.sort();
    scraped.sort();
    assert!(scraped == whole, "{} samples of {}", scraped.len(), whole.len());
    assert_eq!(served.end("TERM").0, Some(143));
}

#[test]
fn all_targets_of_a_round_are_of_one_instant_where_the_scraper_sets_the_pace() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path(), &["--speed", "max", "--timestamps"]);
    let (_, targets) = served.get("/sd", "*/*");
    let targets: Vec<serde_json::Value> = serde_json::from_str(&targets).unwrap();
    let paths: Vec<_> = targets
        .iter()
        .map(|target| match target["labels"]["__param_instance"].as_str() {
            Some(instance) => format!("/metrics?instance={instance}"),
            None => "/metrics?exporter=platform".to_owned(),
        })
        .collect();
    assert!(paths.len() > 2, "{paths:?}");
    let instant = |path: &String| {
        let (head, body) = served.get(path, OPEN);
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let line = body.lines().find(|line| !line.starts_with('#')).unwrap();
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    let rounds: Vec<Vec<f64>> = (0..3).map(|_| paths.iter().map(instant).collect()).collect();
    for round in &rounds {
        assert!(round.iter().all(|at| *at == round[0]), "{rounds:?}");
    }
    assert!(rounds.windows(2).all(|pair| pair[0][0] < pair[1][0]), "{rounds:?}");
    assert_eq!(served.end("INT").0, Some(0));
}
