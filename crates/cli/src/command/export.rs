//! `sim export`: a finished run as other tools read it. Nothing is simulated.

use crate::arguments::{Export, ExportFormat, Profile, Semconv};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::terminal;
use knockon_export::{Format, Options, SemanticConventions, Written};
use knockon_telemetry::{MANIFEST, RunReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) fn execute(arguments: &Export) -> Result<Exit, Failure> {
    if !arguments.run.join(MANIFEST).exists() {
        return Err(Failure::no_run(&arguments.run));
    }
    let run = RunReader::open(&arguments.run)?;
    let options = options(arguments)?;
    let out = arguments.out.clone().map_or_else(|| beside(&arguments.run, options.format), Ok)?;
    let mut progress = Progress::begin();
    let written =
        knockon_export::export(&run, &options, &out, &mut |done, all| progress.show_rows("exporting", done, all))?;
    let elapsed = progress.elapsed();
    drop(progress);
    terminal::print(&told(&written, &out, elapsed))?;
    Ok(Exit::Success)
}

/// What is asked for; a failure where a flag is of another format.
fn options(arguments: &Export) -> Result<Options, Failure> {
    let format = match arguments.format {
        ExportFormat::Otlp => Format::Otlp,
        ExportFormat::Csv => Format::Csv,
        ExportFormat::Ocsf => Format::Ocsf,
        ExportFormat::PetShop => Format::PetShop,
        ExportFormat::Prometheus => Format::Prometheus,
        ExportFormat::RcaEval => Format::RcaEval,
    };
    if arguments.semconv.is_some() && !format.follows_semconv() {
        return Err(foreign("--semconv", "names attributes", format, "otlp"));
    }
    if arguments.profile.is_some() && !format.has_profiles() {
        return Err(foreign("--profile", "chooses between forms", format, "ocsf"));
    }
    let is_flat = arguments.profile == Some(Profile::Tutorial);
    if arguments.evaluation && !is_flat {
        let message = "`--evaluation` adds labelled lines to flat tables, which are not asked for";
        return Err(Failure::new(Exit::Usage, message).hint("leave it out, or add `--format ocsf --profile tutorial`"));
    }
    let profile = if is_flat { knockon_export::Profile::Tutorial } else { knockon_export::Profile::Strict };
    let semconv = match arguments.semconv {
        None | Some(Semconv::Stable) => SemanticConventions::Stable,
        Some(Semconv::Old) => SemanticConventions::Old,
        Some(Semconv::Both) => SemanticConventions::Both,
    };
    Ok(Options { format, semconv, profile, evaluation: arguments.evaluation })
}

/// A flag that a format does not take.
fn foreign(flag: &str, does: &str, format: Format, takes: &str) -> Failure {
    Failure::new(Exit::Usage, format!("`{flag}` {does}, which {} does not have", format.name()))
        .hint(format!("leave it out, or export with `--format {takes}`"))
}

/// The folder beside a run that is named after it and the format.
fn beside(run: &Path, format: Format) -> Result<PathBuf, Failure> {
    let whole = run.canonicalize().map_err(|error| Failure::io("find", run, &error))?;
    let name = whole.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.ok_or_else(|| {
        Failure::new(Exit::Usage, format!("`{}` has no name to call the export after", run.display()))
            .hint("name a folder with `--out`")
    })?;
    let parent = run.parent().filter(|parent| !parent.as_os_str().is_empty() && !run.ends_with(".."));
    Ok(parent.map_or_else(|| PathBuf::from("."), Path::to_path_buf).join(format!("{name}-{}", format.name())))
}

fn told(written: &Written, out: &Path, elapsed: Duration) -> String {
    let mut text = format!("written    {} in {:.1} s\n", out.display(), elapsed.as_secs_f64());
    let widest = written.files.keys().map(String::len).max().unwrap_or(0);
    for (name, contents) in &written.files {
        let (records, megabytes) = (contents.records, contents.bytes as f64 / 1e6);
        text.push_str(&format!("           {name:widest$}  {records} records, {megabytes:.1} MB\n"));
    }
    for (n, lost) in written.loses.iter().enumerate() {
        text.push_str(&format!("{}{lost}\n", if n == 0 { "left out   " } else { "           " }));
    }
    text
}
