use super::{Draft, DraftFault, DraftRuntime};
use crate::{Options, Scenario, check};
use knockon_kernel::Duration;

const RUNTIMES: [DraftRuntime; 4] = [DraftRuntime::Jvm, DraftRuntime::Node, DraftRuntime::Python, DraftRuntime::Native];

fn draft(services: usize, runtime: DraftRuntime, database: bool, cache: bool, rate: f64) -> Draft {
    Draft {
        services: ["api", "orders", "stock", "billing", "mail"][..services].iter().map(|&name| name.into()).collect(),
        runtime,
        database,
        cache,
        rate,
        duration: Duration::from_secs(1800),
        fault: DraftFault::Nothing,
    }
}

fn options() -> Options {
    Options { seed: 1, duration: None, overrides: Vec::new(), without: Vec::new() }
}

#[test]
fn every_choice_is_healthy() {
    for services in [1, 2, 3, 5] {
        for runtime in RUNTIMES {
            for (database, cache) in [(false, false), (false, true), (true, false), (true, true)] {
                for rate in [0.1, 1.0, 10.0, 90.0, 700.0, 5_000.0] {
                    let draft = draft(services, runtime, database, cache, rate);
                    let text = draft.text("mine.ron").unwrap();
                    let loaded =
                        Scenario::from_text("mine", &text, &options(), &|_| unreachable!("a draft names no file"))
                            .unwrap_or_else(|errors| panic!("{errors}\n{text}"));
                    let unhealthy: Vec<_> = check(&loaded).into_iter().filter(|line| !line.healthy).collect();
                    assert!(unhealthy.is_empty(), "{draft:?}: {unhealthy:#?}");
                }
            }
        }
    }
}

#[test]
fn every_fault_is_one_of_the_language_and_stands_in_the_middle() {
    for fault in [DraftFault::SlowQuery, DraftFault::Surge, DraftFault::Pause] {
        for minutes in [3, 30, 600] {
            let duration = Duration::from_secs(minutes * 60);
            let draft = Draft { fault, duration, ..draft(3, DraftRuntime::Jvm, true, true, 10.0) };
            let text = draft.text("mine.ron").unwrap();
            let loaded = Scenario::from_text("mine", &text, &options(), &|_| unreachable!("a draft names no file"))
                .unwrap_or_else(|errors| panic!("{errors}\n{text}"));
            assert!(check(&loaded).iter().all(|line| line.healthy), "{text}");
            let (at, until) = match minutes {
                3 => ("1min", "90s"),
                30 => ("10min", "15min"),
                _ => ("200min", "5h"),
            };
            assert!(text.contains(&format!("at: \"{at}\"")) && text.contains(&format!("until: \"{until}\"")), "{text}");
        }
    }
}

#[test]
fn what_cannot_be_is_told_all_at_once() {
    let mut draft = draft(3, DraftRuntime::Node, false, true, 1e9);
    draft.services = vec!["API".into(), "redis".into(), "mail".into(), "mail".into()];
    draft.duration = Duration::from_secs(10);
    draft.fault = DraftFault::SlowQuery;
    let told = draft.text("mine.ron").unwrap_err();
    for part in ["\"API\" cannot be a name", "`redis` is that of something else", "two services `mail`"] {
        assert!(told.iter().any(|line| line.contains(part)), "{part}: {told:?}");
    }
    for part in ["to 5000/s", "less than 3min", "no query without a database"] {
        assert!(told.iter().any(|line| line.contains(part)), "{part}: {told:?}");
    }
    assert_eq!(told.len(), 6, "{told:?}");
}
