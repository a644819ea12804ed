//! Writes a synthetic run and says what it cost: `synthetic_run OUT REQUESTS none|inline|thread`.
//!
//! The same records are made in every mode; the difference of processor time to `none` is the recorder's and writer's own.

#![expect(clippy::print_stderr, reason = "a program that reports")]

use knockon_kernel::Duration;
use knockon_model::Null;
use knockon_telemetry::{Closing, Meta, Options, RunWriter};
use std::path::Path;
use std::time::Instant;

#[path = "../tests/common/mod.rs"]
mod common;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, out, requests, mode] = arguments.as_slice() else {
        panic!("usage: synthetic_run OUT REQUESTS none|inline|thread");
    };
    let requests: u64 = requests.parse().expect("REQUESTS is a number");
    let blueprint = common::blueprint();
    let catalogue = common::catalogue(&blueprint);
    let mut generator = common::Generator::new(&catalogue);
    let begin = Instant::now();
    let mut bytes = String::new();
    if mode == "none" {
        (0..requests).for_each(|_| generator.step(&mut Null));
        generator.finish(&mut Null);
    } else {
        let options = Options { threads: if mode == "thread" { 2 } else { 1 }, ..Options::default() };
        let writer = RunWriter::create(Path::new(out), Meta::default(), &catalogue, &blueprint, options)
            .expect("the run is staged");
        let mut recorder = writer.recorder().expect("the tables are opened");
        (0..requests).for_each(|_| generator.step(&mut recorder));
        generator.finish(&mut recorder);
        writer.write_truth_json("faults.json", &["none"]).expect("the document is written");
        let closing =
            Closing { run_digest: "synthetic".into(), simulated: Duration::from_secs(1), ..Closing::default() };
        let manifest = writer.finish(Some(recorder), None, closing).expect("the run is put in place");
        for (name, table) in &manifest.tables {
            let each = table.bytes as f64 / table.rows.max(1) as f64;
            bytes += &format!(" {name} {} rows {each:.1} B/row {};", table.rows, &table.digest[..8]);
        }
    }
    let wall = begin.elapsed().as_secs_f64();
    eprintln!(
        "{mode}: {} spans, {} rows, cpu {:.3} s, wall {wall:.3} s, peak {} MiB;{bytes}",
        generator.spans,
        generator.rows,
        cpu_s(),
        peak_mib()
    );
}

/// Processor time of this process in seconds.
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux tells a process' times");
    let fields: Vec<f64> =
        stat.rsplit(')').next().unwrap_or("").split_whitespace().skip(11).take(2).flat_map(str::parse).collect();
    fields.iter().sum::<f64>() / 100.0
}

/// Largest resident memory of this process so far.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells a process' memory");
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("0 0");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}
