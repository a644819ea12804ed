//! The processor of one process, as a pure state machine.
//!
//! All three disciplines keep one *attained service* V, a count of 2⁻¹⁰ ns that grows at the speed of each running job. A job
//! that starts at V with demand d completes at the first nanosecond at which the attained service is V + d or more.
//!
//! * **Unlimited**: every job runs at full speed.
//! * **Shared** (processor sharing): n jobs on c cores each run at min(1, c/n).
//! * **FirstCome**: ⌈c⌉ jobs run, each at min(1, c/⌈c⌉), and the others queue for their turn, first come first served.
//!
//! V is rounded down whenever the speed changes: no job completes early, and each such change costs a job less than 2⁻¹⁰ ns
//! of service. It starts again at 0 when the processor is idle. Jobs complete in the order of their exact instants, within
//! less than a nanosecond too; jobs that complete at once do so in the order of their start.
//!
//! [`Contention`] makes every job slower the more of them run; a quota stops all of them when it is burnt, until its next
//! period. A limited number of jobs that share (limited multiprogramming) is not a discipline of its own: a process
//! with m workers starts m at most, and the others wait in its accept queue.
//!
//! The process keeps one calendar entry for all its jobs: after any call that can change something it asks [`Cpu::wake`], and when
//! the entry fires it calls [`Cpu::complete`] until that returns nothing. While the processor is paused nothing runs, and
//! nothing completes. Deliberately not here: context switches, priorities.

mod contention;
mod quota;

pub use contention::Contention;
pub use quota::{PERIOD, Throttling};

use crate::blueprint::{Cores, CpuDiscipline};
use crate::id::FrameRef;
use contention::FULL_SPEED;
use knockon_kernel::{Duration, Time};
use quota::Quota;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

/// Units of attained service in a nanosecond, as a power of two.
const SUBDIVISION_BITS: u32 = 10;
/// A core in thousandths.
const CORE: u32 = 1000;

/// What is to be done with the process' calendar entry for completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// It is right as it is.
    Keep,
    /// It is to be (re-)scheduled to this instant.
    At(Time),
    /// It is to be cancelled.
    Never,
}

/// A running job. Ordered so that the greatest is the next to complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Job {
    /// Attained service at which it completes.
    target: u64,
    /// Order of start.
    sequence: u64,
    frame: FrameRef,
}

impl Ord for Job {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.target, other.sequence).cmp(&(self.target, self.sequence))
    }
}

impl PartialOrd for Job {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Discipline {
    Unlimited,
    Shared,
    FirstCome,
}

/// A processor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cpu {
    discipline: Discipline,
    /// Capacity in thousandths of a core.
    cores_milli: u32,
    /// Of that, what others have taken for now.
    taken_milli: u32,
    paused: bool,
    /// What burns while it is paused, in thousandths of a core; of no meaning else.
    burning_milli: u32,
    /// Attained service at `anchor`, in 2⁻¹⁰ ns.
    attained: u64,
    /// That of earlier busy periods.
    attained_before: u64,
    anchor: Time,
    sequence: u64,
    running: BinaryHeap<Job>,
    queued: VecDeque<(FrameRef, Duration)>,
    /// Nanoseconds × thousandths of a core used up to `anchor`.
    busy: u128,
    /// What [`Cpu::wake`] said last.
    told: Option<Time>,
    quota: Option<Box<Quota>>,
    contention: Option<Contention>,
}

/// Speed of each running job: `numerator / denominator`, at most 1.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speed {
    Zero,
    Full,
    Part { numerator: u64, denominator: u64 },
}

impl Cpu {
    /// An idle processor.
    #[must_use]
    pub fn new(cores: Cores, discipline: CpuDiscipline) -> Self {
        let (discipline, cores_milli) = match (cores, discipline) {
            (Cores::Unlimited, _) => (Discipline::Unlimited, 0),
            (Cores::Milli(milli), CpuDiscipline::Shared) => (Discipline::Shared, milli),
            (Cores::Milli(milli), CpuDiscipline::FirstCome) => (Discipline::FirstCome, milli),
        };
        Self {
            discipline,
            cores_milli,
            taken_milli: 0,
            paused: false,
            burning_milli: 0,
            attained: 0,
            attained_before: 0,
            anchor: Time::ZERO,
            sequence: 0,
            running: BinaryHeap::new(),
            queued: VecDeque::new(),
            busy: 0,
            told: None,
            quota: None,
            contention: None,
        }
    }

    /// Makes its jobs contend.
    #[must_use]
    pub fn with_contention(self, contention: Option<Contention>) -> Self {
        Self { contention, ..self }
    }

