//! What faults do in shipped scenarios, against the same worlds without them.

mod support;

use knockon_kernel::Time;
use knockon_lab::truth::{Episode, Rows, Tally, Truth};
use knockon_model::{Stop, World};
use knockon_scenario::{Loaded, Options};
use support::load;

/// All that is concluded of a run.
struct Concluded {
    truth: Truth<false>,
    rows: Vec<Rows>,
}

fn conclude(loaded: &Loaded, threads: usize) -> Concluded {
    let mut fact = World::new(loaded.blueprint.clone());
    let mut truth = Truth::new(&loaded.blueprint, fact.catalogue(), threads, true);
    let mut tally = Tally::default();
    let end = Time::ZERO + loaded.blueprint.duration;
    truth.begin(&fact, &mut tally);
    let mut rows = Vec::new();
    loop {
        let stretch = truth.next();
        let read = truth
            .run(&stretch, |until| -> Result<_, Stop> {
                fact.run_until(until, &mut tally)?;
                Ok(fact.totals())
            })
            .expect("no limit is hit");
        rows.extend(truth.settle(&stretch, &read, &fact, &mut tally));
        if stretch.until == end {
            return Concluded { truth, rows };
        }
    }
}

fn tell(concluded: &Concluded) {
    for episode in &concluded.truth.episodes {
        let Episode { faults, from, until, settled, contrasts, .. } = episode;
        println!("episode {faults:?} {from:?} {until:?} {settled}");
        for contrast in contrasts {
            println!(" {:?} effect {} {:?}", contrast.kind, contrast.has_effect(), contrast.harm);
            for (reach, name) in contrast.reach.iter().zip(&concluded.truth.components().names) {
                println!("   {name}: {:?} {:?} hurt {}", reach.onset, reach.last, reach.hurt);
            }
            for (course, metric) in contrast.courses.iter().zip(concluded.truth.metrics().list()) {
                if course.labelled > 0 {
                    println!(
                        "     {}/{:?} {} onset {:?} last {:?} n {} peak {:?}",
                        metric.component, metric.part, metric.name, course.onset, course.last, course.labelled, course.peak
                    );
                }
            }
        }
    }
    let windows: usize = concluded.rows.iter().map(|rows| rows.windows.len()).sum();
    let effects: usize = concluded.rows.iter().map(|rows| rows.effects.len()).sum();
    println!("{windows} windows, {effects} effects");
}

#[test]
fn look() {
    for name in ["memory_leak", "pool_exhaustion"] {
        let began = std::time::Instant::now();
        let loaded = load(name, &Options::default());
        let concluded = conclude(&loaded, 2);
        println!("{name} {:?}", began.elapsed());
        tell(&concluded);
    }
}
