//! Events of the calendar: small, `Copy`, and addressed. An event whose addressee has gone is stale and does nothing.

use super::brokers::Coming;
use crate::blueprint::ProbeKind;
use crate::id::{ConnectionId, FrameRef};
use serde::{Deserialize, Serialize};

/// What happens next.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Event {
    /// The next request of a source.
    Arrival { source: u32 },
    /// A user of a closed source has thought.
    User { source: u32, user: u32 },
    /// A request reaches its process.
    Deliver { frame: FrameRef },
    /// The answer of a child reaches the process of its caller.
    Reply { child: FrameRef },
    /// The news that the caller left reaches the process of its callee.
    Cancel { frame: FrameRef },
    /// A frame's timer: which one, its state tells.
    Timer { frame: FrameRef, serial: u32 },
    /// A frame goes on after its process stood still.
    Continue { frame: FrameRef },
    /// The next job of a shared processor is done.
    Processor { process: u32, incarnation: u32 },
    /// The running collection's pause is over.
    Collected { process: u32, incarnation: u32 },
    /// Concurrent marking has had its time.
    Marked { process: u32, incarnation: u32, number: u32 },
    /// The process accepts requests from now on.
    Started { process: u32, incarnation: u32 },
    /// A stopping process is killed, or the platform starts a process that exited.
    Supervise { process: u32, incarnation: u32 },
    /// A pool's timer or network event.
    Pool { process: u32, incarnation: u32, connection: ConnectionId, pool: u8, what: PoolEvent },
    /// A connection reaches its end at the database.
    Disconnect { process: u32, incarnation: u32 },
    /// The end of a connection, and of its session, reaches a database with row locks.
    HangUp { process: u32, incarnation: u32, backend: u32 },
    /// A statement has taken the whole `statement_timeout`.
    StatementTimeout { frame: FrameRef },
    /// A statement has waited for a lock for `deadlock_timeout`.
    LockWait { frame: FrameRef, serial: u32 },
    /// Whoever keeps the event loop of its process has done with it.
    Unblocked { frame: FrameRef },
    /// The arbiter of a process looks after its workers.
    ArbiterLooks { process: u32, incarnation: u32 },
    /// A worker process has booted.
    WorkerBooted { process: u32, incarnation: u32, worker: u32 },
    /// A periodic vacation of a process begins.
    VacationDue { process: u32, incarnation: u32 },
    /// A process comes back from its vacation.
    VacationOver { process: u32, incarnation: u32 },
    /// A patch acts.
    Patch { index: u32 },
    /// A patch acts on one process, which stood still when it acted on the others.
    PatchAt { index: u32, process: u32 },
    /// A patch is taken back.
    PatchEnd { index: u32 },
    /// Threads of an executor may have been idle for long enough.
    ThreadsExpire { process: u32, incarnation: u32, executor: u8 },
    /// A SYN that was dropped comes again, or is given up.
    Retransmit { frame: FrameRef },
    /// A bulkhead that grew has a permit for a frame that waits.
    Permit { frame: FrameRef },
    /// A message reaches its consumer's process.
    Consume { frame: FrameRef },
    /// An acknowledgement that went out early reaches the broker. Deliveries are numbered in 56 bits.
    Accepted { process: u32, incarnation: u32, delivery: u64 },
    /// The consumers of a process come or go, as a broker that stood still finds out.
    Consumer { process: u32, incarnation: u32, worker: u32, coming: Coming },
    /// Something of a broker's own is due.
    BrokerDue { process: u32, incarnation: u32 },
    /// A database's checkpoint may be due.
    Checkpoint { process: u32, incarnation: u32 },
    /// A Redis server's cron is due.
    CronDue { process: u32, incarnation: u32 },
    /// A cycle that deletes expired keys is over.
    CycleOver { process: u32, incarnation: u32 },
    /// A tick of a probe's grid.
    ProbeTick { process: u32, kind: ProbeKind },
    /// A question of a probe, by the lower half of its number, was answered, or has been open for its timeout.
    ProbeEnds { process: u32, kind: ProbeKind, number: u32 },
    /// Callers hear whether a process is ready.
    Rotation { process: u32, ready: bool },
}

/// Events of connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[repr(u8)]
pub(crate) enum PoolEvent {
    /// A new connection reaches the database.
    Arrive,
    /// It is open.
    Connected,
    /// It was refused: nobody listens.
    Refused,
    /// It was refused: no slot.
    Rejected,
    /// A validation's answer is back.
    Validated,
    /// A ping's answer is back.
    Pinged,
    /// The lifetime is over.
    Retire,
    /// Idle connections are pinged.
    KeepAlive,
    /// Time to look whether the connection is still held.
    LeakCheck,
    /// Idle connections above the minimum are closed.
    IdleCheck,
    /// Another try to fill.
    Refill,
}

