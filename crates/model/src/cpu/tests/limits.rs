//! What holds jobs back beside the number of cores: a quota, and each other.

use super::*;

const MS: u64 = 1_000_000;

/// A processor with its one calendar entry, which fires for completions and for the quota.
struct Limited {
    cpu: Cpu,
    entry: Option<Time>,
    completed: Vec<(u32, u64)>,
}

impl Limited {
    fn new(cpu: Cpu) -> Self {
        Self { cpu, entry: None, completed: Vec::new() }
    }

    fn with_quota(milli: u32) -> Self {
        Self::new(Cpu::new(Cores::Unlimited, CpuDiscipline::Shared).with_quota(Some(milli)))
    }

    fn wake(&mut self) {
        match self.cpu.wake() {
            Wake::Keep => {}
            Wake::At(time) => self.entry = Some(time),
            Wake::Never => self.entry = None,
        }
    }

    fn play(&mut self, until: u64) {
        let mut idle = 0;
        while let Some(now) = self.entry.filter(|&entry| entry <= at(until)) {
            self.entry = None;
            idle += 1;
            while let Some(done) = self.cpu.complete(now) {
                self.completed.push((done.slot, now.as_nanos()));
                idle = 0;
            }
            assert!(idle < 200_000, "no period lets anybody go on");
            self.wake();
        }
    }

    fn start(&mut self, time: u64, number: u32, demand: u64) {
        self.play(time);
        self.cpu.start(at(time), job(number), lasting(demand));
        self.wake();
    }
}

#[test]
fn a_quota_stops_everything_until_its_next_period() {
    // One thread: 20 ms in each period of 100, so 50 ms need two whole periods and 10 ms.
    let mut one = Limited::with_quota(200);
    one.start(0, 0, 50 * MS);
    one.play(u64::MAX);
    assert_eq!(one.completed, [(0, 210 * MS)]);
    assert_eq!(
        one.cpu.throttling(at(210 * MS)).unwrap(),
        Throttling { periods: 2, throttled_periods: 2, throttled_ns: 160 * MS }
    );
    // Four threads burn 200 ms in 50; the rest of their 300 ms takes 25 ms of the next period.
    let mut four = Limited::with_quota(2000);
    (0..4).for_each(|number| four.start(0, number, 75 * MS));
    four.play(u64::MAX);
    assert_eq!(four.completed, [0, 1, 2, 3].map(|number| (number, 125 * MS)));
    assert_eq!(four.cpu.throttling(at(125 * MS)).unwrap().throttled_ns, 4 * 50 * MS, "as the kernel adds it up");
}

#[test]
fn what_a_period_leaves_over_is_lost_and_periods_are_aligned_to_the_clock() {
    let mut quota = Limited::with_quota(200);
    // Nothing for nine periods and a half; then 20 ms at once, and 20 ms after the next boundary.
    quota.start(950 * MS, 0, 45 * MS);
    quota.play(u64::MAX);
    assert_eq!(quota.completed, [(0, (1100 + 5) * MS)]);
    assert!(!quota.cpu.is_throttled());
}

#[test]
fn a_quota_that_is_burnt_stops_who_comes_later() {
    let mut quota = Limited::with_quota(200);
    quota.start(0, 0, 20 * MS);
    quota.play(30 * MS);
    assert_eq!(quota.completed, [(0, 20 * MS)], "done at the very instant");
    assert!(!quota.cpu.is_throttled(), "nobody wants to run");
    quota.start(40 * MS, 1, MS);
    assert!(quota.cpu.is_throttled());
    quota.play(u64::MAX);
    assert_eq!(quota.completed[1], (1, 101 * MS));
}

#[test]
fn a_quota_that_is_raised_lets_go_at_once() {
    let mut quota = Limited::with_quota(200);
    quota.start(0, 0, 50 * MS);
    quota.play(30 * MS);
    assert!(quota.cpu.is_throttled());
    quota.cpu.set_quota(at(30 * MS), Some(400));
    quota.wake();
    assert!(!quota.cpu.is_throttled());
    quota.play(u64::MAX);
    assert_eq!(quota.completed, [(0, 110 * MS)], "20 ms, 20 more from 30 on, 10 in the next period");
}

#[test]
fn collectors_burn_the_quota_too() {
    let mut quota = Limited::with_quota(1000);
    quota.start(0, 0, 10 * MS);
    quota.play(4 * MS);
    quota.cpu.pause(at(4 * MS), 4000);
    quota.wake();
    // 96 ms are left; four collector threads need 24 ms for them.
    assert_eq!(quota.entry, Some(at(28 * MS)));
    quota.play(28 * MS);
    assert!(quota.cpu.is_throttled());
    assert_eq!(quota.entry, Some(at(100 * MS)));
}

