//! Pages, rows and the write-ahead log of a database with a disk: what is not in memory is read, what is written needs room.

use super::execute::Flow;
use super::{Event, World};
use crate::buffers::Buffers;
use crate::disk::{Io, PAGE, Wal};
use crate::frame::State;
use crate::id::FrameRef;
use crate::process::Life;
use crate::purpose;
use crate::record::{ErrorType, LogEvent, Part};
use crate::sink::Sink;
use knockon_kernel::{Duration, Time};

impl World {
    /// The buffers of a starting database: in a steady state where it has been there for long.
    pub(super) fn furnish_buffers(&mut self, process: u32) {
        let cold = self.now() > Time::ZERO;
        let now = self.now();
        let p = &mut self.processes[process as usize];
        if let Some(replay) = &mut p.replay {
            replay.resume(now);
        }
        let Some(storage) = &self.blueprint.services[p.service as usize].storage else { return };
        let make = if cold { Buffers::cold } else { Buffers::new };
        p.buffers = Some(Box::new(make(storage.buffers, &storage.tables)));
    }

    /// A statement reads pages of a table; of 0 pages all that there are.
    pub(super) fn read_pages(&mut self, frame: FrameRef, site: u32, table: usize, pages: u32) -> Flow {
        let f = &self.frames[frame];
        let (index, key) = (f.process, f.key.with(u64::from(site)).with(f.iteration()));
        let p = &mut self.processes[index as usize];
        let Some(buffers) = &mut p.buffers else { return Flow::On };
        let mut draws = key.purpose(purpose::PAGES).stream();
        let before = buffers.tally();
        let missing = match pages {
            0 => buffers.scan(table, &mut draws),
            pages => buffers.read(table, u64::from(pages), &mut draws),
        };
        let after = buffers.tally();
        let statistics = &mut self.services[p.service as usize].statistics;
        statistics.buffer_hits += after.0 - before.0;
        statistics.buffer_misses += after.1 - before.1;
        if missing == 0 {
            return Flow::On;
        }
        // One page after the other; of a scan the kernel reads ahead.
        let ios = if pages == 0 { 1 } else { missing };
        let latency = (0..ios).map(|n| self.io_latency(frame, site, n)).sum();
        self.begin_io(Io { frame, latency, bytes: missing * PAGE, writes: false })
    }

    /// What the device takes for an I/O of a statement.
    fn io_latency(&self, frame: FrameRef, site: u32, number: u64) -> Duration {
        let f = &self.frames[frame];
        let service = self.processes[f.process as usize].service as usize;
        let storage = self.blueprint.services[service].storage.as_ref();
        let sampler = storage.expect("only databases with a disk have I/Os").disk.latency;
        let key = f.key.with(u64::from(site)).with(f.iteration()).with(number);
        self.draw(sampler, || key.purpose(purpose::IO))
    }

    /// A statement writes rows, and what recovery needs of them.
    pub(super) fn write_rows<S: Sink>(&mut self, frame: FrameRef, bytes: u64, wal: u64, sink: &mut S) -> Flow {
        let now = self.now();
        let index = self.frames[frame].process;
        let p = &mut self.processes[index as usize];
        let Some(disk) = &mut p.disk else { return Flow::On };
        let service = p.service as usize;
        if disk.space.write_rows(now, bytes).is_err() {
            self.services[service].statistics.disk_full += 1;
            self.fail_statement(frame, ErrorType::DiskFull, sink);
            self.emit_log(index, LogEvent::DiskFullHint, sink);
            return Flow::Leave;
        }
        disk.wrote(wal);
        let written = disk.space.write_wal(now, wal);
        if written != Wal::Panic {
            for standby in self.services[service].standbys.clone() {
                if let Some(replay) = &mut self.processes[standby as usize].replay {
                    replay.append(now, wal);
                }
            }
        }
        match written {
            Wal::Written => Flow::On,
            Wal::Checkpoint => {
                self.emit_log(index, LogEvent::Checkpoint { timed: false }, sink);
                Flow::On
            }
            Wal::Panic => {
                self.services[service].statistics.panics += 1;
                self.emit_log(index, LogEvent::LogFull { starting: false }, sink);
                self.exit(index, 1, false, sink);
                Flow::Leave
            }
        }
    }

    /// A statement of a replica sees what that has replayed.
    pub(super) fn see_replayed(&mut self, frame: FrameRef) -> Flow {
        let now = self.now();
        let p = &mut self.processes[self.frames[frame].process as usize];
        if let Some(replay) = &mut p.replay {
            let lag = replay.lag(now);
            let statistics = &mut self.services[p.service as usize].statistics;
            statistics.staleness.record(lag);
            statistics.stale_reads += u64::from(!lag.is_zero());
        }
        Flow::On
    }

    /// Sees to it that the server makes a checkpoint when it is time.
    pub(super) fn plan_checkpoint(&mut self, process: u32) {
        let p = &self.processes[process as usize];
        let Some(disk) = &p.disk else { return };
        let event = Event::Checkpoint { process, incarnation: p.incarnation };
        self.calendar.post(disk.space.next_checkpoint().max(self.now()), event.packed());
    }