    /// Gives it a quota of so many thousandths of a core.
    #[must_use]
    pub fn with_quota(self, milli: Option<u32>) -> Self {
        Self { quota: milli.map(|milli| Box::new(Quota::new(milli))), ..self }
    }

    /// A job needs the processor for `demand` at full speed. A job is started at most once at a time for a frame.
    pub fn start(&mut self, now: Time, job: FrameRef, demand: Duration) {
        self.advance(now);
        if self.running.is_empty() {
            self.forget_attained();
        }
        if self.discipline == Discipline::FirstCome && self.running.len() as u64 >= self.servers() {
            self.queued.push_back((job, demand));
        } else {
            self.run(job, demand);
        }
    }

    /// Takes out a job that is complete at `now`. To be called when the calendar entry fires, until it returns `None`.
    pub fn complete(&mut self, now: Time) -> Option<FrameRef> {
        self.advance(now);
        if self.told.is_some_and(|told| told <= now) {
            self.told = None;
        }
        if self.paused || self.running.peek()?.target > self.attained {
            return None;
        }
        let job = self.running.pop()?;
        self.admit();
        Some(job.frame)
    }

    /// What is to be done with the calendar entry, after calls that started, completed or removed jobs or changed the speed.
    #[must_use]
    pub fn wake(&mut self) -> Wake {
        let next = match self.next_quota_change() {
            Some(change) => Some(self.next_completion().map_or(change, |completion| completion.min(change))),
            None => self.next_completion(),
        };
        if next == self.told {
            return Wake::Keep;
        }
        self.told = next;
        next.map_or(Wake::Never, Wake::At)
    }

    /// When the next job completes, if nothing changes before; `None` if none does.
    #[must_use]
    pub fn next_completion(&self) -> Option<Time> {
        let missing = self.running.peek()?.target.saturating_sub(self.attained);
        let after_ns = match self.speed() {
            Speed::Zero => return None,
            Speed::Full => missing.div_ceil(1 << SUBDIVISION_BITS),
            Speed::Part { numerator, denominator } => divide_up(missing, denominator, numerator << SUBDIVISION_BITS),
        };
        Some(self.anchor.saturating_add(Duration::from_nanos(after_ns)))
    }

    /// When the quota next stops the jobs or lets them go on.
    fn next_quota_change(&self) -> Option<Time> {
        let quota = self.quota.as_ref()?;
        if self.wanting() == 0 { None } else { quota.next_change(self.anchor, self.used_milli()) }
    }