impl PoolEvent {
    const ALL: [Self; 11] = [
        Self::Arrive,
        Self::Connected,
        Self::Refused,
        Self::Rejected,
        Self::Validated,
        Self::Pinged,
        Self::Retire,
        Self::KeepAlive,
        Self::LeakCheck,
        Self::IdleCheck,
        Self::Refill,
    ];
}

/// An event in two words, as the calendar keeps it and the digest absorbs it. Unlike an enumeration it travels in registers:
/// what is written in small parts and read back at once as a whole makes a processor wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Packed(pub(crate) u64, pub(crate) u64);

impl Event {
    #[inline]
    pub(crate) fn packed(self) -> Packed {
        let pair = |a: u32, b: u32| u64::from(a) | u64::from(b) << 32;
        let frame = |of: FrameRef| pair(of.slot, of.generation);
        match self {
            Self::Arrival { source } => Packed(1, u64::from(source)),
            Self::Deliver { frame: of } => Packed(2, frame(of)),
            Self::Reply { child } => Packed(3, frame(child)),
            Self::Cancel { frame: of } => Packed(4, frame(of)),
            Self::Timer { frame: of, serial } => Packed(5 | u64::from(serial) << 8, frame(of)),
            Self::Continue { frame: of } => Packed(6, frame(of)),
            Self::Processor { process, incarnation } => Packed(7, pair(process, incarnation)),
            Self::Collected { process, incarnation } => Packed(8, pair(process, incarnation)),
            Self::Marked { process, incarnation, number } => {
                Packed(9 | u64::from(number) << 8, pair(process, incarnation))
            }
            Self::Started { process, incarnation } => Packed(10, pair(process, incarnation)),
            Self::Supervise { process, incarnation } => Packed(11, pair(process, incarnation)),
            Self::Pool { process, incarnation, connection, pool, what } => Packed(
                12 | u64::from(pool) << 8 | (what as u64) << 16 | u64::from(connection.0) << 32,
                pair(process, incarnation),
            ),
            Self::Disconnect { process, incarnation } => Packed(13, pair(process, incarnation)),
            Self::HangUp { process, incarnation, backend } => {
                Packed(35 | u64::from(backend) << 8, pair(process, incarnation))
            }
            Self::StatementTimeout { frame: of } => Packed(36, frame(of)),
            Self::LockWait { frame: of, serial } => Packed(37 | u64::from(serial) << 8, frame(of)),
            Self::Patch { index } => Packed(14, u64::from(index)),
            Self::PatchAt { index, process } => Packed(60, pair(index, process)),
            Self::PatchEnd { index } => Packed(15, u64::from(index)),
            Self::Retransmit { frame: of } => Packed(20, frame(of)),
            Self::Unblocked { frame: of } => Packed(110, frame(of)),
            Self::ArbiterLooks { process, incarnation } => Packed(111, pair(process, incarnation)),
            Self::WorkerBooted { process, incarnation, worker } => {
                Packed(112 | u64::from(worker) << 8, pair(process, incarnation))
            }
            Self::ThreadsExpire { process, incarnation, executor } => {
                Packed(120 | u64::from(executor) << 8, pair(process, incarnation))
            }
            Self::Permit { frame: of } => Packed(25, frame(of)),
            Self::ProbeTick { process, kind } => Packed(80 | (kind as u64) << 8, u64::from(process)),
            Self::ProbeEnds { process, kind, number } => Packed(81 | (kind as u64) << 8, pair(process, number)),
            Self::Rotation { process, ready } => Packed(82, pair(process, u32::from(ready))),
            Self::User { source, user } => Packed(30, pair(source, user)),
            Self::VacationDue { process, incarnation } => Packed(31, pair(process, incarnation)),
            Self::VacationOver { process, incarnation } => Packed(32, pair(process, incarnation)),
            Self::Consume { frame: of } => Packed(70, frame(of)),
            Self::Accepted { process, incarnation, delivery } => Packed(71 | delivery << 8, pair(process, incarnation)),
            Self::Consumer { process, incarnation, worker, coming } => {
                Packed(72 | (coming as u64) << 8 | u64::from(worker) << 16, pair(process, incarnation))
            }
            Self::BrokerDue { process, incarnation } => Packed(73, pair(process, incarnation)),
            Self::Checkpoint { process, incarnation } => Packed(90, pair(process, incarnation)),
            Self::CronDue { process, incarnation } => Packed(100, pair(process, incarnation)),
            Self::CycleOver { process, incarnation } => Packed(101, pair(process, incarnation)),
        }
    }
}

