mod limits;

use super::*;
use proptest::prelude::*;

fn job(number: u32) -> FrameRef {
    FrameRef { slot: number, generation: 0 }
}

fn at(ns: u64) -> Time {
    Time::from_nanos(ns)
}

fn lasting(ns: u64) -> Duration {
    Duration::from_nanos(ns)
}

fn cpu(milli: u32, discipline: CpuDiscipline) -> Cpu {
    Cpu::new(Cores::Milli(milli), discipline)
}

/// What is done to a processor from outside.
#[derive(Clone, Copy, Debug)]
enum Act {
    Start(u64),
    Remove(u32),
    SetCores(u32),
    Take(u32),
    GiveBack(u32),
    Pause,
    Resume,
}
use Act::*;

/// A processor with its one calendar entry.
struct Bench {
    cpu: Cpu,
    entry: Option<Time>,
    completed: Vec<(u32, u64)>,
    started: u32,
}

impl Bench {
    fn new(cpu: Cpu) -> Self {
        Self { cpu, entry: None, completed: Vec::new(), started: 0 }
    }

    fn wake(&mut self) {
        match self.cpu.wake() {
            Wake::Keep => {}
            Wake::At(time) => self.entry = Some(time),
            Wake::Never => self.entry = None,
        }
        assert_eq!(self.entry, self.cpu.next_completion(), "the calendar entry is where the next completion is");
    }

    /// Plays completions up to and including `until`.
    fn play(&mut self, until: u64) {
        while let Some(now) = self.entry.filter(|&entry| entry <= at(until)) {
            self.entry = None;
            let before = self.completed.len();
            while let Some(done) = self.cpu.complete(now) {
                self.completed.push((done.slot, now.as_nanos()));
            }
            assert!(self.completed.len() > before, "the entry fires when a job is complete, not before");
            self.wake();
        }
    }

    fn act(&mut self, time: u64, act: Act) {
        self.play(time);
        let now = at(time);
        match act {
            Start(demand) => {
                self.cpu.start(now, job(self.started), lasting(demand));
                self.started += 1;
            }
            Remove(number) => drop(self.cpu.remove(now, job(number))),
            SetCores(milli) => self.cpu.set_cores(now, milli),
            Take(milli) => self.cpu.take_cores(now, milli),
            GiveBack(milli) => self.cpu.give_back_cores(now, milli),
            Pause => self.cpu.pause(now, 0),
            Resume => self.cpu.resume(now),
        }
        self.wake();
    }

    fn run(cpu: Cpu, acts: &[(u64, Act)]) -> Self {
        let mut bench = Self::new(cpu);
        for &(time, act) in acts {
            bench.act(time, act);
        }
        bench.play(u64::MAX);
        bench
    }
}