    /// Whether the quota is burnt and something would run.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        self.is_burnt() && self.wanting() > 0
    }

    /// How often and for how long the quota held back, in this life, up to `now`; `None` without one.
    #[must_use]
    pub fn throttling(&self, now: Time) -> Option<Throttling> {
        let mut quota = self.quota.as_deref()?.clone();
        quota.advance(self.anchor, now, self.used_milli(), self.wanting());
        Some(quota.counts)
    }

    /// Changes the quota, takes it away or gives one.
    pub fn set_quota(&mut self, now: Time, milli: Option<u32>) {
        self.advance(now);
        match (&mut self.quota, milli) {
            (Some(quota), Some(milli)) => quota.set(milli),
            (quota, milli) => *quota = milli.map(|milli| Box::new(Quota::new(milli))),
        }
    }

    fn is_burnt(&self) -> bool {
        self.quota.as_ref().is_some_and(|quota| quota.is_burnt())
    }

    /// Jobs that run or would but for the quota; a collector counts as the cores that it keeps busy.
    fn wanting(&self) -> u64 {
        let burning = if self.paused { self.burning_milli } else { self.taken_milli };
        let jobs = if self.paused { 0 } else { self.running.len() as u64 };
        let cores = match self.discipline {
            Discipline::Unlimited => jobs,
            Discipline::Shared | Discipline::FirstCome => jobs.min(self.servers()),
        };
        cores + u64::from(burning.div_ceil(CORE))
    }

    /// Takes out a job before it is complete. Returns the demand that is left, or `None` if there is no such job. Takes time in
    /// proportion to the number of jobs.
    pub fn remove(&mut self, now: Time, job: FrameRef) -> Option<Duration> {
        self.advance(now);
        if let Some(at) = self.queued.iter().position(|&(frame, _)| frame == job) {
            return self.queued.remove(at).map(|(_, demand)| demand);
        }
        let target = self.running.iter().find(|running| running.frame == job)?.target;
        self.running.retain(|running| running.frame != job);
        let left = target.saturating_sub(self.attained).div_ceil(1 << SUBDIVISION_BITS);
        self.admit();
        Some(Duration::from_nanos(left))
    }

    /// The demand of a job that is left at `now`; `None` if there is no such job. Takes time in proportion to the number of jobs.
    #[must_use]
    pub fn left(&self, now: Time, job: FrameRef) -> Option<Duration> {
        if let Some(&(_, demand)) = self.queued.iter().find(|&&(frame, _)| frame == job) {
            return Some(demand);
        }
        let target = self.running.iter().find(|running| running.frame == job)?.target;
        let attained = self.attained.saturating_add(self.served((now - self.anchor).as_nanos()));
        Some(Duration::from_nanos(target.saturating_sub(attained).div_ceil(1 << SUBDIVISION_BITS)))
    }

    /// Demands of all jobs that are left at `now`, one after the other at full speed.
    pub(crate) fn backlog(&self, now: Time) -> Duration {
        let passed_ns = (now - self.anchor).as_nanos();
        let since = if self.running.is_empty() { 0 } else { self.served(passed_ns) };
        let attained = self.attained.saturating_add(since);
        let left = |job: &Job| job.target.saturating_sub(attained).div_ceil(1 << SUBDIVISION_BITS);
        let running = self.running.iter().map(left).sum::<u64>();
        Duration::from_nanos(self.queued.iter().fold(running, |sum, (_, demand)| sum + demand.as_nanos()))
    }

    /// Changes the capacity. No effect on an unlimited processor.
    pub fn set_cores(&mut self, now: Time, milli: u32) {
        self.advance(now);
        self.cores_milli = milli;
        self.admit();
    }

    /// Others (a concurrent collector) take thousandths of a core away, and use them to the full. They may take more than there
    /// is, as far as the jobs are concerned.
    pub fn take_cores(&mut self, now: Time, milli: u32) {
        self.advance(now);
        self.taken_milli += milli;
    }

    /// Gives back what [`Cpu::take_cores`] took.
    pub fn give_back_cores(&mut self, now: Time, milli: u32) {
        self.advance(now);
        debug_assert!(milli <= self.taken_milli, "only what was taken is given back");
        self.taken_milli = self.taken_milli.saturating_sub(milli);
    }

    /// Stops all jobs. `burning_milli`: thousandths of a core that are used all the same (by a collector; none for a stopped process).
    pub fn pause(&mut self, now: Time, burning_milli: u32) {
        self.advance(now);
        self.paused = true;
        self.burning_milli = burning_milli;
    }

    /// Lets the jobs go on.
    pub fn resume(&mut self, now: Time) {
        self.advance(now);
        self.paused = false;
    }

    /// The process died: all jobs, pauses and takings are forgotten, and so is the calendar entry, which the process cancels.
    /// What it used stays counted.
    pub fn stop(&mut self, now: Time) {
        self.advance(now);
        self.told = None;
        self.running.clear();
        self.queued.clear();
        self.forget_attained();
        self.taken_milli = 0;
        self.paused = false;
        self.burning_milli = 0;
        if let Some(quota) = &mut self.quota {
            quota.reset();
        }
    }

    /// Jobs that run or would if they could.
    #[inline]
    #[must_use]
    pub fn runnable(&self) -> usize {
        self.running.len() + self.queued.len()
    }

    /// The frames whose jobs they are, in no order that means anything.
    pub(crate) fn jobs(&self) -> impl Iterator<Item = FrameRef> + '_ {
        self.running.iter().map(|job| job.frame).chain(self.queued.iter().map(|&(frame, _)| frame))
    }

    /// Those of them that have a core, or a share of one.
    pub(crate) fn in_service(&self) -> impl Iterator<Item = FrameRef> + '_ {
        self.running.iter().map(|job| job.frame)
    }

    /// Whether jobs wait their turn.
    pub(crate) fn serves_in_turn(&self) -> bool {
        self.discipline == Discipline::FirstCome
    }

    /// Service, in 2⁻¹⁰ ns, that a job would have had by `now` which had run whenever any did; differences of it are what jobs get.
    #[must_use]
    pub fn served_ever(&self, now: Time) -> u64 {
        let passed_ns = (now - self.anchor).as_nanos();
        let since = if self.running.is_empty() || passed_ns == 0 { 0 } else { self.served(passed_ns) };
        self.attained_before.wrapping_add(self.attained).wrapping_add(since)
    }

    /// The integral of the cores in use up to `now`, in nanoseconds × thousandths of a core.
    #[must_use]
    pub fn busy(&self, now: Time) -> u128 {
        self.busy + u128::from((now - self.anchor).as_nanos()) * u128::from(self.used_milli())
    }

    #[inline]
    fn run(&mut self, frame: FrameRef, demand: Duration) {
        let units = demand.as_nanos().saturating_mul(1 << SUBDIVISION_BITS);
        self.running.push(Job { target: self.attained.saturating_add(units), sequence: self.sequence, frame });
        self.sequence += 1;
    }

    /// Lets queued jobs take the cores that are free.
    #[inline]
    fn admit(&mut self) {
        while !self.queued.is_empty() && (self.running.len() as u64) < self.servers() {
            if let Some((frame, demand)) = self.queued.pop_front() {
                self.run(frame, demand);
            }
        }
    }

    /// Jobs that run at once under `FirstCome`.
    #[inline]
    fn servers(&self) -> u64 {
        u64::from(self.cores_milli.div_ceil(CORE))
    }

    #[inline]
    fn advance(&mut self, now: Time) {
        let passed_ns = (now - self.anchor).as_nanos();
        if passed_ns == 0 {
            return;
        }
        self.busy += u128::from(passed_ns) * u128::from(self.used_milli());
        let from = std::mem::replace(&mut self.anchor, now);
        if !self.running.is_empty() {
            self.attained = self.attained.saturating_add(self.served(passed_ns));
        }
        if self.quota.is_some() {
            let (used, jobs) = (self.used_milli(), self.wanting());
            if let Some(quota) = &mut self.quota {
                quota.advance(from, now, used, jobs);
            }
        }
    }

    /// The attained service begins again at 0.
    #[inline]
    fn forget_attained(&mut self) {
        self.attained_before = self.attained_before.wrapping_add(std::mem::take(&mut self.attained));
    }

    /// Attained service of so much time at the present speed.
    #[inline]
    fn served(&self, passed_ns: u64) -> u64 {
        match self.speed() {
            Speed::Zero => 0,
            Speed::Full => passed_ns << SUBDIVISION_BITS,
            Speed::Part { numerator, denominator } => {
                divide_down(passed_ns, numerator << SUBDIVISION_BITS, denominator)
            }
        }
    }

    /// Speed of each running job.
    #[inline]
    fn speed(&self) -> Speed {
        if self.paused || self.is_burnt() {
            return Speed::Zero;
        }
        let jobs = match self.discipline {
            Discipline::Unlimited => {
                return match self.contention {
                    None => Speed::Full,
                    Some(contention) => Self::contended(contention, self.running.len() as u64, 1, 1),
                };
            }
            Discipline::Shared => self.running.len() as u64,
            // More jobs than servers run for a while after the capacity was lowered.
            Discipline::FirstCome => self.servers().max(self.running.len() as u64),
        };
        let numerator = u64::from(self.cores_milli.saturating_sub(self.taken_milli));
        let denominator = jobs * u64::from(CORE);
        if let Some(contention) = self.contention {
            return Self::contended(contention, self.running.len() as u64, numerator, denominator);
        }
        if numerator >= denominator {
            Speed::Full
        } else if numerator == 0 {
            Speed::Zero
        } else {
            Speed::Part { numerator, denominator }
        }
    }

    fn contended(contention: Contention, jobs: u64, numerator: u64, denominator: u64) -> Speed {
        match contention.speed(jobs, numerator, denominator) {
            0 => Speed::Zero,
            FULL_SPEED => Speed::Full,
            numerator => Speed::Part { numerator, denominator: FULL_SPEED },
        }
    }

    /// Thousandths of a core in use. Jobs that contend keep their cores busy.
    #[inline]
    fn used_milli(&self) -> u64 {
        if self.is_burnt() {
            return 0;
        }
        if self.paused {
            return u64::from(self.burning_milli);
        }
        let running = self.running.len() as u64;
        let full = running * u64::from(CORE);
        let own = match self.discipline {
            Discipline::Unlimited => full,
            Discipline::Shared => full.min(u64::from(self.cores_milli.saturating_sub(self.taken_milli))),
            Discipline::FirstCome => {
                // Cores that are shared out over all servers stay in part idle while some have no job.
                let available = u64::from(self.cores_milli.saturating_sub(self.taken_milli));
                let servers = self.servers().max(running);
                if running == 0 { 0 } else { full.min((available * running).div_ceil(servers)) }
            }
        };
        own + u64::from(self.taken_milli)
    }
}

/// ⌊a · b / c⌋.
#[inline]
fn divide_down(a: u64, b: u64, c: u64) -> u64 {
    match a.checked_mul(b) {
        Some(product) => product / c,
        None => saturate(u128::from(a) * u128::from(b) / u128::from(c)),
    }
}

/// ⌈a · b / c⌉.
#[inline]
fn divide_up(a: u64, b: u64, c: u64) -> u64 {
    match a.checked_mul(b) {
        Some(product) => product.div_ceil(c),
        None => saturate((u128::from(a) * u128::from(b)).div_ceil(u128::from(c))),
    }
}

#[inline]
fn saturate(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
