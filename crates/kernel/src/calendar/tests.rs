use super::*;

#[test]
fn ties_are_served_in_the_order_of_scheduling() {
    let mut calendar = Calendar::new();
    let at = Time::from_nanos(5);
    let lane = calendar.lane(Duration::from_nanos(5));
    calendar.post(at, 'a');
    calendar.schedule_in_lane(lane, 'b');
    calendar.schedule(at, 'c');
    let mut order = String::new();
    while let Next::Event(now, event) = calendar.next(Time::MAX) {
        assert_eq!(now, at);
        order.push(event);
        if event == 'a' {
            calendar.post(now, 'd');
        }
    }
    assert_eq!(order, "abcd");
}

#[test]
fn a_zero_delay_loop_is_a_livelock() {
    let mut calendar = Calendar::new();
    calendar.set_events_per_instant(10);
    calendar.post(Time::from_nanos(3), ());
    let mut events = 0;
    let end = loop {
        match calendar.next(Time::MAX) {
            Next::Event(now, ()) => {
                events += 1;
                calendar.post(now, ());
            }
            end => break end,
        }
    };
    assert_eq!((end, events), (Next::Livelock { at: Time::from_nanos(3) }, 10));
}

#[test]
#[should_panic(expected = "an event was scheduled for 1 ns, before now, which is 2 ns")]
fn the_past_cannot_be_scheduled() {
    let mut calendar = Calendar::new();
    calendar.post(Time::from_nanos(2), ());
    calendar.next(Time::MAX);
    calendar.post(Time::from_nanos(1), ());
}

#[test]
fn stale_tickets_cancel_nothing() {
    let mut calendar = Calendar::new();
    let lane = calendar.lane(Duration::from_nanos(1));
    assert!(!calendar.cancel(Ticket::NONE));
    let first = [calendar.schedule(Time::from_nanos(1), 1), calendar.schedule_in_lane(lane, 2)];
    assert_eq!(first.map(|ticket| calendar.cancel(ticket)), [true; 2]);
    // These take the slots that have become free.
    let second = [calendar.schedule(Time::from_nanos(1), 3), calendar.schedule_in_lane(lane, 4)];
    assert_eq!(first.map(|ticket| calendar.cancel(ticket)), [false; 2]);
    assert_eq!(calendar.len(), 2);
    assert_eq!(calendar.next(Time::MAX), Next::Event(Time::from_nanos(1), 3));
    assert_eq!(calendar.next(Time::MAX), Next::Event(Time::from_nanos(1), 4));
    assert_eq!(second.map(|ticket| calendar.cancel(ticket)), [false; 2]);
    assert_eq!((calendar.next(Time::MAX), calendar.next_time()), (Next::Idle, None));
}

/// Ten thousand events scheduled and cancelled leave nothing behind, whichever way they are scheduled.
#[test]
fn cancelled_events_leave_no_litter() {
    let mut calendar = Calendar::new();
    let lane = calendar.lane(Duration::from_secs(1));
    let mut live = Vec::new();
    for round in 0..10_u64 {
        for n in 0..1_000 {
            let at = calendar.now() + Duration::from_nanos(n);
            let ticket = if n % 2 == 0 { calendar.schedule(at, n) } else { calendar.schedule_in_lane(lane, n) };
            if n % 100 == 0 && round == 0 {
                live.push(ticket);
            } else {
                assert!(calendar.cancel(ticket));
            }
        }
        assert_eq!(calendar.len(), live.len());
        assert!(calendar.heap.len() <= 2 * live.len() + SPARE_DEAD, "{} keys", calendar.heap.len());
        assert!(calendar.due.len() <= 2 * live.len() + SPARE_DEAD, "{} due", calendar.due.len());
    }
}

/// A lane whose head was cancelled keeps its place in the heap and fires at the time of its next event, not before.
#[test]
fn a_cancelled_head_does_not_fire_its_successor_early() {
    let mut calendar = Calendar::new();
    let lane = calendar.lane(Duration::from_nanos(10));
    let head = calendar.schedule_in_lane(lane, "head");
    calendar.post(Time::from_nanos(4), "tick");
    assert_eq!(calendar.next(Time::MAX), Next::Event(Time::from_nanos(4), "tick"));
    calendar.schedule_in_lane(lane, "next");
    calendar.post(Time::from_nanos(12), "between");
    calendar.cancel(head);
    assert_eq!(calendar.next_time(), Some(Time::from_nanos(12)));
    assert_eq!(calendar.next(Time::from_nanos(11)), Next::Idle);
    assert_eq!(calendar.next(Time::MAX), Next::Event(Time::from_nanos(12), "between"));
    assert_eq!(calendar.next(Time::MAX), Next::Event(Time::from_nanos(14), "next"));
}

#[test]
fn lanes_of_one_delay_are_one_lane() {
    let mut calendar = Calendar::<()>::new();
    let lanes = [5, 7, 5].map(|nanos| calendar.lane(Duration::from_nanos(nanos)));
    assert_eq!(lanes[0], lanes[2]);
    assert_ne!(lanes[0], lanes[1]);
}

#[test]
fn the_last_instant_can_be_reached() {
    let mut calendar = Calendar::new();
    calendar.post(Time::MAX, 'a');
    assert_eq!(calendar.next(Time::MAX), Next::Event(Time::MAX, 'a'));
    calendar.post(Time::MAX, 'b');
    assert_eq!(calendar.next_time(), Some(Time::MAX));
    assert_eq!(calendar.next(Time::MAX), Next::Event(Time::MAX, 'b'));
    assert_eq!(calendar.next(Time::MAX), Next::Idle);
}

/// Comparisons an event of the hold model: `pending` events, each of which schedules its successor at a pseudo-random distance.
fn comparisons_an_event(pending: u64) -> f64 {
    let mut calendar = Calendar::new();
    let mut word = 1u64;
    let mut increment = || {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Exponential with a mean of about a million, by its inverse on 1024 steps.
        let unit = ((word >> 54) as f64 + 0.5) / 1024.0;
        Duration::from_nanos((-libm::log(unit) * 1e6) as u64 + (word >> 44 & 1023))
    };
    for owner in 0..pending {
        calendar.post(Time::ZERO + increment(), owner);
    }
    // Past the first generation, so that the heap has the shape that it keeps.
    let events = 4 * pending.max(10_000);
    for event in 0..events {
        if event == events / 2 {
            heap::count::take();
        }
        let Next::Event(now, owner) = calendar.next(Time::MAX) else { panic!("an event is pending") };
        calendar.post(now + increment(), owner);
    }
    heap::count::take() as f64 / (events - events / 2) as f64
}

#[test]
fn comparisons_grow_with_the_logarithm_of_what_is_pending() {
    let measured: Vec<(u64, f64)> =
        (1..=6).map(|power| 10u64.pow(power)).map(|n| (n, comparisons_an_event(n))).collect();
    for &(pending, comparisons) in &measured {
        // Four for each of the log4(n) levels that a key may sink, and those at the root.
        let bound = 4.0 * libm::log(pending as f64) / libm::log(4.0) + 8.0;
        assert!(comparisons <= bound, "{pending} pending: {comparisons} comparisons an event, more than {bound}");
    }
    // And no faster: each tenfold costs about as much more as the one before.
    let steps: Vec<f64> = measured.windows(2).map(|pair| pair[1].1 - pair[0].1).collect();
    let longest = 4.0 * libm::log(10.0) / libm::log(4.0) + 1.0;
    assert!(steps.iter().all(|&step| step <= longest), "{measured:?}");
}
