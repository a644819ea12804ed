//! Shares that are brought up to date lazily, against a model that keeps every object with its age and space.

use super::super::contents::{Contents, MAXIMUM_AGE};
use super::super::{Heap, Share};
use super::{MIB, jvm};
use crate::blueprint::Collector;
use knockon_kernel::{Duration, Time};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Space {
    Young { age: usize },
    Old,
}

#[derive(Clone, Copy, Debug)]
struct Object {
    /// `None`: the application's.
    frame: Option<usize>,
    bytes: u64,
    space: Space,
}

/// Objects one by one.
#[derive(Default)]
struct Naive {
    objects: Vec<Object>,
    eden: u64,
    survivor: u64,
    old: u64,
}

impl Naive {
    fn sum(&self, keep: impl Fn(&Object) -> bool) -> u64 {
        self.objects.iter().filter(|object| keep(object)).map(|object| object.bytes).sum()
    }

    /// A share has one age for all its survivors, the youngest's.
    fn touch(&mut self, frame: usize) {
        let age = |object: &Object| match object.space {
            Space::Young { age } if object.frame == Some(frame) && age > 0 => Some(age),
            _ => None,
        };
        let Some(youngest) = self.objects.iter().filter_map(age).min() else { return };
        for object in &mut self.objects {
            if age(object).is_some() {
                object.space = Space::Young { age: youngest };
            }
        }
    }

    fn discard(&mut self, mut bytes: u64) {
        let oldest_first = [Space::Old].into_iter().chain((0..=MAXIMUM_AGE).rev().map(|age| Space::Young { age }));
        for space in oldest_first {
            for object in self.objects.iter_mut().filter(|object| object.frame.is_none() && object.space == space) {
                let taken = bytes.min(object.bytes);
                object.bytes -= taken;
                bytes -= taken;
            }
        }
    }

    /// Gives back what was promoted.
    fn collect_young(&mut self, tenuring_age: usize, capacity: u64) -> u64 {
        let (mut room, mut frames_fit) = (capacity, true);
        let old_before = self.sum(|object| object.space == Space::Old);
        for frames in [true, false] {
            for age in 0..=MAXIMUM_AGE {
                let here =
                    move |object: &Object| object.frame.is_some() == frames && object.space == Space::Young { age };
                let bytes = self.sum(here);
                if frames {
                    frames_fit &= age < tenuring_age && bytes <= room;
                }
                let mut keep = match (frames, age < tenuring_age) {
                    (true, _) => {
                        if frames_fit {
                            bytes
                        } else {
                            0
                        }
                    }
                    (false, true) => bytes.min(room),
                    (false, false) => 0,
                };
                room -= keep;
                let mut moved = Vec::new();
                for mut object in self.objects.extract_if(.., |object| here(object)) {
                    let kept = keep.min(object.bytes);
                    keep -= kept;
                    moved.push(Object { bytes: kept, space: Space::Young { age: age + 100 }, ..object });
                    object.bytes -= kept;
                    moved.push(Object { space: Space::Old, ..object });
                }
                self.objects.extend(moved.into_iter().filter(|object| object.bytes > 0));
            }
        }
        for object in &mut self.objects {
            if let Space::Young { age } = &mut object.space {
                *age -= 99;
            }
        }
        let promoted = self.sum(|object| object.space == Space::Old) - old_before;
        self.eden = 0;
        self.survivor = self.sum(|object| object.space != Space::Old);
        self.old += promoted;
        promoted
    }

    fn compact(&mut self, old_capacity: u64) {
        let mut room = old_capacity.saturating_sub(self.sum(|object| object.space == Space::Old));
        let mut rest = Vec::new();
        for object in self.objects.iter_mut().filter(|object| object.frame.is_none() && object.space != Space::Old) {
            let moved = object.bytes.min(room);
            room -= moved;
            rest.push(Object { bytes: object.bytes - moved, space: Space::Young { age: 0 }, ..*object });
            *object = Object { bytes: moved, space: Space::Old, ..*object };
        }
        self.objects.extend(rest);
        let young_frames = |object: &Object| object.frame.is_some() && object.space != Space::Old;
        let space = if self.sum(young_frames) <= room { Space::Old } else { Space::Young { age: 0 } };
        self.objects.iter_mut().filter(|object| young_frames(object)).for_each(|object| object.space = space);
        self.survivor = 0;
        self.eden = self.sum(|object| object.space != Space::Old);
        self.old = self.sum(|object| object.space == Space::Old);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Allocate { frame: usize, bytes: u64 },
    AllocateOld { frame: usize, bytes: u64 },
    Retain { bytes: u64 },
    Discard { bytes: u64 },
    Release { frame: usize },
    Young { tenuring_age: usize, capacity: u64 },
    Compact { old_capacity: u64 },
}

const FRAMES: usize = 6;

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..FRAMES, 0..100u64).prop_map(|(frame, bytes)| Step::Allocate { frame, bytes }),
        1 => (0..FRAMES, 0..100u64).prop_map(|(frame, bytes)| Step::AllocateOld { frame, bytes }),
        3 => (0..100u64).prop_map(|bytes| Step::Retain { bytes }),
        1 => (0..300u64).prop_map(|bytes| Step::Discard { bytes }),
        3 => (0..FRAMES).prop_map(|frame| Step::Release { frame }),
        4 => (1..=MAXIMUM_AGE, 0..400u64).prop_map(|(tenuring_age, capacity)| Step::Young { tenuring_age, capacity }),
        2 => (0..900u64).prop_map(|old_capacity| Step::Compact { old_capacity }),
    ]
}

