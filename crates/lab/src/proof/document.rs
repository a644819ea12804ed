//! A proof as text for people and as JSON for programs.

use super::{Afterwards, Described, Effect, FromStart, KnockOut, LEFT_PERCENT, Measure, Proof, Withdrawal};
use crate::Calendar;
use crate::summary::grouped;
use crate::truth::{Harm, Recovery};
use knockon_kernel::Time;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Length that lines of lists have at most.
const WIDTH: usize = 110;
/// Changes that would have prevented an incident, that are told to people.
const TOLD: usize = 6;

impl Proof {
    /// For people: some fifteen lines.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let measure = self.measure.words();
        let _ = writeln!(
            text,
            "proofs for {} (seed {}, {} more runs): {} requests {measure}, {} hurt, {}",
            self.faults.join(" and "),
            self.seed,
            self.runs,
            grouped(self.measure.count(&self.harm)),
            grouped(self.harm.hurt),
            recovery(self.recovery),
        );
        text.push_str("\n  what amplifies it, and what sustains it, by taking it away\n");
        let (matter, others): (Vec<_>, Vec<_>) = self.knock_outs.iter().partition(|one| one.matters());
        let width = matter.iter().map(|one| one.name.chars().count()).max().unwrap_or(0);
        for one in &matter {
            let _ = writeln!(text, "    {:width$}  {}", one.name, self.amplified(one));
            if let Some(afterwards) = self.sustained(one) {
                let _ = writeln!(text, "    {:width$}  {afterwards}", "");
            }
        }
        let names: Vec<&str> = others.iter().map(|one| one.name.as_str()).collect();
        if !names.is_empty() {
            text.push_str(&wrapped("what does not matter: ", &names));
        }
        if self.knock_outs.is_empty() {
            text.push_str("    nothing that it touched can be taken away\n");
        }
        let _ = writeln!(text, "\n  point of no return: {}", self.too_late());
        let _ = writeln!(
            text,
            "\n  smallest change of one parameter that leaves at most {LEFT_PERCENT} % of these requests {measure}"
        );
        let found = &self.preventions.found;
        let changes: Vec<String> = found.iter().map(|one| settings(&one.settings)).collect();
        let width = changes.iter().take(TOLD).map(|change| change.chars().count()).max().unwrap_or(0);
        for (change, one) in changes.iter().zip(found).take(TOLD) {
            let left = grouped(self.measure.count(&one.harm));
            let _ = writeln!(text, "    {change:width$}  {}: {left} {measure}", times(one.factor));
        }
        let more: Vec<&str> = changes.iter().skip(TOLD).map(String::as_str).collect();
        if !more.is_empty() {
            text.push_str(&wrapped("and ", &more));
        }
        if found.is_empty() {
            text.push_str("    none that was tried, each up to eightfold and down to an eighth\n");
        }
        let in_vain: Vec<&str> = self.preventions.in_vain.iter().map(|(path, _)| path.as_str()).collect();
        if !in_vain.is_empty() {
            text.push_str(&wrapped("in vain: ", &in_vain));
        }
        text
    }

    fn amplified(&self, one: &KnockOut) -> String {
        let way = settings(&one.settings);
        let (effect, without) = match &one.from_start {
            FromStart::NotComparable(why) => return format!("not comparable ({way}): {why}"),
            FromStart::Compared(effect, harm) => (effect, harm),
        };
        let told = match effect {
            Effect::Amplifies if Measure::Failed.count(&self.harm) > 0 && Measure::Failed.count(without) == 0 => {
                "makes requests fail".to_owned()
            }
            Effect::Amplifies => {
                let fold = |measure: Measure| measure.count(&self.harm) as f64 / measure.count(without).max(1) as f64;
                format!("amplifies it {:.1}-fold", fold(Measure::Failed).max(fold(Measure::Hurt)))
            }
            Effect::Dampens => "dampens it".to_owned(),
            Effect::Trades => "trades one harm for another".to_owned(),
            Effect::Neither => "does not amplify it".to_owned(),
        };
        let both = [Measure::Failed, Measure::Hurt].map(|measure| (grouped(measure.count(without)), measure.words()));
        let [(failed, failing), (hurt, hurting)] = both;
        format!("{told} ({way}): {failed} {failing}, {hurt} {hurting} without")
    }

    fn sustained(&self, one: &KnockOut) -> Option<String> {
        let undone = self.undone.map_or_else(String::new, |undone| format!(" at {}", Calendar::offset(undone)));
        match one.afterwards {
            Afterwards::InForce | Afterwards::RecoversAnyway | Afterwards::NotComparable => None,
            Afterwards::SustainedWithout => Some(format!("does not sustain it: taken away{undone}, it goes on")),
            Afterwards::Sustains(at) => {
                let by = at.map_or_else(String::new, |at| format!(" by {}", Calendar::offset(at)));
                Some(format!("sustains it: taken away{undone}, users recover{by}"))
            }
        }
    }

    fn too_late(&self) -> String {
        let point = &self.point_of_no_return;
        let mut text = match point.withdrawal {
            Withdrawal::Between(last, first) => format!(
                "between {} and {}; withdrawn by the former, users recover; at the latter, no more",
                Calendar::offset(last),
                Calendar::offset(first)
            ),
            Withdrawal::Always => {
                let until = point.tried.last().map_or(Time::ZERO, |&(at, _)| at);
                format!("none: users recover whenever it is withdrawn, up to {}", Calendar::offset(until))
            }
            Withdrawal::Never => "none: users do not recover even if it is withdrawn at once".to_owned(),
            Withdrawal::Nothing => "none: it was done in an instant, and there is nothing to withdraw".to_owned(),
        };
        if !point.is_single() {
            text.push_str(" (the last of several: outcomes change more than once)");
        }
        text
    }

    /// For programs.
    #[must_use]
    pub fn to_json(&self, calendar: Calendar) -> Value {
        let instant = |time: Time| json!({"time": calendar.rfc3339(time), "offset_ns": time.as_nanos()});
        let knock_out = |one: &KnockOut| {
            let (verdict, why, harm) = match &one.from_start {
                FromStart::NotComparable(why) => ("not_comparable", Some(why), None),
                FromStart::Compared(effect, harm) => (effect.words(), None, Some(self.harm_json(harm))),
            };
            let (afterwards, recovered) = match one.afterwards {
                Afterwards::InForce => ("faults are in force to the end", None),
                Afterwards::RecoversAnyway => ("users recover with it too", None),
                Afterwards::NotComparable => ("not_comparable", None),
                Afterwards::Sustains(at) => ("sustains", at.map(instant)),
                Afterwards::SustainedWithout => ("sustained without it", None),
            };
            json!({
                "kind": one.kind,
                "name": one.name,
                "settings": one.settings,
                "from_the_start": {"verdict": verdict, "why": why, "requests": harm},
                "from_when_all_is_undone": {"verdict": afterwards, "recovered": recovered},
            })
        };
        let point = &self.point_of_no_return;
        let (verdict, between) = match point.withdrawal {
            Withdrawal::Between(last, first) => ("between", Some([instant(last), instant(first)])),
            Withdrawal::Always => ("none: recovers whenever it is withdrawn", None),
            Withdrawal::Never => ("none: does not recover even if it is withdrawn at once", None),
            Withdrawal::Nothing => ("none: nothing to withdraw", None),
        };
        let tried: Vec<Value> =
            point.tried.iter().map(|&(at, recovers)| json!({"withdrawn": instant(at), "recovers": recovers})).collect();
        let found: Vec<Value> = self
            .preventions
            .found
            .iter()
            .map(|one| {
                let requests = self.harm_json(&one.harm);
                json!({"settings": one.settings, "factor": one.factor, "requests": requests})
            })
            .collect();
        let in_vain: Vec<Value> =
            self.preventions.in_vain.iter().map(|(path, last)| json!({"path": path, "tried_up_to": last})).collect();
        json!({
            "incident": self.incident,
            "faults": self.faults,
            "seed": self.seed,
            "runs": self.runs,
            "compared": self.measure.words(),
            "requests": self.harm_json(&self.harm),
            "recovery": self.recovery.words(),
            "undone": self.undone.map(instant),
            "knock_outs": self.knock_outs.iter().map(knock_out).collect::<Vec<_>>(),
            "point_of_no_return": {
                "verdict": verdict,
                "between": between,
                "changes_once": point.is_single(),
                "tried": tried,
            },
            "preventions": {"left_percent": LEFT_PERCENT, "found": found, "in_vain": in_vain},
        })
    }

    fn harm_json(&self, harm: &Harm) -> Value {
        json!({
            "hurt": harm.hurt,
            "failed": harm.failed,
            "lost": harm.lost,
            "user_seconds_lost": harm.waited_ns as f64 / 1e9,
            "compared": self.measure.count(harm),
        })
    }
}