    /// It may be time for a checkpoint: where one was made for the log's size in between, it is later.
    pub(super) fn checkpoint_due<S: Sink>(&mut self, process: u32, incarnation: u32, sink: &mut S) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        if p.incarnation != incarnation || p.life == Life::Down {
            return;
        }
        if p.is_stopped() {
            p.inbox.push_back((now, Event::Checkpoint { process, incarnation }));
            return;
        }
        let Some(disk) = &mut p.disk else { return };
        if disk.space.next_checkpoint() <= now && disk.space.checkpoint_for_time(now) {
            self.emit_log(process, LogEvent::Checkpoint { timed: true }, sink);
        }
        self.plan_checkpoint(process);
    }

    /// Whether a starting database finds room for the end of its recovery.
    pub(super) fn recovers<S: Sink>(&mut self, process: u32, sink: &mut S) -> bool {
        let now = self.now();
        let Some(disk) = &mut self.processes[process as usize].disk else { return true };
        if disk.space.can_start(now) {
            disk.space.recovered(now);
            return true;
        }
        self.emit_log(process, LogEvent::LogFull { starting: true }, sink);
        self.exit(process, 1, false, sink);
        false
    }

    /// A statement that ends a transaction waits for what was written into the log.
    pub(super) fn sync_log(&mut self, frame: FrameRef, site: u32) -> Flow {
        let program = self.tables.programs[self.frames[frame].program as usize];
        let endpoint = &self.blueprint.services[program.service as usize].endpoints[program.endpoint as usize];
        if endpoint.operation.statement() != Some("COMMIT") && self.is_within_transaction(frame) {
            return Flow::On;
        }
        let latency = self.io_latency(frame, site, 0);
        let Some(disk) = &mut self.processes[self.frames[frame].process as usize].disk else { return Flow::On };
        let bytes = disk.flush();
        self.begin_io(Io { frame, latency, bytes, writes: true })
    }

    fn begin_io(&mut self, io: Io) -> Flow {
        let now = self.now();
        let frame = io.frame;
        let p = &mut self.processes[self.frames[frame].process as usize];
        let service = p.service as usize;
        let disk = p.disk.as_mut().expect("only databases with a disk have I/Os");
        match disk.request(now, io) {
            Some(done) => self.serve_io(frame, done),
            None => {
                self.services[service].statistics.disk_wait.enter(now);
                self.frames[frame].state = State::WaitingDisk;
                self.switch(frame, Part::Queued, now);
            }
        }
        Flow::Leave
    }

    fn serve_io(&mut self, frame: FrameRef, done: Time) {
        let now = self.now();
        let service = self.processes[self.frames[frame].process as usize].service as usize;
        self.services[service].statistics.disk_service.enter(now);
        self.frames[frame].state = State::Reading;
        self.switch(frame, Part::Computing, now);
        self.set_timer(frame, done - now);
    }

    /// A statement's I/O was done at `at`: it goes on, and the disk begins with the next.
    pub(super) fn io_done(&mut self, frame: FrameRef, at: Time) {
        self.leave_disk(frame, at, true);
        self.ready.push(frame);
    }

    /// A statement that is ended gives its I/O up.
    pub(super) fn stop_io(&mut self, frame: FrameRef, at: Time) {
        self.clear_timer(frame);
        self.leave_disk(frame, at, false);
    }

    fn leave_disk(&mut self, frame: FrameRef, at: Time, done: bool) {
        let now = self.now();
        let f = &self.frames[frame];
        let (index, state, since) = (f.process as usize, f.state, f.since);
        let p = &mut self.processes[index];
        let statistics = &mut self.services[p.service as usize].statistics;
        match state {
            State::WaitingDisk => statistics.disk_wait.leave(now, since),
            _ => statistics.disk_service.leave(now, since),
        }
        let next = p.disk.as_mut().and_then(|disk| disk.leave(now, frame, done));
        self.wake(frame, at);
        if let Some((next, done)) = next {
            let since = self.frames[next].since;
            let service = self.processes[index].service as usize;
            self.services[service].statistics.disk_wait.leave(now, since);
            self.serve_io(next, done);
        }
    }

    /// The server writes a line into the log on its disk, whoever looks on.
    pub(super) fn grow_log(&mut self, process: u32) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        if let Some(disk) = &mut p.disk
            && let Some(storage) = &self.blueprint.services[p.service as usize].storage
        {
            disk.space.log_line(now, storage.disk.log_line);
        }
    }

    /// What a process that ends had under way on its disk is gone; what lies there stays.
    pub(super) fn forget_ios(&mut self, process: u32) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        p.buffers = None;
        if let Some(replay) = &mut p.replay {
            replay.halt(now);
        }
        if let Some(disk) = &mut p.disk {
            disk.forget(now);
        }
    }
}
