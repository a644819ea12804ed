use super::*;
use proptest::prelude::*;

fn frame(slot: u32) -> FrameRef {
    FrameRef { slot, generation: 1 }
}

fn second(second: u64) -> Time {
    Time::from_nanos(second * 1_000_000_000)
}

const TIMEOUT: u64 = 5;
const BOOT: u64 = 3;

/// Every worker there ever was, by age from 1, with all that happened to it: times of its fork, its boot, its requests and their ends, its end.
#[derive(Default)]
struct Life {
    forked: u64,
    booted: Option<u64>,
    served: Vec<(u32, u64, Option<u64>)>,
    ended: Option<u64>,
}

impl Life {
    fn serves(&self) -> Option<(u32, u64)> {
        let last = self.served.last().filter(|(.., end)| end.is_none());
        last.filter(|_| self.ended.is_none()).map(|&(request, since, _)| (request, since))
    }

    fn is_idle(&self) -> bool {
        self.ended.is_none() && self.booted.is_some() && self.serves().is_none()
    }

    fn idle_since(&self) -> u64 {
        self.served.last().and_then(|&(.., end)| end).or(self.booted).unwrap_or(0)
    }
}

struct Naive {
    lives: Vec<Life>,
    wanted: usize,
}

impl Naive {
    fn there(&self) -> usize {
        self.lives.iter().filter(|life| life.ended.is_none()).count()
    }

    fn fork(&mut self, now: u64) {
        while self.there() < self.wanted {
            self.lives.push(Life { forked: now, ..Life::default() });
        }
    }

    /// Ends of those whose heartbeat is too old, in the order of age: age and request.
    fn kill(&mut self, now: u64) -> Vec<(u32, Option<u32>)> {
        let mut killed = Vec::new();
        for (n, life) in self.lives.iter_mut().enumerate().filter(|(_, life)| life.ended.is_none()) {
            let beat = match (life.booted, life.serves()) {
                (None, _) => life.forked,
                (_, Some((_, since))) => since,
                _ => now,
            };
            if now - beat > TIMEOUT {
                killed.push((n as u32 + 1, life.serves().map(|(request, _)| request)));
                life.ended = Some(now);
            }
        }
        killed
    }
}

fn last(age: u32) -> u32 {
    [0, 2, 5][age as usize % 3]
}

proptest! {
    #[test]
    fn workers_live_as_a_list_of_all_their_lives_says(
        acts in prop::collection::vec((0u8..4, 0usize..8, 0u64..4), 1..120),
        wanted in 1u32..5,
    ) {
        let config = blueprint::Prefork { timeout: Some(Duration::from_secs(TIMEOUT)), ..blueprint::Prefork::gunicorn(knockon_id()) };
        let mut machine = Prefork::new(second(0), &config, wanted, last);
        let mut naive = Naive { lives: Vec::new(), wanted: wanted as usize };
        naive.fork(0);
        naive.lives.iter_mut().for_each(|life| life.booted = Some(0));
        let (mut now, mut requests) = (0, 0);
        for (act, which, passed) in acts {
            now += passed;
            match act {
                // A request is taken up, if anybody is free.
                0 => {
                    let idle = naive.lives.iter().enumerate().filter(|(_, life)| life.is_idle());
                    let Some((n, _)) = idle.min_by_key(|(n, life)| (life.idle_since(), *n)) else { continue };
                    requests += 1;
                    let life = &mut naive.lives[n];
                    life.served.push((requests, now, None));
                    let is_last = life.served.len() as u32 == last(n as u32 + 1);
                    prop_assert_eq!(machine.take_up(second(now), frame(requests)), (n as u32 + 1, is_last));
                    machine.retain(frame(requests), 10);
                }
                // One is answered.
                1 => {
                    let busy: Vec<usize> =
                        naive.lives.iter().enumerate().filter(|(_, life)| life.serves().is_some()).map(|(n, _)| n).collect();
                    if busy.is_empty() {
                        continue;
                    }
                    let n = busy[which % busy.len()];
                    let life = &mut naive.lives[n];
                    let at = life.served.last_mut().expect("it serves");
                    at.2 = Some(now);
                    let answered = frame(at.0);
                    let over = life.served.len() as u32 == last(n as u32 + 1);
                    if over {
                        life.ended = Some(now);
                    }
                    let retained = life.served.len() as u64 * 10;
                    let gone = over.then_some(Gone { age: n as u32 + 1, frame: None, retained });
                    prop_assert_eq!(machine.answered(second(now), answered), gone);
                }
                // The arbiter looks.
                2 => {
                    let mut killed = Vec::new();
                    while let Some(gone) = machine.kill(second(now)) {
                        killed.push((gone.age, gone.frame.map(|frame| frame.slot)));
                    }
                    prop_assert_eq!(killed, naive.kill(now));
                }
                _ => {
                    for n in 0..naive.lives.len() {
                        let life = &mut naive.lives[n];
                        if life.booted.is_none() && life.ended.is_none() && now >= life.forked + BOOT {
                            life.booted = Some(now);
                            prop_assert!(machine.booted(second(now), n as u32 + 1));
                        }
                    }
                }
            }
            while machine.fork(second(now), &mut last).is_some() {}
            naive.fork(now);
            let up = naive.lives.iter().filter(|life| life.ended.is_none() && life.booted.is_some()).count();
            prop_assert_eq!((machine.forked(), machine.up()), (wanted, up as u32));
        }
    }
}

fn knockon_id() -> crate::id::SamplerId {
    crate::id::SamplerId(0)
}

#[test]
fn who_is_not_wanted_any_more_goes_when_it_has_nothing_to_do() {
    let config = blueprint::Prefork::gunicorn(knockon_id());
    let mut machine = Prefork::new(second(0), &config, 2, |_| 0);
    assert_eq!(machine.take_up(second(1), frame(1)), (1, false));
    assert_eq!(machine.take_up(second(1), frame(2)), (2, false));
    machine.set_wanted(1);
    assert_eq!(machine.dismiss(), None);
    assert_eq!(machine.answered(second(2), frame(2)).map(|gone| gone.age), Some(2));
    assert_eq!(machine.answered(second(3), frame(1)), None);
}
