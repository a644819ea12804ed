use super::*;
use proptest::prelude::*;

fn at(ns: u64) -> Time {
    Time::from_nanos(ns)
}

fn frame(slot: u32) -> FrameRef {
    FrameRef { slot, generation: 1 }
}

fn description() -> Description {
    Description {
        capacity: 1 << 30,
        used: 0,
        latency: Default::default(),
        bandwidth: 1_000_000_000,
        depth: 2,
        growth: 0,
        log_growth: 0,
        log_rotation: None,
        log_line: 0,
        minimum_wal: 5 * SEGMENT,
        maximum_wal: 64 * SEGMENT,
        checkpoint_timeout: Duration::from_secs(300),
    }
}

fn io(slot: u32, latency: u64, bytes: u64) -> Io {
    Io { frame: frame(slot), latency: Duration::from_nanos(latency), bytes, writes: false }
}

#[test]
fn latencies_overlap_as_deep_as_the_queue_is_and_bytes_cross_one_after_the_other() {
    let mut disk = Disk::new(&description());
    assert_eq!(disk.request(at(0), io(1, 100, 50)), Some(at(150)));
    assert_eq!(disk.request(at(0), io(2, 100, 50)), Some(at(200)), "the bus is taken until 150");
    assert_eq!(disk.request(at(0), io(3, 100, 50)), None);
    assert_eq!(disk.leave(at(150), frame(1), true), Some((frame(3), at(300))));
    assert_eq!(disk.leave(at(200), frame(2), true), None);
    let tally = disk.tally(at(300));
    assert_eq!(
        (tally.reads, tally.read_bytes, tally.busy, tally.weighted.as_nanos()),
        (2, 100, Duration::from_nanos(300), 450 + 100 + 100)
    );
}

#[test]
fn what_grows_steadily_takes_its_part_of_the_bus() {
    let half = 60 * 500_000_000;
    let mut disk = Disk::new(&Description { growth: half, capacity: 1 << 50, ..description() });
    assert_eq!(disk.request(at(0), io(1, 100, 50)), Some(at(200)));
    let mut full = Disk::new(&Description { growth: half, capacity: 5 * SEGMENT, ..description() });
    assert_eq!(full.request(at(0), io(1, 100, 50)), Some(at(150)), "what has no room is not written");
}

#[test]
fn a_nearly_full_disk_is_as_fast_as_an_empty_one() {
    let mut full = Disk::new(&Description { used: (1 << 30) - 6 * SEGMENT, ..description() });
    let mut empty = Disk::new(&description());
    assert_eq!(full.request(at(0), io(1, 100, 50)), empty.request(at(0), io(1, 100, 50)));
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Ask { latency: u64, bytes: u64 },
    GiveUp { of: usize },
    Wait { ns: u64 },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..500u64, 0..300u64).prop_map(|(latency, bytes)| Act::Ask { latency, bytes }),
        1 => (0..8usize).prop_map(|of| Act::GiveUp { of }),
        3 => (1..400u64).prop_map(|ns| Act::Wait { ns }),
    ]
}

/// Who has come, in that order: what is served is the first so many of them, each with its end.
#[derive(Default)]
struct Naive {
    there: Vec<(Io, Option<u64>)>,
    bus_free: u64,
    weighted: u64,
    busy: u64,
}

impl Naive {
    fn serve(&mut self, now: u64, depth: usize) {
        for n in 0..self.there.len() {
            let served = self.there.iter().filter(|(_, end)| end.is_some()).count();
            let (io, end) = &mut self.there[n];
            if end.is_none() && served < depth {
                let done = (now + io.latency.as_nanos()).max(self.bus_free) + io.bytes;
                (*end, self.bus_free) = (Some(done), done);
            }
        }
    }

    /// Nanosecond by nanosecond; says who was done when.
    fn wait(&mut self, from: u64, ns: u64, depth: usize) -> Vec<(u64, FrameRef)> {
        let mut done = Vec::new();
        for now in from..from + ns {
            self.weighted += self.there.len() as u64;
            self.busy += u64::from(!self.there.is_empty());
            while let Some(n) = self.there.iter().position(|&(_, end)| end == Some(now + 1)) {
                done.push((now + 1, self.there.remove(n).0.frame));
                self.serve(now + 1, depth);
            }
        }
        done
    }
}

