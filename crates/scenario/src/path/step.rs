//! Steps within steps, in the order of the text: which is the n-th that has a field.

use super::Address;
use crate::decode::Choice;
use crate::language::StepText;

pub(super) type Steps = Vec<crate::decode::At<StepText>>;

impl StepText {
    /// The lists of steps within this one, in order.
    fn inner(&mut self) -> Vec<&mut Steps> {
        match self {
            Self::Transaction(step) => vec![&mut step.steps.value],
            Self::CacheAside(step) => vec![&mut step.load.value],
            Self::ReadThrough(step) => vec![&mut step.load.value],
            Self::Loop(step) => vec![&mut step.steps.value],
            Self::Repeat(step) => vec![&mut step.steps.value],
            Self::Run(step) => vec![&mut step.steps.value],
            Self::Parallel(step) => step.branches.value.iter_mut().map(|branch| &mut branch.value).collect(),
            Self::Choose(step) => step.branches.value.iter_mut().map(|branch| &mut branch.value.steps.value).collect(),
            _ => Vec::new(),
        }
    }
}

/// Visits steps and the steps within them, in the order of the text.
pub(super) fn each_step(steps: &mut Steps, visit: &mut impl FnMut(&mut StepText)) {
    for step in steps {
        visit(&mut step.value);
        step.value.inner().into_iter().for_each(|steps| each_step(steps, visit));
    }
}

/// The n-th step, in the same order, that has a field of this name.
pub(super) fn nth_step<'s>(steps: &'s mut Steps, field: &str, n: &mut usize) -> Option<&'s mut StepText> {
    for step in steps {
        if step.value.slot(field).is_some() {
            if *n == 0 {
                return Some(&mut step.value);
            }
            *n -= 1;
        }
        for inner in step.value.inner() {
            // The borrow checker cannot see that a miss gives the borrow back, so it is asked for twice.
            if count_steps(inner, field) > *n {
                return nth_step(inner, field, n);
            }
            *n -= count_steps(inner, field);
        }
    }
    None
}

fn count_steps(steps: &mut Steps, field: &str) -> usize {
    let mut found = 0;
    each_step(steps, &mut |step| found += usize::from(step.slot(field).is_some()));
    found
}

impl Address {
    /// The n-th step that has the address's field, and its number among all steps in the order of the text.
    pub(crate) fn find_step<'s>(&self, steps: &'s Steps, wanted: usize) -> Option<(usize, &'s StepText)> {
        let mut all = Vec::new();
        flatten(steps, &mut all);
        let has = |step: &StepText| step.fields().iter().any(|field| field.name == self.field);
        all.into_iter().enumerate().filter(|(_, step)| has(step)).nth(wanted)
    }
}

fn flatten<'s>(steps: &'s Steps, all: &mut Vec<&'s StepText>) {
    for step in steps {
        all.push(&step.value);
        match &step.value {
            StepText::Transaction(step) => flatten(&step.steps.value, all),
            StepText::CacheAside(step) => flatten(&step.load.value, all),
            StepText::ReadThrough(step) => flatten(&step.load.value, all),
            StepText::Loop(step) => flatten(&step.steps.value, all),
            StepText::Repeat(step) => flatten(&step.steps.value, all),
            StepText::Run(step) => flatten(&step.steps.value, all),
            StepText::Parallel(step) => step.branches.value.iter().for_each(|branch| flatten(&branch.value, all)),
            StepText::Choose(step) => {
                step.branches.value.iter().for_each(|branch| flatten(&branch.value.steps.value, all))
            }
            _ => {}
        }
    }
}
