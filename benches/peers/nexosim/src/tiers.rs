//! Three tiers: clients, a web process with workers and a connection pool, a database. Who waits for a connection gives up
//! after its patience, by a keyed event that is cancelled when the connection comes.

use crate::{Draws, Shared, Tally, now};
use nexosim::model::{Context, Model, schedulable};
use nexosim::ports::{EventSource, Output};
use nexosim::simulation::{EventKey, Mailbox, SimInit};
use nexosim::time::MonotonicTime;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

const GAP_NS: f64 = 1e9 / 88.0;
const COMPUTE_NS: f64 = 5e6;
const QUERY_NS: f64 = 100e6;
const WORKERS: u32 = 64;
const CONNECTIONS: u32 = 10;
const SERVERS: u32 = 8;
const PATIENCE: Duration = Duration::from_millis(250);

/// A request: when it came.
type Request = u64;

#[derive(Serialize, Deserialize)]
struct Clients {
    requests: Output<Request>,
    left: u64,
    #[serde(skip)]
    draws: Draws,
}

#[Model]
impl Clients {
    #[nexosim(schedulable)]
    async fn arrive(&mut self, _: (), cx: &Context<Self>) {
        self.left -= 1;
        if self.left > 0 {
            let gap = self.draws.exponential(GAP_NS);
            cx.schedule_event(gap, schedulable!(Self::arrive), ()).expect("the future is later");
        }
        self.requests.send(now(cx)).await;
    }
}

#[derive(Serialize, Deserialize)]
struct Web {
    queries: Output<Request>,
    busy: u32,
    connections: u32,
    queue: VecDeque<Request>,
    /// Who waits for a connection, by number, and the event that ends its patience.
    waiting: VecDeque<(u64, Request, EventKey)>,
    waited: u64,
    expected: u64,
    done: u64,
    timeouts: u64,
    time_ns: u64,
    #[serde(skip)]
    draws: Draws,
    #[serde(skip)]
    shared: Shared,
}

#[Model]
impl Web {
    fn request(&mut self, request: Request, cx: &Context<Self>) {
        if self.busy < WORKERS {
            self.busy += 1;
            self.compute(request, cx);
        } else {
            self.queue.push_back(request);
        }
    }

    fn compute(&mut self, request: Request, cx: &Context<Self>) {
        let demand = self.draws.exponential(COMPUTE_NS);
        cx.schedule_event(demand, schedulable!(Self::computed), request).expect("the future is later");
    }

    #[nexosim(schedulable)]
    async fn computed(&mut self, request: Request, cx: &Context<Self>) {
        if self.connections < CONNECTIONS {
            self.connections += 1;
            self.queries.send(request).await;
        } else {
            self.waited += 1;
            let patience = cx.schedule_keyed_event(PATIENCE, schedulable!(Self::impatient), self.waited);
            self.waiting.push_back((self.waited, request, patience.expect("the future is later")));
        }
    }

    #[nexosim(schedulable)]
    fn impatient(&mut self, number: u64, cx: &Context<Self>) {
        let at = self.waiting.binary_search_by_key(&number, |waiting| waiting.0).expect("who gives up waits");
        self.waiting.remove(at);
        self.timeouts += 1;
        self.leave(cx);
    }

    async fn queried(&mut self, request: Request, cx: &Context<Self>) {
        match self.waiting.pop_front() {
            Some((_, next, patience)) => {
                patience.cancel();
                self.queries.send(next).await;
            }
            None => self.connections -= 1,
        }
        self.done += 1;
        self.time_ns += now(cx) - request;
        self.leave(cx);
    }

    fn leave(&mut self, cx: &Context<Self>) {
        match self.queue.pop_front() {
            Some(next) => self.compute(next, cx),
            None => self.busy -= 1,
        }
        if self.done + self.timeouts == self.expected {
            *self.shared.lock().expect("nobody panicked") =
                Tally { done: self.done, timeouts: self.timeouts, time_ns: self.time_ns };
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Database {
    answers: Output<Request>,
    busy: u32,
    queue: VecDeque<Request>,
    #[serde(skip)]
    draws: Draws,
}

#[Model]
impl Database {
    fn query(&mut self, request: Request, cx: &Context<Self>) {
        if self.busy < SERVERS {
            self.busy += 1;
            self.serve(request, cx);
        } else {
            self.queue.push_back(request);
        }
    }

    fn serve(&mut self, request: Request, cx: &Context<Self>) {
        let demand = self.draws.exponential(QUERY_NS);
        cx.schedule_event(demand, schedulable!(Self::served), request).expect("the future is later");
    }

    #[nexosim(schedulable)]
    async fn served(&mut self, request: Request, cx: &Context<Self>) {
        match self.queue.pop_front() {
            Some(next) => self.serve(next, cx),
            None => self.busy -= 1,
        }
        self.answers.send(request).await;
    }
}

pub fn run(requests: u64) -> Tally {
    let shared = Shared::default();
    let mut clients = Clients { requests: Output::default(), left: requests, draws: Draws::seeded(1) };
    let mut web = Web {
        queries: Output::default(),
        busy: 0,
        connections: 0,
        queue: VecDeque::new(),
        waiting: VecDeque::new(),
        waited: 0,
        expected: requests,
        done: 0,
        timeouts: 0,
        time_ns: 0,
        draws: Draws::seeded(2),
        shared: shared.clone(),
    };
    let mut database =
        Database { answers: Output::default(), busy: 0, queue: VecDeque::new(), draws: Draws::seeded(3) };
    let (of_clients, of_web, of_database) = (Mailbox::new(), Mailbox::new(), Mailbox::new());
    clients.requests.connect(Web::request, &of_web);
    web.queries.connect(Database::query, &of_database);
    database.answers.connect(Web::queried, &of_web);
    let mut bench = SimInit::with_num_threads(1);
    let begin = EventSource::new().connect(Clients::arrive, &of_clients).register(&mut bench);
    let bench = bench.add_model(clients, of_clients, "clients").add_model(web, of_web, "web");
    let bench = bench.add_model(database, of_database, "database");
    let mut simulation = bench.init(MonotonicTime::EPOCH).expect("the models connect");
    simulation.process_event(&begin, ()).expect("the clients begin");
    simulation.run().expect("the simulation ends");
    let tally = *shared.lock().expect("nobody panicked");
    tally
}
