//! M/M/1: a source and a server.

use crate::{Draws, Shared, Tally, now};
use nexosim::model::{Context, Model, schedulable};
use nexosim::ports::{EventSource, Output};
use nexosim::simulation::{Mailbox, SimInit};
use nexosim::time::MonotonicTime;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

const GAP_NS: f64 = 1.25e6;
const SERVICE_NS: f64 = 1e6;

#[derive(Serialize, Deserialize)]
struct Source {
    customers: Output<u64>,
    left: u64,
    #[serde(skip)]
    draws: Draws,
}

#[Model]
impl Source {
    #[nexosim(schedulable)]
    async fn arrive(&mut self, _: (), cx: &Context<Self>) {
        self.left -= 1;
        if self.left > 0 {
            let gap = self.draws.exponential(GAP_NS);
            cx.schedule_event(gap, schedulable!(Self::arrive), ()).expect("the future is later");
        }
        self.customers.send(now(cx)).await;
    }
}

#[derive(Serialize, Deserialize)]
struct Server {
    queue: VecDeque<u64>,
    expected: u64,
    done: u64,
    time_ns: u64,
    #[serde(skip)]
    draws: Draws,
    #[serde(skip)]
    shared: Shared,
}

#[Model]
impl Server {
    fn enter(&mut self, came: u64, cx: &Context<Self>) {
        self.queue.push_back(came);
        if self.queue.len() == 1 {
            self.serve(cx);
        }
    }

    fn serve(&mut self, cx: &Context<Self>) {
        let service = self.draws.exponential(SERVICE_NS);
        cx.schedule_event(service, schedulable!(Self::leave), ()).expect("the future is later");
    }

    #[nexosim(schedulable)]
    fn leave(&mut self, _: (), cx: &Context<Self>) {
        self.time_ns += now(cx) - self.queue.pop_front().expect("somebody is served");
        self.done += 1;
        if !self.queue.is_empty() {
            self.serve(cx);
        }
        if self.done == self.expected {
            *self.shared.lock().expect("nobody panicked") =
                Tally { done: self.done, timeouts: 0, time_ns: self.time_ns };
        }
    }
}

pub fn run(customers: u64) -> Tally {
    let shared = Shared::default();
    let mut source = Source { customers: Output::default(), left: customers, draws: Draws::seeded(1) };
    let server = Server {
        queue: VecDeque::new(),
        expected: customers,
        done: 0,
        time_ns: 0,
        draws: Draws::seeded(2),
        shared: shared.clone(),
    };
    let (of_source, of_server) = (Mailbox::new(), Mailbox::new());
    source.customers.connect(Server::enter, &of_server);
    let mut bench = SimInit::with_num_threads(1);
    let begin = EventSource::new().connect(Source::arrive, &of_source).register(&mut bench);
    let bench = bench.add_model(source, of_source, "source").add_model(server, of_server, "server");
    let mut simulation = bench.init(MonotonicTime::EPOCH).expect("the models connect");
    simulation.process_event(&begin, ()).expect("the source begins");
    simulation.run().expect("the simulation ends");
    let tally = *shared.lock().expect("nobody panicked");
    tally
}
