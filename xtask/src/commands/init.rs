//! `init`: what is in a stack, from what that is known, what is assumed; the same as a `drill.toml`.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use harness::config::{FILE_NAME, Selection};
use harness::detect::Detected;
use harness::detect::read::{self, Subject};
use harness::error::Attempt;
use harness::process::Runner;
use harness::report::terminal;
use harness::{Error, Result};
use serde_json::Value;

use super::interrupt;
use crate::called;
use crate::ending::Ending;
use crate::flags::Format;
use crate::selection::InitOptions;

/// Reads the stack and says what is in it. Starts nothing.
pub(crate) async fn run(options: InitOptions, format: Format) -> Result<Ending> {
    let runner = Runner::new(interrupt::token(format));
    let selection = options.selection.with_profiles(&options.profile);
    let dir = options.stack.unwrap_or_else(|| folder(&selection.files));
    let subject = Subject { dir, selection, compose: options.compose };
    let found = read::detect(&runner, &subject).await;
    // What was interrupted looks like what is missing.
    let found =
        if runner.cancellation().is_cancelled() { Err(Error::interrupted()) } else { found }?;
    let written = if options.write { Some(write(&subject.dir, &found)?) } else { None };
    if format == Format::Human {
        // Whoever stopped reading is not served.
        let mut text = Vec::new();
        let _ = show(&mut text, &found);
        let text = terminal::folded(&String::from_utf8_lossy(&text));
        let mut out = anstream::stdout().lock();
        let _ = out.write_all(text.as_bytes());
        let _ = next(&mut out, &found, &subject, written.as_deref());
    }
    let value = serde_json::to_value(&found).attempt(|| "cannot write what was found as JSON")?;
    let keys = match value {
        Value::Object(keys) => keys,
        _ => serde_json::Map::new(),
    };
    let ending =
        keys.into_iter().fold(Ending::done(), |ending, (key, value)| ending.with(&key, value));
    Ok(match written {
        Some(file) => ending.with("written", file.display().to_string()),
        None => ending,
    })
}

