//! Worker processes forked before requests come: gunicorn's sync workers and the arbiter that keeps their number.
//!
//! A worker *boots* (loads the application), is *idle*, or *serves* one request, which it takes from the one listening socket that all of them
//! share. Its heartbeat (the notify file) is its fork's instant while it boots, and when it took its request up while it serves: between
//! requests it beats all the time. Whoever's heartbeat is older than `timeout` when the arbiter looks is killed, whatever it is doing. With
//! `max_requests` a worker takes no more requests after that many and exits when the last one is answered. The arbiter looks each
//! second and whenever a worker has exited, and forks as many as are missing.
//! Source: gunicorn 21.2 (`arbiter.py`, `workers/sync.py`).
//!
//! Deliberately not here: gthread's threads, whose main thread beats while they serve (leave `prefork` out and give the service workers);
//! `preload_app`; the random tenth of a second between two forks; code that does not let signals through, which is killed by a SIGKILL a second
//! later; what booting needs of the processor; that each worker has pools of its own: connections that a killed worker's request held are
//! gone, idle ones stay. Of memory a worker takes along what its requests have left behind and what it has in work; cycles and
//! the high-water mark are those of all workers together.

use crate::blueprint;
use crate::id::FrameRef;
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// The arbiter waits for signals for so long before it looks.
pub(crate) const LOOK: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum State {
    Booting,
    Idle,
    Serving(FrameRef),
}

/// One worker process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Worker {
    /// Counts forks: what tells workers apart.
    age: u32,
    state: State,
    /// When it was forked, took its request up, or was done with the last one.
    since: Time,
    /// Requests taken up, and the one after which it exits; 0 is none.
    requests: u32,
    last: u32,
    /// Bytes that its requests have left behind.
    retained: u64,
}

/// What is left of a worker that has exited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Gone {
    pub(crate) age: u32,
    /// What it served.
    pub(crate) frame: Option<FrameRef>,
    pub(crate) retained: u64,
}

/// The workers of one process, in the order of their ages, and their arbiter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Prefork {
    timeout: Option<Duration>,
    wanted: u32,
    forked: u32,
    workers: Vec<Worker>,
}

impl Prefork {
    /// With workers that have booted: those of a process that begins to accept requests. `last` says after how many requests one exits.
    pub(crate) fn new(now: Time, config: &blueprint::Prefork, wanted: u32, mut last: impl FnMut(u32) -> u32) -> Self {
        let mut prefork = Self { timeout: config.timeout, wanted, forked: 0, workers: Vec::new() };
        while let Some(age) = prefork.fork(now, &mut last) {
            prefork.booted(now, age);
        }
        prefork
    }

    /// Forks a worker if one is missing, and tells which.
    pub(crate) fn fork(&mut self, now: Time, last: &mut impl FnMut(u32) -> u32) -> Option<u32> {
        if self.workers.len() as u64 >= u64::from(self.wanted) {
            return None;
        }
        self.forked += 1;
        let age = self.forked;
        let worker = Worker { age, state: State::Booting, since: now, requests: 0, last: last(age), retained: 0 };
        self.workers.push(worker);
        Some(age)
    }

    /// A worker has booted; false where it is no more.
    pub(crate) fn booted(&mut self, now: Time, age: u32) -> bool {
        let worker = self.workers.iter_mut().find(|worker| worker.age == age);
        worker.is_some_and(|worker| {
            (worker.state, worker.since) = (State::Idle, now);
            true
        })
    }

    /// The worker that has been idle longest takes a request up. Tells which, and whether it is its last.
    ///
    /// # Panics
    /// If all of them boot or serve.
    pub(crate) fn take_up(&mut self, now: Time, frame: FrameRef) -> (u32, bool) {
        let idle = self.workers.iter_mut().filter(|worker| worker.state == State::Idle);
        let worker = idle.min_by_key(|worker| (worker.since, worker.age)).expect("a free worker takes a request up");
        (worker.state, worker.since) = (State::Serving(frame), now);
        worker.requests += 1;
        (worker.age, worker.requests == worker.last)
    }

    /// A request has been answered: its worker is idle, or has exited.
    pub(crate) fn answered(&mut self, now: Time, frame: FrameRef) -> Option<Gone> {
        let at = self.workers.iter().position(|worker| worker.state == State::Serving(frame))?;
        let worker = &mut self.workers[at];
        (worker.state, worker.since) = (State::Idle, now);
        let over =
            worker.last > 0 && worker.requests >= worker.last || self.workers.len() as u64 > u64::from(self.wanted);
        over.then(|| self.remove(at, None))
    }

    /// Kills the first worker whose heartbeat is too old.
    pub(crate) fn kill(&mut self, now: Time) -> Option<Gone> {
        let timeout = self.timeout?;
        let silent = |worker: &Worker| worker.state != State::Idle && now - worker.since > timeout;
        let at = self.workers.iter().position(silent)?;
        let frame = match self.workers[at].state {
            State::Serving(frame) => Some(frame),
            State::Booting | State::Idle => None,
        };
        Some(self.remove(at, frame))
    }

    /// Takes an idle worker away that is not wanted any more.
    pub(crate) fn dismiss(&mut self) -> Option<Gone> {
        if self.workers.len() as u64 <= u64::from(self.wanted) {
            return None;
        }
        let at = self.workers.iter().position(|worker| worker.state == State::Idle)?;
        Some(self.remove(at, None))
    }

    fn remove(&mut self, at: usize, frame: Option<FrameRef>) -> Gone {
        let Worker { age, retained, .. } = self.workers.remove(at);
        Gone { age, frame, retained }
    }

    /// The request of a frame leaves bytes behind.
    pub(crate) fn retain(&mut self, frame: FrameRef, bytes: u64) {
        let worker = self.workers.iter_mut().find(|worker| worker.state == State::Serving(frame));
        worker.into_iter().for_each(|worker| worker.retained += bytes);
    }

    /// Workers that serve or could.
    pub(crate) fn up(&self) -> u32 {
        self.workers.iter().filter(|worker| worker.state != State::Booting).count() as u32
    }

    /// Workers that have been forked and have not exited.
    pub(crate) fn forked(&self) -> u32 {
        self.workers.len() as u32
    }

    /// What they serve.
    pub(crate) fn serving(&self) -> impl Iterator<Item = FrameRef> + '_ {
        self.workers.iter().filter_map(|worker| match worker.state {
            State::Serving(frame) => Some(frame),
            State::Booting | State::Idle => None,
        })
    }

    pub(crate) fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
    }

    pub(crate) fn set_wanted(&mut self, wanted: u32) {
        self.wanted = wanted;
    }
}

#[cfg(test)]
mod tests;