#[test]
fn jobs_complete_when_they_should() {
    use CpuDiscipline::{FirstCome, Shared};
    type Case<'a> = (&'a str, u32, CpuDiscipline, &'a [(u64, Act)], &'a [(u32, u64)]);
    let cases: &[Case<'_>] = &[
        ("alone", 1000, Shared, &[(5, Start(100))], &[(0, 105)]),
        ("no demand", 1000, Shared, &[(5, Start(0))], &[(0, 5)]),
        ("two share one core", 1000, Shared, &[(0, Start(100)), (0, Start(100))], &[(0, 200), (1, 200)]),
        ("the shorter leaves earlier", 1000, Shared, &[(0, Start(100)), (0, Start(30))], &[(1, 60), (0, 130)]),
        ("one joins", 1000, Shared, &[(0, Start(100)), (50, Start(100))], &[(0, 150), (1, 200)]),
        ("as many as cores", 2000, Shared, &[(0, Start(100)), (0, Start(50))], &[(1, 50), (0, 100)]),
        (
            "three on two",
            2000,
            Shared,
            &[(0, Start(100)), (0, Start(100)), (0, Start(100))],
            &[(0, 150), (1, 150), (2, 150)],
        ),
        ("half a core", 500, Shared, &[(0, Start(100))], &[(0, 200)]),
        ("a third takes rounding up", 333, Shared, &[(0, Start(100))], &[(0, 301)]),
        ("paused", 1000, Shared, &[(0, Start(100)), (40, Pause), (90, Resume)], &[(0, 150)]),
        ("started while paused", 1000, Shared, &[(0, Pause), (10, Start(100)), (90, Resume)], &[(0, 190)]),
        ("paused at the very end", 1000, Shared, &[(0, Start(100)), (99, Pause), (500, Resume)], &[(0, 501)]),
        ("halved midway", 1000, Shared, &[(0, Start(100)), (50, SetCores(500))], &[(0, 150)]),
        ("stopped by no cores", 1000, Shared, &[(0, Start(100)), (50, SetCores(0)), (80, SetCores(1000))], &[(0, 130)]),
        ("a collector takes half", 1000, Shared, &[(0, Start(100)), (20, Take(500)), (60, GiveBack(500))], &[(0, 120)]),
        ("a collector takes what is idle", 2000, Shared, &[(0, Start(100)), (20, Take(1000))], &[(0, 100)]),
        ("removed", 1000, Shared, &[(0, Start(100)), (0, Start(100)), (50, Remove(0))], &[(1, 125)]),
        (
            "one after the other",
            1000,
            FirstCome,
            &[(0, Start(100)), (10, Start(5)), (20, Start(7))],
            &[(0, 100), (1, 105), (2, 112)],
        ),
        (
            "two at once",
            2000,
            FirstCome,
            &[(0, Start(100)), (0, Start(50)), (0, Start(10))],
            &[(1, 50), (2, 60), (0, 100)],
        ),
        ("a slow one", 500, FirstCome, &[(0, Start(100)), (0, Start(10))], &[(0, 200), (1, 220)]),
        (
            "paused queue",
            1000,
            FirstCome,
            &[(0, Start(10)), (0, Start(10)), (5, Pause), (100, Resume)],
            &[(0, 105), (1, 115)],
        ),
        ("grown", 1000, FirstCome, &[(0, Start(100)), (0, Start(100)), (50, SetCores(2000))], &[(0, 100), (1, 150)]),
        ("shrunk", 2000, FirstCome, &[(0, Start(100)), (0, Start(100)), (50, SetCores(1000))], &[(0, 150), (1, 150)]),
        (
            "removed from the queue",
            1000,
            FirstCome,
            &[(0, Start(100)), (0, Start(50)), (0, Start(5)), (10, Remove(1))],
            &[(0, 100), (2, 105)],
        ),
        ("removed from the core", 1000, FirstCome, &[(0, Start(100)), (0, Start(50)), (10, Remove(0))], &[(1, 60)]),
    ];
    for (name, milli, discipline, acts, expected) in cases {
        assert_eq!(&Bench::run(cpu(*milli, *discipline), acts).completed, expected, "{name}");
    }
}

#[test]
fn an_unlimited_processor_only_ever_waits_for_pauses() {
    let unlimited = Cpu::new(Cores::Unlimited, CpuDiscipline::FirstCome);
    let acts = [(0, Start(100)), (10, Start(50)), (20, SetCores(1)), (20, Pause), (50, Resume), (60, Start(0))];
    assert_eq!(Bench::run(unlimited, &acts).completed, [(2, 60), (1, 90), (0, 130)]);
}