impl Packed {
    #[inline(always)]
    pub(crate) fn event(self) -> Event {
        let Self(kind, subject) = self;
        let (low, high) = (subject as u32, (subject >> 32) as u32);
        let frame = FrameRef { slot: low, generation: high };
        let (process, incarnation) = (low, high);
        let probe = || ProbeKind::ALL[usize::from((kind >> 8) as u8)];
        match kind as u8 {
            80 => Event::ProbeTick { process: low, kind: probe() },
            81 => Event::ProbeEnds { process: low, kind: probe(), number: high },
            82 => Event::Rotation { process: low, ready: high != 0 },
            1 => Event::Arrival { source: low },
            2 => Event::Deliver { frame },
            3 => Event::Reply { child: frame },
            4 => Event::Cancel { frame },
            5 => Event::Timer { frame, serial: (kind >> 8) as u32 },
            6 => Event::Continue { frame },
            7 => Event::Processor { process, incarnation },
            8 => Event::Collected { process, incarnation },
            9 => Event::Marked { process, incarnation, number: (kind >> 8) as u32 },
            10 => Event::Started { process, incarnation },
            11 => Event::Supervise { process, incarnation },
            12 => Event::Pool {
                process,
                incarnation,
                connection: ConnectionId((kind >> 32) as u32),
                pool: (kind >> 8) as u8,
                what: PoolEvent::ALL[usize::from((kind >> 16) as u8)],
            },
            13 => Event::Disconnect { process, incarnation },
            14 => Event::Patch { index: low },
            15 => Event::PatchEnd { index: low },
            60 => Event::PatchAt { index: low, process: high },
            20 => Event::Retransmit { frame },
            35 => Event::HangUp { process, incarnation, backend: (kind >> 8) as u32 },
            36 => Event::StatementTimeout { frame },
            37 => Event::LockWait { frame, serial: (kind >> 8) as u32 },
            25 => Event::Permit { frame },
            30 => Event::User { source: low, user: high },
            31 => Event::VacationDue { process, incarnation },
            32 => Event::VacationOver { process, incarnation },
            70 => Event::Consume { frame },
            71 => Event::Accepted { process, incarnation, delivery: kind >> 8 },
            72 => Event::Consumer {
                process,
                incarnation,
                worker: (kind >> 16) as u32,
                coming: Coming::ALL[usize::from((kind >> 8) as u8)],
            },
            73 => Event::BrokerDue { process, incarnation },
            90 => Event::Checkpoint { process, incarnation },
            100 => Event::CronDue { process, incarnation },
            101 => Event::CycleOver { process, incarnation },
            110 => Event::Unblocked { frame },
            111 => Event::ArbiterLooks { process, incarnation },
            112 => Event::WorkerBooted { process, incarnation, worker: (kind >> 8) as u32 },
            120 => Event::ThreadsExpire { process, incarnation, executor: (kind >> 8) as u8 },
            other => unreachable!("no event is packed as {other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_what_it_was_before_it_was_packed() {
        let (process, incarnation, index) = (u32::MAX, 0xfedc_ba98, 7);
        let frame = FrameRef { slot: 0x0123_4567, generation: u32::MAX };
        let mut events = vec![
            Event::Arrival { source: u32::MAX },
            Event::Deliver { frame },
            Event::Reply { child: frame },
            Event::Cancel { frame },
            Event::Timer { frame, serial: u32::MAX },
            Event::Continue { frame },
            Event::Processor { process, incarnation },
            Event::Collected { process, incarnation },
            Event::Marked { process, incarnation, number: u32::MAX },
            Event::Started { process, incarnation },
            Event::Supervise { process, incarnation },
            Event::Disconnect { process, incarnation },
            Event::HangUp { process, incarnation, backend: u32::MAX },
            Event::StatementTimeout { frame },
            Event::LockWait { frame, serial: u32::MAX },
            Event::Patch { index },
            Event::PatchAt { index, process },
            Event::PatchEnd { index },
            Event::Retransmit { frame },
            Event::Unblocked { frame },
            Event::ArbiterLooks { process, incarnation },
            Event::WorkerBooted { process, incarnation, worker: u32::MAX },
            Event::ThreadsExpire { process, incarnation, executor: u8::MAX },
            Event::Permit { frame },
            Event::User { source: u32::MAX, user: index },
            Event::VacationDue { process, incarnation },
            Event::VacationOver { process, incarnation },
            Event::Consume { frame },
            Event::Accepted { process, incarnation, delivery: (1 << 56) - 1 },
            Event::BrokerDue { process, incarnation },
            Event::Checkpoint { process, incarnation },
            Event::CronDue { process, incarnation },
            Event::CycleOver { process, incarnation },
        ];
        let comings = Coming::ALL.map(|coming| Event::Consumer { process, incarnation, worker: u32::MAX, coming });
        events.extend(comings);
        let connection = ConnectionId(u32::MAX - 1);
        let of_pool = PoolEvent::ALL.map(|what| Event::Pool { process, incarnation, connection, pool: 255, what });
        events.extend(of_pool);
        let mut kinds = std::collections::BTreeMap::new();
        for event in events {
            let name = format!("{event:?}").split([' ', '{']).next().map(str::to_owned);
            let of_it = kinds.entry(event.packed().0 as u8).or_insert_with(|| name.clone());
            assert_eq!(*of_it, name, "a number stands for one kind of event");
            assert_eq!(event.packed().event(), event);
        }
    }
}