proptest! {
    #[test]
    fn ios_are_done_when_they_are_nanosecond_by_nanosecond(depth in 1..4u32, acts in prop::collection::vec(act(), 1..60)) {
        let mut disk = Disk::new(&Description { depth, ..description() });
        let mut naive = Naive::default();
        let mut ends: Vec<(u64, FrameRef)> = Vec::new();
        let mut now = 0;
        for (slot, act) in (0u32..).zip(acts) {
            match act {
                Act::Ask { latency, bytes } => {
                    // One that takes no time at all is over within its instant, which the naive disk does not know.
                    let io = io(slot, latency + 1, bytes);
                    ends.extend(disk.request(at(now), io).map(|end| (end.as_nanos(), io.frame)));
                    naive.there.push((io, None));
                    naive.serve(now, depth as usize);
                }
                Act::GiveUp { of } => {
                    let Some(&(Io { frame, .. }, _)) = naive.there.get(of) else { continue };
                    naive.there.remove(of);
                    naive.serve(now, depth as usize);
                    ends.retain(|&(_, other)| other != frame);
                    let next = disk.leave(at(now), frame, false);
                    ends.extend(next.map(|(frame, end)| (end.as_nanos(), frame)));
                }
                Act::Wait { ns } => {
                    let mut done = Vec::new();
                    while let Some(n) = (0..ends.len()).filter(|&n| ends[n].0 <= now + ns).min_by_key(|&n| ends[n].0) {
                        let (end, frame) = ends.remove(n);
                        done.push((end, frame));
                        let next = disk.leave(at(end), frame, true);
                        ends.extend(next.map(|(frame, end)| (end.as_nanos(), frame)));
                    }
                    prop_assert_eq!(done, naive.wait(now, ns, depth as usize));
                    now += ns;
                }
            }
            prop_assert_eq!(disk.served().count() + disk.waiting().count(), naive.there.len());
            let tally = disk.tally(at(now));
            prop_assert_eq!((tally.busy.as_nanos(), tally.weighted.as_nanos()), (naive.busy, naive.weighted));
        }
    }
}

const MINUTE: u64 = 60_000_000_000;

#[test]
fn a_steadily_written_database_uses_its_log_again_and_runs_out_of_pages_first() {
    // 64 segments at most: a checkpoint begins after 33.
    let mut space = Space::new(&Description { capacity: 100 * SEGMENT, ..description() });
    let mut checkpoints = 0;
    let mut now = 0;
    let full = loop {
        now += 1_000_000_000;
        if space.write_wal(at(now), 8 * SEGMENT / 10) == Wal::Checkpoint {
            checkpoints += 1;
        }
        if space.write_rows(at(now), SEGMENT / 2).is_err() {
            break now;
        }
        assert!(now < 10 * MINUTE);
    };
    assert!(checkpoints > 1, "{checkpoints}");
    let readings = space.readings(at(full));
    assert!(readings.free < SEGMENT && readings.segments <= 64, "{readings:?}");
    assert_eq!(space.write_wal(at(full), SEGMENT / 2), Wal::Written, "the log has its segments");
}

#[test]
fn a_log_that_wants_a_segment_where_there_is_no_room_panics_and_nothing_starts_until_there_is() {
    let mut space = Space::new(&Description { capacity: 6 * SEGMENT, used: SEGMENT / 2, ..description() });
    assert_eq!(space.write_wal(at(0), 5 * SEGMENT), Wal::Written);
    assert_eq!(space.write_wal(at(1), 1), Wal::Panic);
    assert!(!space.can_start(at(2)));
    assert_eq!(space.set_capacity(at(3), 20 * SEGMENT), 6 * SEGMENT);
    assert!(space.can_start(at(4)));
    space.recovered(at(4));
    assert_eq!(space.write_wal(at(5), SEGMENT), Wal::Written);
}

