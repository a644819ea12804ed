//! `sim explain`: the story of an incident, or of one request, told from a finished run's files. Nothing is simulated, but for proofs.

mod proof;

use crate::arguments::{Explain, Plain};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal;
use knockon_lab::story::{self, Incident, Told};
use knockon_report::{Asked, Files};

pub(crate) fn execute(arguments: &Explain) -> Result<Exit, Failure> {
    let files = Files::open(&arguments.run)?;
    if arguments.request.is_some() || arguments.trace.is_some() {
        let asked = match (arguments.trace, arguments.request) {
            (Some(trace), _) => Asked::Trace(trace),
            (None, number) => Asked::Number(number.unwrap_or(1), arguments.source.as_deref()),
        };
        let waterfall = knockon_report::waterfall(&files, asked)?;
        let text = match arguments.format {
            Plain::Text => waterfall.to_text(),
            Plain::Json => json(&waterfall)?,
        };
        terminal::print(&text)?;
        return Ok(Exit::Success);
    }
    let Some(incidents) = files.incidents()? else { return without_incidents(&files, arguments) };
    let incident = chosen(&incidents, arguments.incident)?;
    let story = knockon_report::story(&files, incident)?;
    let proof = arguments.prove.then(|| proof::of(&files, incident)).transpose()?;
    let text = match arguments.format {
        Plain::Json => {
            let mut facts = serde_json::json!({
                "run": files.name(),
                "title": files.title(),
                "incidents": incidents.iter().map(brief).collect::<Vec<_>>(),
                "story": story,
            });
            if let Some(proof) = &proof {
                facts["proof"] = proof.to_json(files.calendar());
            }
            json(&facts)?
        }
        Plain::Text => {
            let mut text = String::new();
            if incidents.len() > 1 && arguments.incident.is_none() {
                text.push_str(&story::overview(&incidents));
                text.push_str(&format!("\n#{} hurt most; the others: --incident N\n\n", incident.incident));
            }
            let title = files.heading();
            text.push_str(&Told { title: &title, system: files.system().as_deref(), story: &story }.to_text());
            if let Some(proof) = &proof {
                text.push('\n');
                text.push_str(&proof.to_text());
            }
            text
        }
    };
    terminal::print(&text)?;
    Ok(Exit::Success)
}

fn json(facts: &impl serde::Serialize) -> Result<String, Failure> {
    let told = serde_json::to_string_pretty(facts);
    told.map(|text| text + "\n")
        .map_err(|error| Failure::new(Exit::Bug, "cannot turn a story into JSON").because(&error))
}

/// What a list of incidents says of each.
fn brief(incident: &Incident) -> serde_json::Value {
    serde_json::json!({
        "incident": incident.incident,
        "faults": incident.faults.iter().map(|found| &found.name).collect::<Vec<_>>(),
        "effect": incident.effect,
        "hurt": incident.requests.hurt,
    })
}

/// A run that has nothing to compare is explained in a line; one that was not compared cannot be.
fn without_incidents(files: &Files, arguments: &Explain) -> Result<Exit, Failure> {
    let faults = files.faults()?;
    if faults.is_empty() {
        let text = match arguments.format {
            Plain::Text => format!(
                "{}\nchanged    nothing: no fault acted in this run, so there is no incident\n",
                files.heading()
            ),
            Plain::Json => json(&serde_json::json!({
                "run": files.name(), "title": files.title(), "incidents": [], "story": null,
            }))?,
        };
        terminal::print(&text)?;
        return Ok(Exit::Success);
    }
    let names: Vec<_> = faults.iter().map(|fault| format!("`{}`", fault.name)).collect();
    let message = format!("`{}` does not say what its faults did ({})", arguments.run.display(), names.join(", "));
    Err(Failure::new(Exit::Usage, message)
        .hint("it was run with `--no-truth`; run it again without, or look at one request with `--request N`"))
}

fn chosen(incidents: &[Incident], number: Option<usize>) -> Result<&Incident, Failure> {
    let Some(number) = number else {
        return story::worst(incidents).ok_or_else(|| Failure::new(Exit::InputOutput, "truth/incidents.json is empty"));
    };
    incidents.iter().find(|incident| incident.incident == number).ok_or_else(|| {
        let hint = match incidents.len() {
            1 => "there is one incident; leave `--incident` out".to_owned(),
            many => format!("there are {many}, numbered from 0 to {}", many - 1),
        };
        Failure::new(Exit::Usage, format!("there is no incident {number}")).hint(hint)
    })
}
