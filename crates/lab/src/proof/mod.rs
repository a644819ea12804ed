//! Proofs that cost more runs: what of a system amplifies an incident and what sustains it ([`KnockOut`]), when it was too late to withdraw the
//! faults ([`PointOfNoReturn`]), and which change of a single parameter would have prevented it ([`Preventions`]).
//!
//! Each is an experiment on the run itself: the same seed, and so the same requests with the same demands; one thing changed; the same faults; beside it, the
//! changed system without the faults. Faults of other incidents are set aside. Nothing is observed, so bands are those of components' numbers alone, and the harm that proofs begin with may differ
//! by a few requests from that of a run whose tables were written.

mod document;
mod ground;
mod knockout;
mod original;
mod parameter;
mod prevention;
mod share;
mod trial;
mod withdrawal;

pub use ground::{Described, Measure};
pub use knockout::{Afterwards, Effect, FromStart, Kind, KnockOut};
pub use prevention::{LEFT_PERCENT, Prevention, Preventions};
pub use withdrawal::{PointOfNoReturn, Withdrawal};

use crate::truth::{Harm, Incident, Recovery, Truth};
use ground::Ground;
use knockon_kernel::Time;
use knockon_model::blueprint::Blueprint;
use knockon_model::{Stop, World};
use std::ops::ControlFlow;

/// A run as it was.
#[derive(Debug)]
pub struct Repeated {
    blueprint: Blueprint,
    /// Its fingerprint: that of the run that it repeats, or something else is run.
    pub digest: u128,
    /// Its incidents.
    pub incidents: Vec<Incident>,
}

impl Repeated {
    /// Runs it again, on so many threads.
    ///
    /// # Errors
    /// The limit that it hits; then nothing can be proved.
    pub fn run(blueprint: &Blueprint, threads: usize) -> Result<Self, Stop> {
        let mut fact = World::new(blueprint.clone());
        let mut truth: Truth<false> = Truth::new(&fact, threads, true);
        truth.follow(&mut fact, |_, _, _| ControlFlow::Continue(()))?;
        Ok(Self { blueprint: blueprint.clone(), digest: fact.digest(), incidents: truth.incidents() })
    }

    /// The incident that cost most, if any hurt anybody: what proofs are about when nothing else is asked for.
    #[must_use]
    pub fn worst(&self) -> Option<usize> {
        let cost = |incident: &Incident| {
            let Harm { failed, lost, hurt, .. } = incident.harm;
            (failed + lost, hurt)
        };
        let hurt = (0..self.incidents.len()).filter(|&n| self.incidents[n].harm.hurt > 0);
        hurt.max_by_key(|&n| (cost(&self.incidents[n]), std::cmp::Reverse(n)))
    }

    /// What of the system amplifies an incident and what sustains it.
    ///
    /// # Errors
    /// The limit that the system hits without any fault.
    pub fn knock_outs(&self, incident: usize, threads: usize) -> Result<Vec<KnockOut>, Stop> {
        Ok(knockout::all(&Ground::of(&self.blueprint, &self.incidents[incident], threads)?))
    }

    /// When it was too late to withdraw its faults.
    ///
    /// # Errors
    /// The limit that the system hits without any fault.
    pub fn point_of_no_return(&self, incident: usize, threads: usize) -> Result<PointOfNoReturn, Stop> {
        Ok(withdrawal::find(&Ground::of(&self.blueprint, &self.incidents[incident], threads)?))
    }

    /// Which change of a single parameter would have prevented it.
    ///
    /// # Errors
    /// The limit that the system hits without any fault.
    pub fn preventions(&self, incident: usize, threads: usize) -> Result<Preventions, Stop> {
        Ok(prevention::all(&Ground::of(&self.blueprint, &self.incidents[incident], threads)?))
    }

    /// All of it.
    ///
    /// # Errors
    /// The limit that the system hits without any fault.
    pub fn prove(&self, incident: usize, threads: usize) -> Result<Proof, Stop> {
        let found = &self.incidents[incident];
        let ground = Ground::of(&self.blueprint, found, threads)?;
        let name = |fault: &crate::truth::FaultFound| self.blueprint.faults[fault.fault.index()].name.clone();
        Ok(Proof {
            incident,
            faults: found.faults.iter().map(name).collect(),
            seed: self.blueprint.seed,
            measure: ground.measure,
            harm: ground.before,
            recovery: ground.recovery,
            undone: ground.undone,
            knock_outs: knockout::all(&ground),
            point_of_no_return: withdrawal::find(&ground),
            preventions: prevention::all(&ground),
            runs: ground.runs(),
        })
    }
}

/// What was proved of an incident.
#[derive(Clone, Debug)]
pub struct Proof {
    /// Its number.
    pub incident: usize,
    /// Names of its faults.
    pub faults: Vec<String>,
    /// The seed that all of it is about.
    pub seed: u64,
    /// What of the harm is compared.
    pub measure: Measure,
    /// The harm as it was.
    pub harm: Harm,
    /// Whether it ended.
    pub recovery: Recovery,
    /// When the last fault was undone.
    pub undone: Option<Time>,
    /// What was taken away, and what came of it.
    pub knock_outs: Vec<KnockOut>,
    /// When it was too late.
    pub point_of_no_return: PointOfNoReturn,
    /// What would have prevented it.
    pub preventions: Preventions,
    /// Runs that all this took, each of one world or of three.
    pub runs: u32,
}
