use super::*;
use proptest::prelude::*;

fn at(ns: u64) -> Time {
    Time::from_nanos(ns)
}

#[test]
fn a_replica_is_behind_by_what_it_could_not_replay_yet() {
    // A byte a nanosecond.
    let mut replay = Replay::new(1_000_000_000, Duration::from_nanos(10));
    replay.append(at(100), 50);
    replay.append(at(120), 50);
    assert_eq!((replay.lag(at(130)), replay.bytes_behind(at(130))), (Duration::from_nanos(30), 100));
    assert_eq!(
        (replay.lag(at(160)), replay.bytes_behind(at(160))),
        (Duration::from_nanos(40), 50),
        "the first is done at 160"
    );
    assert_eq!(replay.readings(at(209)), (Duration::from_nanos(89), 50));
    assert_eq!(replay.lag(at(210)), Duration::ZERO);
}

#[test]
fn one_that_was_down_replays_what_was_written_meanwhile() {
    let mut replay = Replay::new(1_000_000_000, Duration::ZERO);
    replay.append(at(0), 100);
    replay.halt(at(50));
    replay.append(at(60), 100);
    assert_eq!(replay.lag(at(500)), Duration::from_nanos(500));
    replay.resume(at(1_000));
    assert_eq!(replay.bytes_behind(at(1_099)), 200, "the first begins anew");
    assert_eq!(replay.bytes_behind(at(1_100)), 100);
    assert_eq!(replay.bytes_behind(at(1_200)), 0);
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Write { bytes: u64 },
    Wait { ns: u64 },
    Halt,
    Resume,
}

proptest! {
    /// Beside one that replays byte by byte, a nanosecond each.
    #[test]
    fn what_has_been_replayed_is_what_byte_by_byte_has(
        delay in 0..40u64,
        acts in prop::collection::vec(prop_oneof![
            4 => (1..60u64).prop_map(|bytes| Act::Write { bytes }),
            5 => (1..90u64).prop_map(|ns| Act::Wait { ns }),
            1 => Just(Act::Halt),
            1 => Just(Act::Resume),
        ], 1..60)
    ) {
        let mut replay = Replay::new(1_000_000_000, Duration::from_nanos(delay));
        // Of each record: when it was written, how many bytes it has, and how many of them have been replayed.
        let mut naive: Vec<(u64, u64, u64)> = Vec::new();
        let (mut now, mut down) = (0u64, false);
        for act in acts {
            match act {
                Act::Write { bytes } => {
                    replay.append(at(now), bytes);
                    naive.push((now, bytes, 0));
                }
                Act::Wait { ns } => {
                    for _ in 0..ns {
                        if !down && let Some((written, bytes, done)) = naive.first_mut() && *written + delay <= now {
                            *done += 1;
                            if *done == *bytes {
                                naive.remove(0);
                            }
                        }
                        now += 1;
                    }
                }
                Act::Halt => {
                    replay.halt(at(now));
                    down = true;
                    naive.iter_mut().for_each(|record| record.2 = 0);
                }
                Act::Resume => {
                    replay.resume(at(now));
                    down = false;
                }
            }
            let lag = naive.first().map_or(0, |&(written, ..)| now - written);
            let behind: u64 = naive.iter().map(|&(_, bytes, _)| bytes).sum();
            prop_assert_eq!(replay.readings(at(now)), (Duration::from_nanos(lag), behind));
            prop_assert_eq!((replay.lag(at(now)).as_nanos(), replay.bytes_behind(at(now))), (lag, behind));
        }
    }
}