/// Jobs on cores of their own, under a quota: who runs runs at full speed.
fn naive(milli: u64, mut jobs: Vec<(u64, u64)>) -> Vec<u64> {
    let budget = 100 * MS * milli;
    let (mut now, mut left) = (0, budget);
    let mut running: Vec<(usize, u64)> = Vec::new();
    let mut done = vec![0; jobs.len()];
    let mut coming: Vec<(usize, (u64, u64))> = jobs.drain(..).enumerate().collect();
    coming.reverse();
    loop {
        running.retain(|&(number, rest)| {
            done[number] = now;
            rest > 0
        });
        while let Some(&(number, (start, demand))) = coming.last().filter(|(_, (start, _))| *start <= now) {
            debug_assert_eq!(start, now);
            coming.pop();
            running.push((number, demand));
        }
        if running.iter().any(|&(_, rest)| rest == 0) {
            continue;
        }
        let used = running.len() as u64 * 1000;
        let boundary = (now / (100 * MS) + 1) * 100 * MS;
        let runs = left > 0 && used > 0;
        let mut next = boundary;
        if runs {
            next = next.min(now + left.div_ceil(used)).min(now + running.iter().map(|&(_, rest)| rest).min().unwrap());
        }
        match coming.last() {
            Some(&(_, (start, _))) => next = next.min(start),
            None if running.is_empty() => return done,
            None => {}
        }
        if runs {
            running.iter_mut().for_each(|(_, rest)| *rest -= next - now);
            left = left.saturating_sub((next - now) * used);
        }
        if next == boundary {
            left = budget;
        }
        now = next;
    }
}

proptest! {
    #[test]
    fn as_a_quota_taken_event_by_event(
        milli in 1..5000u32,
        jobs in prop::collection::vec((0..300 * MS, prop_oneof![1..MS, 1..400 * MS]), 1..12),
    ) {
        let mut time = 0;
        let jobs: Vec<(u64, u64)> = jobs.into_iter().map(|(gap, demand)| { time += gap; (time, demand) }).collect();
        let mut quota = Limited::with_quota(milli);
        for (number, &(start, demand)) in (0..).zip(&jobs) {
            quota.start(start, number, demand);
        }
        quota.play(u64::MAX);
        let mut done = vec![0; jobs.len()];
        quota.completed.iter().for_each(|&(number, time)| done[number as usize] = time);
        prop_assert_eq!(done, naive(u64::from(milli), jobs));
    }
}

/// Throughput of N jobs that contend, for one of a thousandth of a core's demand each, relative to one alone.
fn throughput(contention: Contention, jobs: u32) -> f64 {
    let cpu = Cpu::new(Cores::Unlimited, CpuDiscipline::Shared).with_contention(Some(contention));
    let mut limited = Limited::new(cpu);
    let demand = 1_000_000_000_000;
    (0..jobs).for_each(|number| limited.start(0, number, demand));
    let done = limited.entry.expect("somebody completes").as_nanos();
    f64::from(jobs) * demand as f64 / done as f64
}

#[test]
fn contention_follows_the_universal_scalability_law() {
    // σ = 0.05, κ = 10⁻⁴: N* = √(0.95/10⁻⁴) = 97.47, X(N*)/γ = 14.41.
    let contention = Contention { sigma_nano: 50_000_000, kappa_nano: 100_000 };
    let law = |n: f64| n / (1.0 + 0.05 * (n - 1.0) + 1e-4 * n * (n - 1.0));
    for jobs in [1, 2, 10, 97, 98, 500] {
        let (measured, expected) = (throughput(contention, jobs), law(f64::from(jobs)));
        assert!((measured / expected - 1.0).abs() < 1e-9, "{jobs} jobs: {measured} against {expected}");
    }
    let best = (1..300).max_by(|&a, &b| throughput(contention, a).total_cmp(&throughput(contention, b))).unwrap();
    assert!(best == 97 || best == 98, "{best}");
    assert!((throughput(contention, 97) - 14.41).abs() < 0.01);
}

#[test]
fn contention_and_cores_slow_down_together() {
    let contention = Contention { sigma_nano: 500_000_000, kappa_nano: 0 };
    let mut limited = Limited::new(cpu(1000, CpuDiscipline::Shared).with_contention(Some(contention)));
    // Two on one core: half the speed for the core, two thirds of that for each other.
    limited.start(0, 0, 100 * MS);
    limited.start(0, 1, 100 * MS);
    limited.play(u64::MAX);
    let (first, second) = (limited.completed[0].1, limited.completed[1].1);
    assert!(first == second && (300 * MS..=300 * MS + 1).contains(&first), "{first} {second}");
}
