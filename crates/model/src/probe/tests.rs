//! Against a naive worker that keeps every answer and looks at them all.

use super::*;
use proptest::prelude::*;

const PROBE: Probe = Probe {
    endpoint: None,
    period: Duration::from_secs(10),
    timeout: Duration::from_secs(1),
    failures: 3,
    successes: 1,
    initial_delay: Duration::ZERO,
};

fn container(id: u64) -> Container {
    Container { id: Time::from_nanos(id), runs: true, started: true, age: Duration::from_secs(3_600) }
}

/// Answers in order, `None` where a row begins anew, and everything else recomputed from them.
struct Naive {
    kind: ProbeKind,
    probe: Probe,
    container: Time,
    answers: Vec<Option<bool>>,
    standing: Standing,
    held_for: Option<Time>,
    ticks: u64,
    open: Option<u64>,
    owed: bool,
}

impl Naive {
    fn new(kind: ProbeKind, probe: Probe) -> Self {
        Self {
            kind,
            probe,
            container: Time::ZERO,
            answers: vec![Some(true); 100],
            standing: Standing::Success,
            held_for: None,
            ticks: 0,
            open: None,
            owed: false,
        }
    }

    fn tick(&mut self, seen: Container) -> Option<u64> {
        self.ticks += 1;
        match self.open {
            Some(_) => {
                self.owed = true;
                None
            }
            None => self.ask(seen),
        }
    }

    fn ask(&mut self, seen: Container) -> Option<u64> {
        if seen.runs && seen.id != self.container {
            self.container = seen.id;
            self.standing = match self.kind {
                ProbeKind::Liveness => Standing::Success,
                ProbeKind::Readiness => Standing::Failure,
                ProbeKind::Startup => Standing::Unknown,
            };
        }
        if self.held_for == Some(self.container) {
            return None;
        }
        if !seen.runs {
            self.standing = Standing::Failure;
            return None;
        }
        let old_enough = seen.age >= self.probe.initial_delay;
        let its_turn = match self.kind {
            ProbeKind::Startup => !seen.started,
            _ => seen.started,
        };
        self.open = (old_enough && its_turn).then_some(self.ticks);
        self.open
    }

    fn end(&mut self, passed: bool) -> Option<Standing> {
        self.open = None;
        self.answers.push(Some(passed));
        let threshold = if passed { self.probe.successes } else { self.probe.failures } as usize;
        let row = self.answers.iter().rev().take_while(|answer| **answer == Some(passed)).count();
        if row < threshold {
            return None;
        }
        self.standing = if passed { Standing::Success } else { Standing::Failure };
        if !passed && self.kind != ProbeKind::Readiness {
            self.held_for = Some(self.container);
            self.answers.push(None);
        }
        Some(self.standing)
    }

    fn next(&mut self, seen: Container) -> Option<u64> {
        if std::mem::replace(&mut self.owed, false) { self.ask(seen) } else { None }
    }
}

#[derive(Clone, Debug)]
enum Act {
    Tick,
    Answer(bool),
    Restart,
    Stop,
    Started(bool),
    Age(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => Just(Act::Tick),
        6 => any::<bool>().prop_map(Act::Answer),
        1 => Just(Act::Restart),
        1 => Just(Act::Stop),
        1 => any::<bool>().prop_map(Act::Started),
        1 => (0..20_u64).prop_map(Act::Age),
    ]
}

proptest! {
    #[test]
    fn a_worker_does_what_one_that_keeps_every_answer_does(
        kind in 0..3_usize,
        failures in 1..5_u32,
        successes in 1..3_u32,
        delay in 0..10_u64,
        acts in prop::collection::vec(act(), 0..200),
    ) {
        let kind = ProbeKind::ALL[kind];
        let probe = Probe { failures, successes, initial_delay: Duration::from_secs(delay), ..PROBE };
        let (mut prober, mut naive) = (Prober::new(kind, probe), Naive::new(kind, probe));
        let mut seen = container(0);
        for act in acts {
            match act {
                Act::Tick => prop_assert_eq!(prober.tick(seen), naive.tick(seen)),
                Act::Answer(passed) if naive.open.is_some() => {
                    prop_assert_eq!(prober.end(passed), naive.end(passed));
                    prop_assert_eq!(prober.next(seen), naive.next(seen));
                }
                Act::Answer(_) => {}
                Act::Restart => seen = Container { id: seen.id + Duration::from_nanos(1), runs: true, ..seen },
                Act::Stop => seen.runs = false,
                Act::Started(started) => seen.started = started,
                Act::Age(seconds) => seen.age = Duration::from_secs(seconds),
            }
            prop_assert_eq!(prober.open(), naive.open);
            prop_assert_eq!(prober.standing(naive.container), naive.standing);
        }
        let passed = naive.answers.iter().skip(100).filter(|answer| **answer == Some(true)).count() as u64;
        let failed = naive.answers.iter().filter(|answer| **answer == Some(false)).count() as u64;
        prop_assert_eq!(prober.tally(), (passed, failed));
    }
}

#[test]
fn three_failures_in_a_row_are_a_failure_and_end_the_questions() {
    let mut prober = Prober::new(ProbeKind::Liveness, PROBE);
    let mut standings = Vec::new();
    for passed in [false, false, true, false, false, false] {
        assert!(prober.tick(container(0)).is_some());
        standings.push(prober.end(passed));
    }
    assert_eq!(standings, [None, None, Some(Standing::Success), None, None, Some(Standing::Failure)]);
    assert_eq!(prober.tick(container(0)), None, "on hold");
    assert_eq!(prober.standing(Time::from_nanos(5)), Standing::Success, "a new container begins well");
    assert!(prober.tick(container(5)).is_some(), "there is a new container");
}

#[test]
fn a_question_that_is_open_for_longer_than_a_period_is_followed_by_one_at_once() {
    let mut prober = Prober::new(ProbeKind::Readiness, PROBE);
    assert_eq!(prober.tick(container(0)), Some(1));
    assert_eq!((prober.tick(container(0)), prober.tick(container(0))), (None, None));
    assert_eq!(prober.end(true), Some(Standing::Success));
    assert_eq!(prober.next(container(0)), Some(3), "of two ticks one is kept");
    assert_eq!(prober.end(true), Some(Standing::Success));
    assert_eq!(prober.next(container(0)), None);
}

#[test]
fn a_container_that_has_ended_is_not_ready_and_the_next_one_has_to_pass() {
    let mut prober = Prober::new(ProbeKind::Readiness, PROBE);
    let ended = Container { runs: false, ..container(0) };
    assert_eq!((prober.tick(ended), prober.standing(Time::ZERO)), (None, Standing::Failure));
    assert_eq!(prober.standing(Time::from_nanos(9)), Standing::Failure);
    assert!(prober.tick(container(9)).is_some());
    assert_eq!(prober.end(true), Some(Standing::Success));
}
