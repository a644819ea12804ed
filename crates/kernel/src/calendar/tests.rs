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
