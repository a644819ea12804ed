//! Executors in the world: frames hand tasks over and wait for them, or go on; threads take them up, and die when they have nothing to do.
//!
//! A task is a branch that begins with a thread, or waits for one in [`Part::Queued`]. Its thread is free when it has ended and holds nothing any
//! more, and takes the next before whoever waits for the result goes on. A frame that waits for its task no longer leaves it to the
//! executor, where it keeps its thread or its place; one that was cancelled ends as soon as a thread looks at it. Tasks are lost with their
//! process, which does not wait for them when it stops. A task for which nobody waits has no deadline.

use super::execute::Flow;
use super::{Event, World, tables::Op};
use crate::blame::Want;
use crate::blueprint::RejectionPolicy;
use crate::executor::{Executor, Handed};
use crate::fork::Task;
use crate::frame::{Outcome, State};
use crate::id::{ExecutorId, FrameRef, PolicyId};
use crate::process::Staff;
use crate::purpose;
use crate::record::{Activity, ErrorType, LogEvent, Part, Transition};
use crate::sink::Sink;
use crate::statistics::ExecutorStatistics;
use knockon_kernel::{Key, Time};

/// What a frame hands over.
#[derive(Clone, Copy)]
struct Order {
    executor: u8,
    waits: bool,
    cancels: bool,
    policy: PolicyId,
}

impl World {
    /// A process begins its life: its executors are created, with no thread yet.
    pub(super) fn furnish_executors(&mut self, process: u32) {
        let p = &mut self.processes[process as usize];
        let described = &self.blueprint.services[p.service as usize].executors;
        p.executors = described.iter().map(|config| Staff { machine: Executor::new(config), due: None }).collect();
    }

    /// A frame hands the steps behind `at` to an executor.
    pub(super) fn hand_over<S: Sink>(&mut self, frame: FrameRef, at: usize, sink: &mut S) -> Flow {
        let Op::HandOver { site, executor, waits, cancels, policy, after } = self.tables.ops[at] else {
            unreachable!("what is handed over is a task")
        };
        let f = &mut self.frames[frame];
        f.pc = after;
        let key = f.key.with(u64::from(site)).with(f.iteration());
        let order = Order { executor, waits, cancels, policy };
        let task = self.branch_of(frame, key, at as u32 + 1);
        if !waits {
            self.frames[task].deadline = Time::MAX;
        }
        self.executor_statistics(frame, executor).submitted += 1;
        let handed = self.executor(frame, executor).hand_over(task);
        match handed {
            Handed::Refused => self.refuse_task(frame, task, key, order, sink),
            taken => self.accept_task(frame, task, order, taken, sink),
        }
    }

    fn executor(&mut self, frame: FrameRef, executor: u8) -> &mut Executor {
        let process = self.frames[frame].process;
        &mut self.processes[process as usize].executors[usize::from(executor)].machine
    }

    fn executor_statistics(&mut self, frame: FrameRef, executor: u8) -> &mut ExecutorStatistics {
        let service = self.processes[self.frames[frame].process as usize].service;
        &mut self.services[service as usize].statistics.executors[usize::from(executor)]
    }

    /// The executor has a thread or a place for the task.
    fn accept_task<S: Sink>(
        &mut self,
        frame: FrameRef,
        task: FrameRef,
        order: Order,
        handed: Handed<FrameRef>,
        sink: &mut S,
    ) -> Flow {
        let now = self.now();
        let span = self.span_key(frame);
        let Order { executor, cancels, .. } = order;
        self.forks.hand_over(frame, span, task, Some(Task { executor, handed: now, runs: None, cancels }));
        self.frames[task].state = State::WaitingThread;
        self.switch(task, Part::Queued, now);
        self.executor_statistics(frame, executor).queue.enter(now);
        let flow = self.wait_for_task(frame, Some(task), order);
        if let Handed::Started(first) = handed {
            self.start_task::<S>(first, sink);
        }
        self.note_queue(frame, executor);
        flow
    }