impl KnockOut {
    /// Whether anything comes of it.
    fn matters(&self) -> bool {
        !matches!(self.from_start, FromStart::Compared(Effect::Neither, _))
            || matches!(self.afterwards, Afterwards::Sustains(_))
    }
}

/// Paths and values in a line.
fn settings(all: &[Described]) -> String {
    let each: Vec<String> = all.iter().map(|one| format!("{} {} → {}", one.path, one.from, one.to)).collect();
    each.join(" with ")
}

/// A list of names in lines that are not too long, each but the first further in.
fn wrapped(head: &str, names: &[&str]) -> String {
    let mut text = format!("    {head}");
    let mut length = text.len();
    for (n, name) in names.iter().enumerate() {
        if n > 0 {
            text.push(',');
            if length + name.len() > WIDTH {
                text.push_str("\n     ");
                length = 5;
            }
            text.push(' ');
        }
        text.push_str(name);
        length += name.len() + 2;
    }
    text.push('\n');
    text
}

fn recovery(recovery: Recovery) -> String {
    match recovery {
        Recovery::At(at) => format!("recovered at {}", Calendar::offset(at)),
        other => format!("recovery: {}", other.words()),
    }
}

/// How many times as large, or as small.
fn times(factor: f64) -> String {
    if factor == 0.0 {
        "none".to_owned()
    } else if factor >= 1.0 {
        format!("×{factor:.2}")
    } else {
        format!("÷{:.2}", 1.0 / factor)
    }
}
