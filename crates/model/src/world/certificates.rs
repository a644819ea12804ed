//! Certificates: a new encrypted connection to a process whose certificate has expired is refused by its client; connections that are open live
//! on, until their server closes them when it is reloaded, or dies.
//!
//! A client looks at the certificate as it was when the connection was begun. It notices at once that its server has closed an idle
//! connection, and connects anew for the next call; a connection that is carrying a call is closed behind the answer.
//!
//! What becomes of calls that come while a connection is being opened is what clients of each kind do. With `keep_alive` a connection
//! carries one call at a time (HTTP/1.1), so each call that finds none idle opens another. Without it one connection carries all (HTTP/2,
//! gRPC): the first call opens it, those that follow wait until it is open and go over it, as gRPC's channels queue calls while they connect
//! and Envoy's pools keep them pending. Of one that fails for its certificate nobody is told: each call tries again, without gRPC's back-off
//! between two tries.
//!
//! Left out beside that: clocks that are wrong, chains, revocation, session tickets, and certificates of databases and caches.

use super::{Event, World};
use crate::blueprint::LinkEnd;
use crate::frame::{Outcome, State};
use crate::id::{FrameRef, ServiceId};
use crate::process::{Closed, Life, Process};
use crate::purpose;
use crate::record::ErrorType;
use knockon_kernel::{Duration, Key};

impl World {
    /// How long it takes to open a connection; an error is how long it takes until the callee sends a certificate that has expired.
    pub(super) fn handshake(&self, to: u32, link: u32, key: Key) -> Result<Duration, Duration> {
        let described = self.blueprint.links[link as usize];
        let callee = &self.processes[to as usize];
        // Who does not listen shows no certificate.
        let expired = described.tls && callee.life == Life::Running && self.now() >= callee.certificate;
        // The last way back is the answer's.
        let ways = u64::from(described.connect_round_trips) * 2 - u64::from(expired);
        let way = |n| self.draw(described.latency, || key.purpose(purpose::CONNECT_LATENCY).with(n));
        let takes = (0..ways).fold(Duration::ZERO, |takes, n| takes + way(n));
        if expired { Err(takes) } else { Ok(takes) }
    }

    /// A call over a multiplexed, encrypted connection: opens it if it is closed, and waits for it if another call opens it.
    pub(super) fn reopen_multiplexed(&mut self, from: u32, to: u32, link: u32, key: Key) -> Result<Duration, Duration> {
        let now = self.now();
        let closed = &mut self.processes[from as usize].closed;
        let Some(at) = closed.iter().position(|closed| (closed.link, closed.to) == (link, to)) else {
            return Ok(Duration::ZERO);
        };
        match closed[at].opens {
            Some(opens) if opens > now => return Ok(opens - now),
            Some(_) => {
                closed.swap_remove(at);
                return Ok(Duration::ZERO);
            }
            None => {}
        }
        let takes = self.handshake(to, link, key)?;
        self.processes[from as usize].closed[at].opens = Some(now + takes);
        Ok(takes)
    }

    /// A handshake goes out that will end with the callee's certificate.
    #[cold]
    pub(super) fn begin_vain_handshake(&mut self, attempt: FrameRef, latency: Duration) {
        let f = &mut self.frames[attempt];
        (f.outcome, f.state) = (Outcome::lost(ErrorType::Certificate), State::Doomed);
        self.calendar.post(self.now() + latency, Event::Deliver { frame: attempt }.packed());
    }

    /// It has reached the callee, which sends its certificate as soon as it runs; the client does not trust it. No request has arrived.
    pub(super) fn break_handshake(&mut self, attempt: FrameRef) {
        let now = self.now();
        let f = &mut self.frames[attempt];
        let callee = &mut self.processes[f.process as usize];
        if callee.is_stopped() {
            callee.inbox.push_back((now, Event::Deliver { frame: attempt }));
            return;
        }
        f.keeps_connection = false;
        self.send_answer(attempt);
    }

    /// Every process of a service loads its certificate, and closes what clients keep.
    pub(super) fn reload_certificate(&mut self, service: ServiceId) {
        for process in self.processes_of(service) {
            self.processes[process as usize].certificate = self.services[service.index()].certificate;
            self.close_encrypted(process);
        }
        // What carries a call is closed behind the answer.
        for frame in self.frames.handles().collect::<Vec<_>>() {
            let f = &mut self.frames[frame];
            let link = self.blueprint.links.get(f.link as usize);
            f.keeps_connection &= !link.is_some_and(|link| link.tls && link.to == service);
        }
    }

    /// A process dies: connections that are kept to it break.
    pub(super) fn close_kept(&mut self, process: u32) {
        for other in &mut self.processes {
            other.keep_alive.retain(|kept| kept.to != process);
        }
        self.close_encrypted(process);
    }

    /// Encrypted connections that clients keep to a process are closed.
    fn close_encrypted(&mut self, process: u32) {
        let service = self.processes[process as usize].service;
        for (link, described) in (0..).zip(&self.blueprint.links) {
            if !described.tls || described.to.0 != service {
                continue;
            }
            for other in self.processes.iter_mut().filter(|other| is_end(other, described.from)) {
                other.keep_alive.retain(|kept| (kept.link, kept.to) != (link, process));
                if described.keep_alive.is_none() {
                    // One that is being opened is no better.
                    other.closed.retain(|closed| (closed.link, closed.to) != (link, process));
                    other.closed.push(Closed { link, to: process, opens: None });
                }
            }
        }
    }

    /// A process that starts has no connection yet, to nobody.
    pub(super) fn begin_unconnected(&mut self, process: u32) {
        let from = LinkEnd::Service(ServiceId(self.processes[process as usize].service));
        let mut closed = Vec::new();
        for (link, described) in (0..).zip(&self.blueprint.links) {
            if described.tls && described.keep_alive.is_none() && described.from == from {
                closed.extend(self.processes_of(described.to).map(|to| Closed { link, to, opens: None }));
            }
        }
        self.processes[process as usize].closed = closed;
    }
}

fn is_end(process: &Process, end: LinkEnd) -> bool {
    match end {
        LinkEnd::Service(service) => process.service == service.0,
        LinkEnd::Source(source) => process.source == source.0,
    }
}