    /// A frame waits for its task from now on, if it does; without a task it does so in vain.
    fn wait_for_task(&mut self, frame: FrameRef, task: Option<FrameRef>, order: Order) -> Flow {
        if !order.waits {
            return Flow::On;
        }
        let now = self.now();
        self.frames[frame].state = State::Joining;
        self.switch(frame, Part::Child, now);
        match task {
            Some(task) => self.forks.wait_for(frame, task, false),
            None => self.forks.wait_in_vain(frame),
        }
        if let Some(timeout) = self.blueprint[order.policy].timeout {
            self.set_policy_timer(frame, order.policy.0, timeout);
        }
        Flow::Leave
    }

    /// A thread takes a task up.
    fn start_task<S: Sink>(&mut self, task: FrameRef, _: &mut S) {
        let now = self.now();
        let f = &mut self.frames[task];
        let since = f.since;
        f.state = State::Running;
        self.switch(task, Part::Computing, now);
        let Some(&Task { executor, handed, .. }) = self.forks.start(task, now) else {
            unreachable!("an executor has tasks")
        };
        let process = self.frames[task].process as usize;
        let statistics = self.executor_statistics(task, executor);
        statistics.queue.leave(now, since);
        statistics.running.enter(now);
        statistics.wait.record(now - handed);
        if S::OBSERVES {
            self.processes[process].meter.task_started(now, usize::from(executor), (now - handed).as_nanos());
        }
        self.ready.push(task);
    }

    /// A task has ended: its thread takes the next one, or waits for it.
    pub(super) fn task_done<S: Sink>(&mut self, process: u32, frame: FrameRef, task: &Task, sink: &mut S) {
        let now = self.now();
        let executor = usize::from(task.executor);
        let Some(since) = task.runs else { unreachable!("a task that ends has a thread") };
        let p = &mut self.processes[process as usize];
        let statistics = &mut self.services[p.service as usize].statistics.executors[executor];
        statistics.running.leave(now, since);
        statistics.completed += 1;
        if S::OBSERVES {
            p.meter.task_ended(now, executor, (now - since).as_nanos());
        }
        let next = p.executors[executor].machine.ended(now, frame);
        if let Some(next) = next {
            self.start_task(next, sink);
        }
        self.plan_expiry_of_threads(process, executor);
    }

    /// There is neither a thread nor a place for a task.
    fn refuse_task<S: Sink>(&mut self, frame: FrameRef, task: FrameRef, key: Key, order: Order, sink: &mut S) -> Flow {
        let (process, executor) = (self.frames[frame].process, order.executor);
        self.executor_statistics(frame, executor).rejected += 1;
        self.emit_state(process, Transition::TaskRejected { executor: ExecutorId(executor.into()) }, sink);
        self.refused_for(task, |_, f| (Want::Thread(f.process, executor), Activity::Queued));
        match self.executor(frame, executor).rejection() {
            RejectionPolicy::Abort => {
                self.frames.remove(task);
                self.fail_rejected(frame, executor, key, sink);
                Flow::Leave
            }
            RejectionPolicy::CallerRuns => self.run_in_caller(frame, task, order),
            RejectionPolicy::Discard => {
                self.frames.remove(task);
                self.executor_statistics(frame, executor).discarded += 1;
                self.wait_for_task(frame, None, order)
            }
            RejectionPolicy::DiscardOldest => {
                let machine = &mut self.processes[process as usize].executors[usize::from(executor)].machine;
                let oldest = machine.discard_oldest();
                let handed = machine.hand_over(task);
                if let Some(oldest) = oldest {
                    self.discard_task(oldest);
                }
                match handed {
                    // Without places there is no oldest one, and Java's handler would call itself until its stack is full.
                    Handed::Refused => {
                        self.frames.remove(task);
                        self.executor_statistics(frame, executor).discarded += 1;
                        self.wait_for_task(frame, None, order)
                    }
                    taken => self.accept_task(frame, task, order, taken, sink),
                }
            }
        }
    }

    /// Whoever hands a task over does it, and goes on when it is done: the result is there when it asks for it.
    fn run_in_caller(&mut self, frame: FrameRef, task: FrameRef, order: Order) -> Flow {
        let now = self.now();
        let span = self.span_key(frame);
        self.executor_statistics(frame, order.executor).caller_ran += 1;
        self.forks.hand_over(frame, span, task, None);
        self.forks.wait_for(frame, task, !order.waits);
        self.frames[frame].state = State::Joining;
        self.switch(frame, Part::Child, now);
        self.ready.push(task);
        Flow::Leave
    }

