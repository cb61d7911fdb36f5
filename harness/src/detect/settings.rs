//! What was detected as a drill's settings: the [`Config`] that a stack without `drill.toml` is
//! drilled with, and the same as a commented `drill.toml`.

use std::fmt::Write;

use super::{DatabaseFound, Detected};
use crate::config::{Config, DatabaseConfig, Variable, VolumeClass, VolumeConfig};
use crate::error::{Error, Result};
use crate::model::not_proved::{Gap, NotProved};

impl DatabaseFound {
    /// That its rows are not proved: nothing reads them.
    pub(crate) fn unread(&self) -> NotProved {
        let why = format!("{}: its files are compared, not its rows", self.engine.name());
        NotProved::new(Gap::Rows, &self.service, why)
    }
}

impl Detected {
    /// The settings that a drill without `drill.toml` has.
    ///
    /// # Errors
    /// Usage where two PostgreSQL servers could be the application's, with the line that decides;
    /// and for files and variables that only the operator has.
    pub fn config(&self) -> Result<Config> {
        if let Some(need) = self.more.needs.first() {
            return Err(Error::usage("the stack reads a file that is not there")
                .details(self.more.needs.iter().cloned())
                .hint(need.clone()));
        }
        if !self.more.wanted.is_empty() {
            let lines = self.more.wanted.join("; ");
            return Err(Error::usage("the stack asks for variables that are given nowhere")
                .details(self.more.wanted.iter().cloned())
                .hint(format!(
                    "give them with --env-file, or under [environment] in the drill.toml that \
                     `cargo xtask init --write` writes: {lines}"
                )));
        }
        let mut config = Config::default();
        config.stack.files.clone_from(&self.more.files);
        config.environment.clone_from(&self.more.environment);
        match self.database()? {
            Some(database) => {
                config.database = Some(DatabaseConfig {
                    service: database.service.clone(),
                    volume: database.volume.as_ref().and_then(|name| self.sealed(name)),
                    name: database.name.clone(),
                    user: database.user.clone(),
                });
            }
            // Nothing takes a heartbeat.
            None => config.ledger.enabled = false,
        }
        if let Some(entry) = &self.entry {
            config.service.entry = Some(entry.service.clone());
            config.service.port = entry.port;
        }
        if let Some(host) = &self.more.host {
            config.service.host.clone_from(host);
        }
        let volumes = self.volumes.iter().filter_map(|volume| {
            Some(VolumeConfig {
                name: self.sealed(&volume.name)?,
                class: volume.class,
                loss: volume.from.clone(),
                measured: Vec::new(),
            })
        });
        config.volumes = volumes.collect();
        Ok(config)
    }

    /// What a volume is called in a sealed copy, if it has a name there.
    fn sealed(&self, name: &str) -> Option<String> {
        self.more.sealed.get(name).cloned()
    }

    /// What a drill without `drill.toml` takes for granted, a line each.
    #[must_use]
    pub fn in_short(&self) -> Vec<String> {
        let mut lines = vec![format!("no drill.toml: {} is read as it is", self.stack)];
        for database in &self.databases {
            let engine = database.engine.name();
            lines.push(format!("database {}: {engine}: {}", database.service, database.from));
        }
        if self.databases.is_empty() {
            lines.push("no database server was found".to_owned());
        }
        lines.push(match &self.entry {
            Some(entry) => {
                format!("entry {}:{}: {}", entry.service, entry.port, self.more.entry_from)
            }
            None => "no service was found that answers requests".to_owned(),
        });
        let warned = self.warnings.iter().map(|it| format!("warning {}: {}", it.id, it.detail));
        lines.extend(warned);
        lines.push("cargo xtask init says more, and writes it down with --write".to_owned());
        lines
    }

    /// What a drill with these settings leaves unproved, by what is known before it runs.
    #[must_use]
    pub fn not_proved(&self) -> Vec<NotProved> {
        let primary = self.more.primary.as_ref();
        let others = self.databases.iter().filter(|it| Some(&it.service) != primary);
        let rows = others.map(DatabaseFound::unread);
        let without = self.more.without.iter();
        let without = without.map(|it| NotProved::new(Gap::Service, it, "it was left out"));
        rows.chain(without).collect()
    }

    /// The PostgreSQL that is dumped, if there is one.
    fn database(&self) -> Result<Option<&DatabaseFound>> {
        let all = self.postgresql().collect::<Vec<_>>();
        let Some(first) = all.first() else { return Ok(None) };
        if let Some(primary) = &self.more.primary {
            return Ok(all.iter().find(|it| it.service == *primary).copied());
        }
        let names = all.iter().map(|it| it.service.as_str()).collect::<Vec<_>>().join(", ");
        Err(Error::usage(format!("the stack has several PostgreSQL servers: {names}")).hint(
            format!(
                "say which is the application's, under [database] in the drill.toml that \
                 `cargo xtask init --write` writes: `service = \"{}\"`",
                first.service
            ),
        ))
    }