#[test]
fn jobs_that_complete_at_once_do_so_in_the_order_of_their_start() {
    let acts: Vec<_> = (0..100).map(|_| (7, Start(1_000))).collect();
    let completed = Bench::run(cpu(3000, CpuDiscipline::Shared), &acts).completed;
    assert_eq!(completed.iter().map(|&(number, _)| number).collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    assert!(completed.iter().all(|&(_, time)| time == completed[0].1));
}

#[test]
fn what_is_left_of_a_removed_job() {
    let mut cpu = cpu(1000, CpuDiscipline::Shared);
    cpu.start(at(0), job(0), lasting(100));
    cpu.start(at(0), job(1), lasting(100));
    assert_eq!(cpu.remove(at(50), job(0)), Some(lasting(75)));
    assert_eq!(cpu.remove(at(50), job(0)), None);
    assert_eq!(cpu.remove(at(60), job(1)), Some(lasting(65)));
    assert_eq!((cpu.runnable(), cpu.next_completion()), (0, None));
}

#[test]
fn a_wake_is_asked_for_only_when_it_changed() {
    let mut cpu = cpu(4000, CpuDiscipline::Shared);
    assert_eq!(cpu.wake(), Wake::Keep);
    cpu.start(at(0), job(0), lasting(100));
    assert_eq!(cpu.wake(), Wake::At(at(100)));
    cpu.start(at(10), job(1), lasting(100));
    assert_eq!(cpu.wake(), Wake::Keep, "a later completion on a free core changes nothing");
    cpu.pause(at(20), 0);
    assert_eq!(cpu.wake(), Wake::Never);
    cpu.resume(at(30));
    assert_eq!(cpu.wake(), Wake::At(at(110)));
    assert_eq!(cpu.complete(at(110)), Some(job(0)));
    assert_eq!(cpu.complete(at(110)), None);
    assert_eq!(cpu.wake(), Wake::At(at(120)));
    cpu.stop(at(115));
    assert_eq!((cpu.wake(), cpu.runnable()), (Wake::Keep, 0), "the entry is gone with the process");
    cpu.start(at(115), job(2), lasting(5));
    assert_eq!(cpu.wake(), Wake::At(at(120)), "even at the instant of the one that is gone");
}

#[test]
fn core_time_is_an_exact_integral() {
    let mut shared = cpu(1500, CpuDiscipline::Shared);
    shared.start(at(10), job(0), lasting(1_000_000));
    assert_eq!(shared.busy(at(110)), 100 * 1000, "one job on one and a half cores");
    shared.start(at(110), job(1), lasting(1_000_000));
    assert_eq!(shared.busy(at(210)), 100 * 1000 + 100 * 1500, "two jobs use them all");
    shared.take_cores(at(210), 700);
    assert_eq!(shared.busy(at(310)), 100 * 1000 + 200 * 1500, "so do two jobs and a collector");
    shared.pause(at(310), 2000);
    assert_eq!(shared.busy(at(410)), 100 * 1000 + 200 * 1500 + 100 * 2000, "a pause burns what it is told");
    shared.stop(at(410));
    assert_eq!(shared.busy(at(9_999)), 100 * 1000 + 200 * 1500 + 100 * 2000);

    let mut first_come = cpu(1500, CpuDiscipline::FirstCome);
    first_come.start(at(0), job(0), lasting(1_000_000));
    assert_eq!(first_come.busy(at(100)), 100 * 750, "one of two servers at three quarters");
}

#[test]
fn long_demands_do_not_overflow() {
    let year = 365 * 86_400 * 1_000_000_000;
    let mut cpu = cpu(999, CpuDiscipline::Shared);
    for number in 0..1000 {
        cpu.start(at(0), job(number), lasting(year));
    }
    // 2^54 ns of attained service, 208 days, are the most that there is.
    assert!(cpu.next_completion().is_some_and(|time| time > at(year)));
    cpu.set_cores(at(year), 500);
    assert!(cpu.next_completion().is_some_and(|time| time > at(year)));
}

/// Processor sharing with exact fractions: attained service in units of 1/`UNIT` ns, of which every speed is a multiple.
struct Naive {
    first_come: bool,
    cores: u64,
    taken: u64,
    paused: bool,
    attained: u128,
    now: u64,
    /// Target and number, in order of start.
    running: Vec<(u128, u32)>,
    queued: Vec<(u64, u32)>,
    started: u32,
    completed: Vec<(u32, u64)>,
}

/// Least common multiple of 1 … 10, times a thousand.
const UNIT: u128 = 2_520_000;
/// Most jobs at once, so that `UNIT` is fine enough.
const JOBS: usize = 10;

impl Naive {
    /// Growth of the attained service in a nanosecond.
    fn speed(&self) -> u128 {
        let servers = if self.first_come { self.cores.div_ceil(1000) } else { 0 };
        let sharing = servers.max(self.running.len() as u64);
        if self.paused || sharing == 0 {
            return 0;
        }
        let capacity = u128::from(self.cores.saturating_sub(self.taken));
        UNIT.min(capacity * UNIT / 1000 / u128::from(sharing))
    }

    fn admit(&mut self) {
        let places = if self.first_come { self.cores.div_ceil(1000) as usize } else { usize::MAX };
        while self.running.len() < places && !self.queued.is_empty() {
            let (demand, number) = self.queued.remove(0);
            self.running.push((self.attained + u128::from(demand) * UNIT, number));
        }
    }

    fn play(&mut self, until: u64) {
        loop {
            let speed = self.speed();
            let next = self.running.iter().copied().min();
            let due = next.filter(|_| speed > 0).map(|(target, number)| {
                (self.now as u128 + target.saturating_sub(self.attained).div_ceil(speed), number)
            });
            let Some((time, number)) = due.filter(|&(time, _)| time <= u128::from(until)) else {
                if until < u64::MAX {
                    self.attained += speed * u128::from(until - self.now);
                    self.now = until;
                }
                return;
            };
            self.attained += speed * (time - u128::from(self.now));
            self.now = time as u64;
            self.running.retain(|&(_, other)| other != number);
            self.completed.push((number, self.now));
            self.admit();
        }
    }

    fn act(&mut self, time: u64, act: Act) {
        self.play(time);
        match act {
            Start(demand) => {
                self.queued.push((demand, self.started));
                self.started += 1;
            }
            Remove(number) => {
                self.queued.retain(|&(_, other)| other != number);
                self.running.retain(|&(_, other)| other != number);
            }
            SetCores(milli) => self.cores = u64::from(milli),
            Take(milli) => self.taken += u64::from(milli),
            GiveBack(milli) => self.taken -= u64::from(milli),
            Pause => self.paused = true,
            Resume => self.paused = false,
        }
        self.admit();
    }
}

fn acts() -> impl Strategy<Value = Vec<(u64, Act)>> {
    let act = prop_oneof![
        6 => prop_oneof![Just(0), 1..50u64, 1..100_000u64, 1_000_000..3_000_000_000u64].prop_map(Start),
        1 => (0..30u32).prop_map(Remove),
        1 => prop_oneof![Just(0), 500..4000u32, Just(1000), Just(2000)].prop_map(SetCores),
        1 => (1..250u32).prop_map(Take),
        1 => Just(Pause),
        1 => Just(Resume),
    ];
    prop::collection::vec((prop_oneof![Just(0), 1..100u64, 1..1_000_000u64], act), 1..60)
}

proptest! {
    #[test]
    fn as_exact_processor_sharing(milli in prop_oneof![Just(1000u32), 500..4000u32], first_come: bool, acts in acts()) {
        let discipline = if first_come { CpuDiscipline::FirstCome } else { CpuDiscipline::Shared };
        let mut bench = Bench::new(cpu(milli, discipline));
        let mut naive = Naive {
            first_come, cores: u64::from(milli), taken: 0, paused: false, attained: 0, now: 0,
            running: Vec::new(), queued: Vec::new(), started: 0, completed: Vec::new(),
        };
        let (mut time, mut taken) = (0, 0);
        let mut demands = Vec::new();
        let mut acts = acts;
        // Whatever happened, in the end everything can complete.
        acts.extend([(1, SetCores(1000)), (0, Resume)]);
        for (gap, act) in acts {
            time += gap;
            let act = match act {
                Start(_) if bench.cpu.runnable() >= JOBS || naive.running.len() + naive.queued.len() >= JOBS => continue,
                Take(milli) if taken == 0 => { taken = milli; Take(milli) }
                Take(_) => GiveBack(std::mem::take(&mut taken)),
                other => other,
            };
            if let Start(demand) = act {
                demands.push(demand);
            }
            bench.act(time, act);
            naive.act(time, act);
        }
        if taken > 0 {
            bench.act(time, GiveBack(taken));
            naive.act(time, GiveBack(taken));
        }
        bench.play(u64::MAX);
        naive.play(u64::MAX);
        prop_assert_eq!(bench.cpu.runnable(), 0);
        // A job lost to a removal in one but complete in the other can only be one that completed within the slack.
        let exact: std::collections::BTreeMap<_, _> = naive.completed.iter().copied().collect();
        // Rounding costs less than 2⁻¹⁰ ns of service a change of speed; speeds are 1/40 or more, so that is 1/25 ns of time. The
        // rest is what others take that complete up to a nanosecond late.
        let slack = 2 * JOBS as u64;
        for &(number, done) in &bench.completed {
            let Some(&exact) = exact.get(&number) else { panic!("job {number} completed though it was removed in time") };
            prop_assert!(done >= exact, "job {} completed early: {} < {}", number, done, exact);
            prop_assert!(done <= exact + slack, "job {} completed late: {} > {}", number, done, exact);
        }
        prop_assert!(bench.completed.windows(2).all(|pair| pair[0].1 <= pair[1].1));
        let served: u128 = bench.completed.iter().map(|&(number, _)| u128::from(demands[number as usize]) * 1000).sum();
        prop_assert!(bench.cpu.busy(bench.cpu.anchor) >= served, "no job completes without its service");
    }
}
