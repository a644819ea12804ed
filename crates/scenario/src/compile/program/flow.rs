//! Repeats and branches: parts of a program that are gone through several times, or at the same time.

use super::policy::plain;
use super::{Compiler, LOOPS, Writer};
use crate::decode::At;
use crate::language::{JoinText, ParallelText, RepeatText, RunText, StepText};
use crate::origin::Span;
use crate::suggest;
use knockon_model::blueprint::{Join, Step};
use knockon_model::id::{ExecutorId, PolicyId};

/// Branches of a fork at most.
const BRANCHES: usize = 1000;

/// A repeat around the steps that are being written.
#[derive(Clone, Copy)]
pub(super) struct Around {
    depth: u8,
    body: u32,
    most: u32,
    /// Connections held where it began.
    held: usize,
}

impl<'t> Compiler<'t> {
    pub(super) fn repeat(&mut self, writer: &mut Writer<'t>, span: Span, repeat: &'t RepeatText) {
        if writer.loops >= LOOPS {
            return self.report(span, "loops nest two deep at most", None);
        }
        if !can_end(&repeat.steps) {
            let hint = "let one branch of a `Choose` go on without `Again`".to_owned();
            self.report(span, "every way through these steps leads to `Again`: they never end", Some(hint));
        }
        let depth = writer.loops as u8;
        let start = writer.here() as usize;
        writer.program.push(Step::RepeatStart { depth, end: 0 });
        writer.repeats.push(Around { depth, body: writer.here(), most: repeat.most.0, held: writer.held.len() });
        writer.loops += 1;
        self.steps(writer, &repeat.steps);
        writer.loops -= 1;
        writer.repeats.pop();
        let end = writer.here();
        writer.program.push(Step::RepeatEnd { depth });
        writer.program[start] = Step::RepeatStart { depth, end };
    }

    pub(super) fn again(&mut self, writer: &mut Writer<'t>, span: Span) {
        let Some(&around) = writer.repeats.last() else {
            let hint = "it goes back to the start of a `Repeat` around it, in the same branch".to_owned();
            return self.report(span, "`Again` stands in no `Repeat`", Some(hint));
        };
        if around.held != writer.held.len() {
            self.report(span, "`Again` would leave a transaction open: put it behind the transaction", None);
        }
        writer.program.push(Step::Again { depth: around.depth, body: around.body, most: around.most });
    }

    pub(super) fn parallel(&mut self, writer: &mut Writer<'t>, span: Span, parallel: &'t ParallelText) -> PolicyId {
        let policy = self.policy(plain(parallel.timeout.value));
        let branches: &[At<Vec<At<StepText>>>] = &parallel.branches;
        if branches.is_empty() && !parallel.branches.broken {
            self.report(span, "there are no branches", None);
        }
        if branches.len() > BRANCHES {
            self.report(span, format!("at most {BRANCHES} branches"), None);
            return policy;
        }
        let join = match parallel.join.value {
            JoinText::All => Join::All,
            JoinText::First => Join::First,
        };
        let site = writer.site("fork", "");
        let fork = writer.here() as usize;
        writer.program.push(Step::Fork { site, branches: branches.len() as u16, join, policy, after: 0 });
        writer.program.extend(branches.iter().map(|_| Step::Branch { to: 0 }));
        let around = writer.begin_frame();
        for (n, branch) in branches.iter().enumerate() {
            writer.program[fork + 1 + n] = Step::Branch { to: writer.here() };
            self.steps(writer, &branch.value);
            writer.program.push(Step::BranchEnd);
        }
        writer.end_frame(around);
        let after = writer.here();
        writer.program[fork] = Step::Fork { site, branches: branches.len() as u16, join, policy, after };
        policy
    }

    /// A task for an executor.
    pub(super) fn run(&mut self, writer: &mut Writer<'t>, run: &'t RunText) -> Option<PolicyId> {
        let policy = self.policy(plain(run.timeout.value));
        let known = &writer.text.executors;
        let found = known.names().position(|name| name == run.executor.0);
        if found.is_none() && !run.executor.broken && !known.partial {
            let hint = match known.entries.is_empty() {
                true => Some(format!("give the service `executors: {{ {:?}: (threads: 10) }}`", run.executor.0)),
                false => suggest::hint(&run.executor.0, known.names()),
            };
            self.report(run.executor.span, format!("{:?} has no executor {:?}", writer.name, run.executor.0), hint);
        }
        if !run.wait.value {
            for (field, span, said) in [
                ("timeout", run.timeout.span, run.timeout.value.is_some()),
                ("cancel", run.cancel.span, run.cancel.value),
            ] {
                if said {
                    let message = format!("nobody waits for this task: it has no `{field}`");
                    self.report(span, message, Some("leave one of them out".into()));
                }
            }
        }
        let site = writer.site("run", &run.executor.0);
        let executor = ExecutorId(found.unwrap_or(0) as u32);
        let (waits, cancels) = (run.wait.value, run.cancel.value);
        let step = |after| Step::HandOver { site, executor, waits, cancels, policy, after };
        let start = writer.here() as usize;
        writer.program.push(step(0));
        let around = writer.begin_frame();
        self.steps(writer, &run.steps);
        writer.end_frame(around);
        writer.program.push(Step::BranchEnd);
        writer.program[start] = step(writer.here());
        Some(policy)
    }
}

/// Whether some way through steps does not lead to `Again`.
fn can_end(steps: &[At<StepText>]) -> bool {
    for step in steps {
        match &step.value {
            StepText::Again => return false,
            StepText::Fail(_) => return true,
            StepText::Choose(choose)
                if !choose.branches.is_empty() && !choose.branches.iter().any(|branch| can_end(&branch.steps)) =>
            {
                return false;
            }
            StepText::Loop(inner) if !can_end(&inner.steps) => return false,
            StepText::Transaction(inner) if !can_end(&inner.steps) => return false,
            _ => {}
        }
    }
    true
}