    /// The settings as a `drill.toml`, each line with its ground. It parses, whatever was found.
    #[must_use]
    pub fn drill_toml(&self) -> String {
        let mut text = format!(
            "# What a restore drill knows of {}, as it was detected. Each line says from what.\n\
             # docs/drill-toml.md has every key.\n",
            self.stack
        );
        for assumption in &self.assumptions {
            comment(&mut text, &format!("Assumed: {assumption}"));
        }
        let files = self.more.files.iter().map(|file| quoted(&file.display().to_string()));
        let files = files.collect::<Vec<_>>();
        if !files.is_empty() {
            section(&mut text, "[stack]", "The compose files, later ones override.");
            line(&mut text, &format!("files = [{}]", files.join(", ")));
        }
        self.write_environment(&mut text);
        self.write_database(&mut text);
        self.write_service(&mut text);
        for volume in &self.volumes {
            let Some(sealed) = self.sealed(&volume.name) else { continue };
            let at = format!("Mounted at {} by {}: {}", volume.target, volume.service, volume.from);
            section(&mut text, "[[volume]]", &at);
            line(&mut text, &format!("name = {}", quoted(&sealed)));
            line(&mut text, &format!("class = {}", quoted(volume.class.name())));
            let loss = match volume.class {
                VolumeClass::Critical => format!("what {} keeps there", volume.service),
                VolumeClass::Rebuildable | VolumeClass::Cache => {
                    format!("nothing: {}", volume.from)
                }
            };
            line(&mut text, &format!("loss = {}", quoted(&loss)));
        }
        for warning in &self.warnings {
            text.push('\n');
            comment(&mut text, &format!("Warning {}: {}", warning.id, warning.detail));
            comment(&mut text, &format!("Remedy: {}", warning.remedy));
        }
        text
    }

    fn write_environment(&self, text: &mut String) {
        let environment = &self.more.environment;
        if environment.is_empty() && self.more.wanted.is_empty() {
            return;
        }
        section(text, "[environment]", "Variables that the stack asks for and nobody gives.");
        for (name, variable) in environment {
            match variable {
                Variable::Random { random } => {
                    line(text, &format!("{name} = {{ random = {random} }}"));
                }
                Variable::Given(value) => line(text, &format!("{name} = {}", quoted(value))),
            }
        }
        for wanted in &self.more.wanted {
            comment(text, &format!("{wanted}  (to be filled in: a drill refuses without it)"));
        }
    }

    fn write_database(&self, text: &mut String) {
        let postgresql = self.postgresql().collect::<Vec<_>>();
        let primary = self.more.primary.as_ref();
        let chosen = postgresql.iter().find(|it| Some(&it.service) == primary);
        for other in &self.databases {
            if chosen.is_none_or(|chosen| chosen.service != other.service) {
                text.push('\n');
                let engine = other.engine.name();
                comment(
                    text,
                    &format!("Also a database: {} ({engine}): {}", other.service, other.from),
                );
            }
        }
        let Some(database) = chosen else {
            if let Some(first) = postgresql.first() {
                text.push('\n');
                comment(text, "Nothing says which is the application's. One of them:");
                comment(text, "[database]");
                comment(text, &format!("service = {}", quoted(&first.service)));
                return;
            }
            section(text, "[ledger]", "No PostgreSQL was found: nothing takes a heartbeat.");
            line(text, "enabled = false");
            return;
        };
        let version = database.version.as_deref().unwrap_or("of an unknown version");
        let ground = format!("PostgreSQL {version}: {}", database.from);
        section(text, "[database]", &ground);
        line(text, &format!("service = {}", quoted(&database.service)));
        match database.volume.as_ref().and_then(|name| self.sealed(name)) {
            Some(volume) => line(text, &format!("volume = {}", quoted(&volume))),
            None => comment(text, "Its data lies in no volume of the stack: see the warnings."),
        }
        let given = [("name", &database.name), ("user", &database.user)];
        for (key, value) in given {
            if let Some(value) = value {
                line(text, &format!("{key} = {}", quoted(value)));
            }
        }
    }

    fn write_service(&self, text: &mut String) {
        if let Some(application) = &self.application {
            text.push('\n');
            comment(
                text,
                &format!("The application is {application}: {}", self.more.application_from),
            );
        }
        let Some(entry) = &self.entry else { return };
        section(text, "[service]", &format!("The entry: {}", self.more.entry_from));
        line(text, &format!("entry = {}", quoted(&entry.service)));
        line(text, &format!("port = {}", entry.port));
        if let Some(host) = &self.more.host {
            line(text, &format!("host = {}", quoted(host)));
        }
    }
}

fn section(text: &mut String, header: &str, ground: &str) {
    text.push('\n');
    comment(text, ground);
    line(text, header);
}

fn line(text: &mut String, written: &str) {
    // Writing into a string cannot fail.
    let _ = writeln!(text, "{written}");
}

/// A remark, on one line whatever it holds.
fn comment(text: &mut String, said: &str) {
    line(text, &format!("# {}", said.split_whitespace().collect::<Vec<_>>().join(" ")));
}

fn quoted(value: &str) -> String {
    toml::Value::String(value.to_owned()).to_string()
}
