//! Connections of clients to a Redis server that takes a limited number of them (`maxclients`).
//!
//! A client that multiplexes has one connection, opened by its first command; one that keeps connections has one for each command under way, and
//! those that lie idle. The server counts them as they are opened; at its limit a new one is answered with an error and closed, and
//! the command that wanted it fails. The next one tries again. Where nothing limits them nothing is counted.
//!
//! Left out: that a connection counts only from when it arrives and until its end does, half a round trip later; connections that are not
//! clients of the scenario's (exporters, replicas); `timeout`, which closes idle ones, and clients that wait for a connection of a pool of theirs.

use super::World;
use crate::frame::Outcome;
use crate::id::FrameRef;
use crate::process::{Dialled, Life};
use crate::record::ErrorType;

impl World {
    /// Counts the connection that carries a command from one process to another, if the server limits them; or refuses it.
    #[cold]
    pub(super) fn count_client(&mut self, child: FrameRef, from: u32, (to, link): (u32, u32), limit: u32) {
        let server = &self.processes[to as usize];
        if server.life != Life::Running {
            return;
        }
        let (service, open, life) = (server.service as usize, server.connections, server.incarnation);
        let multiplexed = self.blueprint.links[link as usize].keep_alive.is_none();
        let client = &mut self.processes[from as usize];
        let has_one = if multiplexed {
            client.dialled.contains(&Dialled { link, to })
        } else {
            client.keep_alive.iter().any(|kept| (kept.link, kept.to) == (link, to) && kept.idle > 0)
        };
        if !has_one && open >= limit {
            self.services[service].statistics.rejected_connections += 1;
            self.processes[to as usize].rejected += 1;
            let f = &mut self.frames[child];
            f.state = crate::frame::State::Doomed;
            f.outcome = Outcome::lost(ErrorType::TooManyConnections);
            return;
        }
        if multiplexed {
            if !has_one {
                client.dialled.push(Dialled { link, to });
            }
        } else {
            self.frames[child].client = life + 1;
        }
        self.processes[to as usize].connections += u32::from(!has_one);
    }

    /// The connection that carried a command is closed, if it is counted.
    #[inline]
    pub(super) fn close_client(&mut self, child: FrameRef) {
        let Some(f) = self.frames.get_mut(child).filter(|f| f.client > 0) else { return };
        let (life, to) = (std::mem::take(&mut f.client), f.process);
        self.client_gone(to, life);
    }

    /// Whether the connection that carried a command can be kept: it is not one to an earlier life of a server that counts them.
    #[inline]
    pub(super) fn is_still_open(&self, client: u32, to: u32) -> bool {
        client == 0 || client == self.processes[to as usize].incarnation + 1
    }

    /// A counted connection that a command was sent over is closed.
    #[inline]
    pub(super) fn client_gone(&mut self, to: u32, life: u32) {
        if life == 0 {
            return;
        }
        let server = &mut self.processes[to as usize];
        if life == server.incarnation + 1 && server.life != Life::Down {
            server.connections = server.connections.saturating_sub(1);
        }
    }

    /// A process ends: idle connections of it are closed, and the server of which it is forgets whom it had.
    pub(super) fn hang_up_clients(&mut self, process: u32) {
        let dialled = std::mem::take(&mut self.processes[process as usize].dialled);
        for Dialled { to, .. } in dialled {
            let server = &mut self.processes[to as usize];
            server.connections = server.connections.saturating_sub(1);
        }
        for n in 0..self.processes[process as usize].keep_alive.len() {
            let kept = self.processes[process as usize].keep_alive[n];
            let to = &mut self.processes[kept.to as usize];
            if self.services.get(to.service as usize).is_some_and(|service| service.maxclients.is_some()) {
                to.connections = to.connections.saturating_sub(kept.idle);
            }
        }
        let service = self.processes[process as usize].service as usize;
        if self.services.get(service).is_some_and(|service| service.maxclients.is_some()) {
            for other in &mut self.processes {
                other.dialled.retain(|dialled| dialled.to != process);
            }
        }
    }

    /// Connections that are open to a server that counts them, counted again.
    pub(super) fn clients_of(&self, server: u32) -> u32 {
        let life = self.processes[server as usize].incarnation + 1;
        let of_process = |p: &crate::process::Process| {
            let dialled = p.dialled.iter().filter(|dialled| dialled.to == server).count() as u32;
            dialled + p.keep_alive.iter().filter(|kept| kept.to == server).map(|kept| kept.idle).sum::<u32>()
        };
        let frames = self.frames.handles().map(|handle| &self.frames[handle]);
        let under_way = frames.filter(|f| f.process == server && f.client == life).count() as u32;
        self.processes.iter().map(of_process).sum::<u32>() + under_way
    }
}
