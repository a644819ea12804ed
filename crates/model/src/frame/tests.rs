use super::*;

/// A frame of which no field is as in a new one.
fn used() -> Frame {
    let later = Time::from_nanos(77);
    let held = Held { pool: 3, transaction: true, broken: true, connection: ConnectionId(5), since: later };
    Frame {
        key: Key::new(11),
        root: Key::new(12),
        process: 13,
        program: 14,
        pc: 15,
        generation: 1,
        edge: 16,
        link: 39,
        caller: FrameRef { slot: 17, generation: 18 },
        call: 19,
        attempt: 20,
        state: State::Sleeping,
        part: Part::Lock,
        since: later,
        sent: later,
        arrived: later,
        answered: later,
        parts: [21; Part::COUNT],
        timer: knockon_kernel::Calendar::new().schedule(later, ()),
        timer_serial: 22,
        demand_ns: 23,
        paused_mark_ns: 24,
        calls: 25,
        attempts: 26,
        call_edge: 27,
        query_pool: 28,
        child: FrameRef { slot: 29, generation: 30 },
        connecting: Some(ConnectionId(31)),
        backoff_ns: 32,
        throttled_mark_ns: 3,
        held: [Some(held); HELD],
        loops: [33; LOOPS],
        deadline: later,
        outcome: Outcome { status: 34, error: Some(ErrorType::Timeout), retry_after_s: 40 },
        cache_key: 35,
        keyspace: 36,
        row: Some((DataId(42), 43)),
        user: 44,
        syns: 45,
        has_turn: true,
        looked_up: true,
        backend: 37,
        found: crate::store::Lookup::Hit,
        cancelled: true,
        starved: true,
        unwinding: true,
        orphan: true,
        caller_side: CallerSide::new(true, true),
        lines: 38,
        keeps_connection: true,
        client: 46,
        number: 40,
        place: 41,
        class: 42,
    }
}

#[test]
fn a_frame_that_begins_anew_keeps_nothing_of_the_one_before() {
    let caller = FrameRef { slot: 6, generation: 7 };
    let (mut old, mut new) = (used(), Frame::BLANK);
    for frame in [&mut old, &mut new] {
        frame.send(Key::new(1), Key::new(2), 3, 4, 5, caller, Time::from_nanos(8));
    }
    assert_eq!(format!("{old:?}"), format!("{new:?}"));
}

#[test]
fn a_handle_outlives_its_frame_but_finds_no_other() {
    let mut frames = Frames::default();
    let first = frames.occupy();
    frames.remove(first);
    let second = frames.occupy();
    assert_eq!((first.slot, frames.len()), (second.slot, 1));
    assert!(frames.get(first).is_none() && frames.get(second).is_some());
    assert_eq!(frames.handles().collect::<Vec<_>>(), [second]);
}