/// Compose's own rule: the folder of the first file, or the current one.
fn folder(files: &[PathBuf]) -> PathBuf {
    let parent = files.first().and_then(|file| file.parent());
    let parent = parent.filter(|it| !it.as_os_str().is_empty());
    parent.map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// Writes the settings beside the compose files, and never over what is there.
fn write(dir: &Path, found: &Detected) -> Result<PathBuf> {
    let file = dir.join(FILE_NAME);
    let opened = OpenOptions::new().write(true).create_new(true).open(&file);
    let mut opened = opened.map_err(|cause| {
        let error = Error::usage(format!("cannot write {}", file.display()));
        match cause.kind() {
            ErrorKind::AlreadyExists => error
                .because("it is there already")
                .hint("move it away first; without --write, nothing is written"),
            _ => error.because(cause).hint("the stack's folder must be writable"),
        }
    })?;
    let text = found.drill_toml();
    opened.write_all(text.as_bytes()).attempt(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

fn show(out: &mut impl Write, found: &Detected) -> io::Result<()> {
    let bold = Style::new().bold();
    let Detected { stack, services, .. } = found;
    let (count, names) = (services.len(), services.join(", "));
    let word = if count == 1 { "service" } else { "services" };
    writeln!(out, "{bold}{stack}{bold:#}: {count} {word}: {names}")?;
    roles(out, found)?;
    if !found.volumes.is_empty() {
        writeln!(out, "\n{bold}volumes{bold:#}")?;
    }
    for volume in &found.volumes {
        let class = volume.class.name();
        writeln!(out, "  {class:<11}  {} at {}:{}", volume.name, volume.service, volume.target)?;
        writeln!(out, "               {}", volume.from)?;
    }
    list(out, "health", &found.probes)?;
    warnings(out, found)?;
    list(out, "assumed", &found.assumptions)?;
    refused(out, found)
}

/// What to type next. Commands stay on one line, whatever its width.
fn next(
    out: &mut impl Write,
    found: &Detected,
    subject: &Subject,
    written: Option<&Path>,
) -> io::Result<()> {
    let is_there = written.is_none() && subject.dir.join(FILE_NAME).is_file();
    let dir = subject.dir.display();
    let (init, drill) = (options(subject, "--profile"), options(subject, "--compose-profile"));
    match written {
        Some(file) => writeln!(out, "\nwritten    {}", file.display())?,
        None if is_there => writeln!(out, "\nsettings   {dir}/{FILE_NAME}, which a drill goes by")?,
        None => {
            let init = format!("cargo xtask init --stack {dir}{init} --write");
            writeln!(out, "\nsettings   {}", called::said(&init))?;
        }
    }
    if let (false, Err(asks)) = (is_there, found.config()) {
        let remedy = asks.next_step().unwrap_or("docs/drill-toml.md has every key");
        let text = format!("first      {asks}; {}", called::said(remedy));
        out.write_all(terminal::folded(&text).as_bytes())?;
    }
    let drill = format!("cargo xtask dr-drill --stack {dir}{drill}");
    writeln!(out, "drill      {}", called::said(&drill))
}

/// What was asked for besides the folder, as it is to be asked for again.
fn options(subject: &Subject, profile: &str) -> String {
    let Selection { files, env_files, profiles, project_name, without } = &subject.selection;
    let shown = |paths: &[PathBuf]| paths.iter().map(|it| it.display().to_string()).collect();
    let names: [(&str, Vec<String>); 5] = [
        ("--file", shown(files)),
        ("--env-file", shown(env_files)),
        (profile, profiles.clone()),
        ("--project-name", project_name.iter().cloned().collect()),
        ("--without", without.clone()),
    ];
    let words = names.iter().flat_map(|(name, values)| values.iter().map(move |it| (name, it)));
    words.fold(String::new(), |said, (name, value)| said + " " + name + " " + value)
}

fn roles(out: &mut impl Write, found: &Detected) -> io::Result<()> {
    let bold = Style::new().bold();
    writeln!(out, "\n{bold}roles{bold:#}")?;
    if found.databases.is_empty() {
        writeln!(out, "  database     none found")?;
    }
    for database in &found.databases {
        let engine = database.engine.name();
        let version = database.version.as_deref().unwrap_or("of an unknown version");
        let volume = database.volume.as_deref().unwrap_or("no volume of the stack");
        writeln!(out, "  database     {}: {engine} {version}, data in {volume}", database.service)?;
        let given = [("name", &database.name), ("user", &database.user)];
        let given =
            given.iter().filter_map(|(key, value)| Some(format!("{key} {}", value.as_ref()?)));
        let given = given.collect::<Vec<_>>().join(", ");
        let separator = if given.is_empty() { "" } else { "; " };
        writeln!(out, "               {given}{separator}{}", database.from)?;
    }
    let application = found.application.as_deref().unwrap_or("none found");
    writeln!(out, "  application  {application}")?;
    if !found.application_from().is_empty() {
        writeln!(out, "               {}", found.application_from())?;
    }
    match &found.entry {
        Some(entry) => {
            writeln!(out, "  entry        {}:{}", entry.service, entry.port)?;
            writeln!(out, "               {}", found.entry_from())
        }
        None => writeln!(out, "  entry        none found"),
    }
}

fn list(out: &mut impl Write, title: &str, lines: &[String]) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let bold = Style::new().bold();
    writeln!(out, "\n{bold}{title}{bold:#}")?;
    lines.iter().try_for_each(|line| writeln!(out, "  - {line}"))
}

fn warnings(out: &mut impl Write, found: &Detected) -> io::Result<()> {
    if found.warnings.is_empty() {
        return Ok(());
    }
    let style = Style::new().fg_color(Some(AnsiColor::Yellow.into())).bold();
    writeln!(out, "\n{style}what loses data{style:#}")?;
    found.warnings.iter().try_for_each(|warning| {
        writeln!(out, "  {}  {}", warning.id, warning.detail)?;
        writeln!(out, "    → {}", warning.remedy)
    })
}

fn refused(out: &mut impl Write, found: &Detected) -> io::Result<()> {
    if found.refused.is_empty() {
        return Ok(());
    }
    let style = Style::new().fg_color(Some(AnsiColor::Red.into())).bold();
    writeln!(out, "\n{style}what cannot be sealed{style:#}")?;
    found.refused.iter().try_for_each(|refused| {
        writeln!(out, "  {} {}: {}", refused.service, refused.key, refused.why)?;
        if found.services.contains(&refused.service) {
            return writeln!(out, "    → --without {}", refused.service);
        }
        Ok(())
    })
}
