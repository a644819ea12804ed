//! `sim init`: a first scenario of the user's own, written, and checked before it is.

use crate::arguments::{Cache, Database, Fault, Init, Runtime};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal;
use knockon_scenario::{Draft, DraftFault, DraftRuntime, Options, Scenario};
use std::io::{self, Write as _};
use std::path::Path;

pub(crate) fn execute(arguments: &Init) -> Result<Exit, Failure> {
    let to_stdout = arguments.file == Path::new("-");
    let file = if to_stdout { "scenario.ron".to_owned() } else { arguments.file.display().to_string() };
    let text = draft(arguments).text(&file).map_err(|refusals| {
        Failure::new(Exit::Usage, format!("such a scenario cannot be: {}", refusals.join("; ")))
            .hint("`sim init --help` shows what can be chosen")
    })?;
    let healthy = check(&text)?;
    if to_stdout {
        terminal::print(&text)?;
        return Ok(Exit::Success);
    }
    write(&arguments.file, &text, arguments.force)?;
    terminal::print(&format!(
        "written    {file} ({} lines)\nhealthy    by all of its {healthy} formulas: sim check {file}\nnext       sim run {file}\n",
        text.lines().count()
    ))?;
    Ok(Exit::Success)
}

fn draft(arguments: &Init) -> Draft {
    let database = arguments.database == Database::Postgres;
    Draft {
        services: arguments.services.clone(),
        runtime: match arguments.runtime {
            Runtime::Jvm => DraftRuntime::Jvm,
            Runtime::Node => DraftRuntime::Node,
            Runtime::Python => DraftRuntime::Python,
            Runtime::Native => DraftRuntime::Native,
        },
        database,
        cache: arguments.cache == Cache::Redis,
        rate: arguments.rate,
        duration: arguments.duration,
        fault: match arguments.fault {
            Some(Fault::SlowQuery) => DraftFault::SlowQuery,
            Some(Fault::Surge) => DraftFault::Surge,
            Some(Fault::Pause) => DraftFault::Pause,
            Some(Fault::None) => DraftFault::Nothing,
            None if database => DraftFault::SlowQuery,
            None => DraftFault::Surge,
        },
    }
}

/// The number of lines of its check. A draft that is not healthy is a defect here, not the user's.
fn check(text: &str) -> Result<usize, Failure> {
    let options = Options { seed: 1, duration: None, overrides: Vec::new(), without: Vec::new() };
    let no_systems = |_: &str| Err("a first scenario shares nothing".to_owned());
    let loaded = Scenario::from_text("scenario", text, &options, &no_systems)
        .map_err(|errors| Failure::new(Exit::Bug, format!("the scenario that was made has errors\n{errors}")))?;
    let lines = knockon_scenario::check(&loaded);
    match lines.iter().find(|line| !line.healthy) {
        None => Ok(lines.len()),
        Some(line) => Err(Failure::new(Exit::Bug, format!("the scenario that was made is not healthy: {}", line.text))),
    }
}

/// Writes a file that is there as a whole or not at all.
fn write(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    if !force && path.exists() {
        return Err(Failure::new(Exit::Usage, format!("`{}` is there already", path.display()))
            .hint("give another name, or `--force` to overwrite it"));
    }
    let failed = |error: &io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::new(Exit::Usage, format!("`{}` is there already", path.display())),
        _ => Failure::new(Exit::InputOutput, format!("cannot write `{}`", path.display())).because(error),
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut written =
        tempfile::Builder::new().prefix(".scenario").tempfile_in(folder).map_err(|error| failed(&error))?;
    written.write_all(text.as_bytes()).and_then(|()| written.as_file().sync_all()).map_err(|error| failed(&error))?;
    let kept = if force { written.persist(path) } else { written.persist_noclobber(path) };
    kept.map(drop).map_err(|kept| failed(&kept.error))
}
