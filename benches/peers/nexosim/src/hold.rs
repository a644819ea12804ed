//! Hold: so many events pending, each schedules its successor.

use crate::{Draws, Tally};
use nexosim::model::{Context, Model, schedulable};
use nexosim::ports::EventSource;
use nexosim::simulation::{Mailbox, SimInit};
use nexosim::time::MonotonicTime;
use serde::{Deserialize, Serialize};

const PENDING: u64 = 10_000;
const INCREMENT_NS: f64 = 1e6;

#[derive(Serialize, Deserialize)]
struct Owners {
    left: u64,
    #[serde(skip)]
    draws: Draws,
}

#[Model]
impl Owners {
    fn begin(&mut self, pending: u64, cx: &Context<Self>) {
        for owner in 0..pending {
            self.next(owner, cx);
        }
    }

    fn next(&mut self, owner: u64, cx: &Context<Self>) {
        let increment = self.draws.exponential(INCREMENT_NS);
        cx.schedule_event(increment, schedulable!(Self::due), owner).expect("the future is later");
    }

    #[nexosim(schedulable)]
    fn due(&mut self, owner: u64, cx: &Context<Self>) {
        if self.left > 0 {
            self.left -= 1;
            self.next(owner, cx);
        }
    }
}

pub fn run(events: u64) -> Tally {
    let (owners, mailbox) = (Owners { left: events, draws: Draws::seeded(1) }, Mailbox::new());
    let mut bench = SimInit::with_num_threads(1);
    let begin = EventSource::new().connect(Owners::begin, &mailbox).register(&mut bench);
    let mut simulation =
        bench.add_model(owners, mailbox, "owners").init(MonotonicTime::EPOCH).expect("the model connects");
    simulation.process_event(&begin, PENDING).expect("the owners begin");
    simulation.run().expect("the simulation ends");
    Tally { done: events + PENDING, ..Tally::default() }
}