/// Once a disk is full nothing is written, and yet the log gives back what it does not need: the server makes its checkpoints.
#[test]
fn checkpoints_for_their_time_give_back_the_room_of_a_log_that_is_written_less() {
    let mut space = Space::new(&Description { capacity: 100 * SEGMENT, ..description() });
    assert_eq!(space.write_wal(at(0), 30 * SEGMENT), Wal::Written);
    let segments = |space: &Space, now| space.readings(now).segments;
    assert_eq!(segments(&space, at(0)), 30);
    let (mut now, mut skipped, mut before) = (Time::ZERO, 0, 30);
    for _ in 0..40 {
        now = space.next_checkpoint();
        assert_eq!(now.as_nanos() % (5 * MINUTE), 0);
        skipped += u64::from(!space.checkpoint_for_time(now));
        assert!(segments(&space, now) <= before);
        before = segments(&space, now);
        assert_eq!(space.write_wal(now, 1_000), Wal::Written);
    }
    assert_eq!((skipped, segments(&space, now)), (0, description().minimum_wal / SEGMENT));
    assert!(space.checkpoint_for_time(space.next_checkpoint()) && !space.checkpoint_for_time(space.next_checkpoint()));
    assert_eq!(space.readings(space.next_checkpoint()).checkpoints, (42, 0));
}

#[test]
fn a_log_that_is_rotated_stays_at_its_bound_and_one_that_is_not_fills_the_disk() {
    let of = |rotation| {
        let grown =
            Description { log_growth: SEGMENT, log_rotation: rotation, capacity: 100 * SEGMENT, ..description() };
        Space::new(&grown)
    };
    let (rotated, kept) = (of(Some(3 * SEGMENT)), of(None));
    assert_eq!(rotated.readings(at(50 * MINUTE)).log, 3 * SEGMENT);
    assert_eq!(kept.readings(at(50 * MINUTE)).log, 50 * SEGMENT);
    assert_eq!(kept.readings(at(500 * MINUTE)).free, 0);
    assert_eq!(kept.readings(at(500 * MINUTE)).log, 95 * SEGMENT);
}

proptest! {
    /// Growth in whole steps, however often one looks, is growth at once; and bytes are counted one by one.
    #[test]
    fn what_grows_grows_by_the_same_however_often_one_looks(
        rate in 0..1_000_000_000u64, steps in prop::collection::vec(1..40_000_000_000u64, 1..30), rows in 0..30_000u64
    ) {
        let grown = Description { growth: rate, capacity: 1 << 40, ..description() };
        let (mut often, mut once) = (Space::new(&grown), Space::new(&grown));
        let (mut now, mut written) = (0u64, 0u64);
        for step in steps {
            now += step;
            often.settle(at(now));
            prop_assert!(often.write_rows(at(now), rows).is_ok());
            written += rows;
        }
        once.settle(at(now));
        let expected = (u128::from(rate) * u128::from(now) / u128::from(MINUTE)) as u64;
        prop_assert_eq!(once.readings(at(now)).data, expected);
        prop_assert_eq!(often.readings(at(now)).data, expected + written / PAGE * PAGE);
    }

    /// However it is written, what lies on a disk is never more than it has, a log never larger than its bounds, and what was refused changes nothing.
    #[test]
    fn a_disk_never_holds_more_than_it_has(
        capacity in 6..40u64, growth in 0..SEGMENT, writes in prop::collection::vec((0..3u8, 0..2 * SEGMENT), 1..80)
    ) {
        let capacity = capacity * SEGMENT;
        let mut space = Space::new(&Description { capacity, growth, log_rotation: Some(2 * SEGMENT), maximum_wal: 8 * SEGMENT, ..description() });
        let mut flushed = 0;
        for (n, (what, bytes)) in (0u64..).zip(writes) {
            let now = at(n * 1_000_000_000);
            space.settle(now);
            let before = space.clone();
            match what {
                0 if space.write_rows(now, bytes) == Err(Full) => {
                    prop_assert!(before.free() < bytes + PAGE);
                    prop_assert_eq!(&space, &before);
                }
                1 => match space.write_wal(now, bytes) {
                    Wal::Panic => {
                        prop_assert!(before.free() < (flushed + bytes).div_ceil(SEGMENT) * SEGMENT);
                        prop_assert_eq!(&space, &before);
                    }
                    Wal::Written => flushed += bytes,
                    Wal::Checkpoint => flushed = 0,
                },
                _ => space.log_line(now, bytes),
            }
            let readings = space.readings(now);
            prop_assert_eq!(readings.free + readings.data + readings.log + readings.wal, capacity);
            prop_assert!(readings.log <= 2 * SEGMENT);
        }
    }
}