    /// A task that waits is thrown away, and whoever waits for it is not told.
    fn discard_task(&mut self, task: FrameRef) {
        let now = self.now();
        let since = self.frames[task].since;
        let Some(&Task { executor, .. }) = self.forks.task(task) else { return };
        let statistics = self.executor_statistics(task, executor);
        statistics.queue.leave(now, since);
        statistics.discarded += 1;
        self.forks.discard(task);
        self.touch(task);
        self.frames.remove(task);
    }

    /// `AbortPolicy`: whoever hands a task over gets an exception that says what there was.
    fn fail_rejected<S: Sink>(&mut self, frame: FrameRef, executor: u8, key: Key, sink: &mut S) {
        let f = &self.frames[frame];
        let process = &self.processes[f.process as usize];
        let machine = &process.executors[usize::from(executor)].machine;
        let identity = process.life_key().purpose(purpose::IDENTITY).with(executor.into()).bits() as u32;
        let program = self.tables.programs[f.program as usize];
        let event = LogEvent::TaskRejected {
            endpoint: crate::id::EndpointId(program.endpoint),
            executor: ExecutorId(executor.into()),
            identity,
            task: key.purpose(purpose::IDENTITY).bits() as u32,
            threads: machine.threads(),
            active: machine.running().len() as u32,
            queued: machine.queued().len() as u32,
            completed: machine.completed(),
        };
        let outcome = Outcome::lost(ErrorType::TaskRejected);
        if f.is_branch() || f.is_load() || f.is_consumed() {
            return self.fail(frame, outcome, None, sink);
        }
        self.emit_request_log(frame, event, sink);
        self.fail_told(frame, outcome, sink);
    }

    /// The longest that a queue was.
    fn note_queue(&mut self, frame: FrameRef, executor: u8) {
        let waiting = self.executor(frame, executor).queued().len() as u32;
        let statistics = self.executor_statistics(frame, executor);
        statistics.peak_waiting = statistics.peak_waiting.max(waiting);
    }

    /// The next thread that dies for want of tasks does so in an event, unless one is planned already: that one looks again.
    fn plan_expiry_of_threads(&mut self, process: u32, executor: usize) {
        let p = &mut self.processes[process as usize];
        let incarnation = p.incarnation;
        let Staff { machine, due } = &mut p.executors[executor];
        let Some(next) = machine.next_expiry() else { return };
        if due.is_none_or(|due| next < due) {
            *due = Some(next);
            let event = Event::ThreadsExpire { process, incarnation, executor: executor as u8 };
            self.calendar.post(next, event.packed());
        }
    }

    /// Threads of an executor may have been idle for long enough.
    pub(super) fn threads_expire(&mut self, process: u32, incarnation: u32, executor: u8, at: Time) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        if p.incarnation != incarnation {
            return;
        }
        if p.is_stopped() {
            p.inbox.push_back((at, Event::ThreadsExpire { process, incarnation, executor }));
            return;
        }
        let Staff { machine, due } = &mut p.executors[usize::from(executor)];
        if due.is_none_or(|due| due > now) {
            return;
        }
        *due = None;
        machine.expire(now);
        self.plan_expiry_of_threads(process, usize::from(executor));
    }

    /// An executor of a service has other sizes, or another handler, from now on.
    pub(super) fn reconfigure_executor<S: Sink>(&mut self, service: usize, executor: usize, sink: &mut S) {
        let now = self.now();
        let described = &self.blueprint.services[service].executors[executor];
        let (core, maximum, rejection) = (described.threads, described.maximum, described.rejection);
        let state = &self.services[service];
        for process in state.first_process..state.first_process + state.replicas {
            let Some(Staff { machine, .. }) = self.processes[process as usize].executors.get_mut(executor) else {
                continue;
            };
            machine.set_rejection(rejection);
            for task in machine.resize(now, core, maximum) {
                self.start_task(task, sink);
            }
            self.plan_expiry_of_threads(process, executor);
        }
    }
}