fn run(steps: &[Step]) {
    let (mut contents, mut naive) = (Contents::new(50, u64::MAX), Naive::default());
    let mut shares = [Share::default(); FRAMES];
    naive.objects.push(Object { frame: None, bytes: 50, space: Space::Old });
    naive.old = 50;
    for step in steps {
        match *step {
            Step::Allocate { frame, bytes } => {
                contents.bring_up_to_date(&mut shares[frame]);
                contents.add_to_eden(&mut shares[frame], bytes);
                naive.touch(frame);
                naive.objects.push(Object { frame: Some(frame), bytes, space: Space::Young { age: 0 } });
                naive.eden += bytes;
            }
            Step::AllocateOld { frame, bytes } => {
                contents.bring_up_to_date(&mut shares[frame]);
                contents.add_to_old(&mut shares[frame], bytes);
                naive.touch(frame);
                naive.objects.push(Object { frame: Some(frame), bytes, space: Space::Old });
                naive.old += bytes;
            }
            Step::Retain { bytes } => {
                let mut share = Share::default();
                contents.bring_up_to_date(&mut share);
                contents.add_to_eden(&mut share, bytes);
                contents.hand_over(&mut share);
                naive.objects.push(Object { frame: None, bytes, space: Space::Young { age: 0 } });
                naive.eden += bytes;
            }
            Step::Discard { bytes } => {
                contents.discard(bytes);
                naive.discard(bytes);
            }
            Step::Release { frame } => {
                contents.release(&mut shares[frame]);
                assert_eq!(shares[frame], Share::default());
                naive.objects.retain(|object| object.frame != Some(frame));
            }
            Step::Young { tenuring_age, capacity } => {
                let plan = contents.plan_evacuation(tenuring_age, capacity);
                contents.evacuate(&plan);
                assert_eq!(plan.promoted, naive.collect_young(tenuring_age, capacity));
                assert!(plan.kept <= capacity);
            }
            Step::Compact { old_capacity } => {
                contents.compact(old_capacity);
                naive.compact(old_capacity);
            }
        }
        assert_eq!(contents.eden_used(), naive.eden);
        assert_eq!(contents.survivor_used(), naive.survivor);
        assert_eq!(contents.old_used(), naive.old);
        assert_eq!(contents.live(), naive.sum(|_| true));
        assert_eq!(contents.old_live(), naive.sum(|object| object.space == Space::Old));
        for age in 0..=MAXIMUM_AGE {
            let live = naive.sum(|object| object.space == Space::Young { age });
            assert_eq!(contents.live_of_age(age), live, "live bytes of age {age}");
        }
    }
    for (frame, share) in shares.iter_mut().enumerate() {
        contents.bring_up_to_date(share);
        let of = |keep: fn(Space) -> bool| naive.sum(|object| object.frame == Some(frame) && keep(object.space));
        assert_eq!(share.eden, of(|space| space == Space::Young { age: 0 }), "frame {frame} in eden");
        assert_eq!(
            share.survivor,
            of(|space| matches!(space, Space::Young { age } if age > 0)),
            "frame {frame} survived"
        );
        assert_eq!(share.old, of(|space| space == Space::Old), "frame {frame} in old");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn lazy_shares_say_what_every_object_would(steps in prop::collection::vec(step(), 0..80)) {
        run(&steps);
    }
}

/// A request to a whole heap: frame, operation, KiB.
fn call() -> impl Strategy<Value = (usize, u8, u64)> {
    (0..FRAMES, 0..10u8, 0..6000u64)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_heap_accounts_for_every_live_byte(
        calls in prop::collection::vec(call(), 0..400),
        collector in prop_oneof![Just(Collector::Serial), Just(Collector::Parallel), Just(Collector::G1)],
        maximum in 8..64u64,
    ) {
        let mut config = jvm(collector);
        config.maximum = maximum * MIB;
        config.overhead_limit = false;
        let mut heap = Heap::jvm(&config);
        let mut shares = [Share::default(); FRAMES];
        let mut held = [0u64; FRAMES];
        let (mut retained, mut now, mut marking) = (config.base, Time::ZERO, false);
        for (frame, operation, kib) in calls {
            let bytes = kib << 10;
            now = now.saturating_add(Duration::from_millis(1));
            let outcome = match operation {
                0..4 => {
                    let outcome = heap.allocate(now, &mut shares[frame], bytes);
                    held[frame] = if outcome.out_of_memory.is_none() { held[frame] + bytes } else { shares[frame].bytes() };
                    outcome
                }
                4 => {
                    let outcome = heap.retain(now, bytes / 8);
                    retained += if outcome.out_of_memory.is_none() { bytes / 8 } else { 0 };
                    outcome
                }
                5 => {
                    let dropped = (bytes / 16).min(retained);
                    heap.discard(dropped);
                    retained -= dropped;
                    Default::default()
                }
                6 if marking => {
                    marking = false;
                    heap.mark_finished(now)
                }
                _ => {
                    heap.release(&mut shares[frame]);
                    held[frame] = 0;
                    Default::default()
                }
            };
            marking |= outcome.concurrent.is_some();
            now = now.saturating_add(outcome.pause());
            let live = retained + held.iter().sum::<u64>();
            prop_assert_eq!(heap.live(), live);
            prop_assert!(heap.used() >= live && heap.used() <= config.maximum);
            prop_assert_eq!(heap.used(), heap.eden_used() + heap.survivor_used() + heap.old_used());
            prop_assert!(heap.resident() >= heap.used() && heap.resident() <= config.maximum);
            for collection in &outcome.collections {
                prop_assert!(collection.after <= collection.before && collection.live_after <= collection.after);
            }
            if outcome.out_of_memory.is_some() {
                prop_assert!(live + bytes > heap.usable().unwrap());
            }
        }
    }
}
