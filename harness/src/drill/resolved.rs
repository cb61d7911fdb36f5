//! The stack of a drill as compose resolves it, and whether it can be sealed. Reads, and creates
//! nothing but a certificate in the folder that it is given.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::Drill;
use super::origin::Secrets;
use crate::config::{Config, TlsConfig, Variable};
use crate::error::{Attempt, Error, Result};
use crate::model::mode::Mode;
use crate::model::origin::Origin;
use crate::process::Runner;
use crate::running::Asked;
use crate::stack::authority;
use crate::stack::compose::{Compose, StackSource};
use crate::stack::database::{self, Database};
use crate::stack::isolation::{Allowed, Change, Terms};
use crate::stack::unset;

/// A stack that can be sealed, with what was found in it.
pub(super) struct Resolved {
    pub(super) allowed: Allowed,
    pub(super) database: Option<Database>,
    /// The authority of its certificate, in PEM, over TLS.
    pub(super) ca_pem: Option<String>,
    /// Its random variables.
    pub(super) secrets: Secrets,
    /// Volumes that no service of the copy has.
    pub(super) dropped: Vec<String>,
}

impl Drill {
    /// Which running project its data comes from, if it does.
    pub(super) fn asked<'a>(&'a self, dir: &'a Path) -> Asked<'a> {
        Asked { dir, project: self.request.selection.project_name.as_deref() }
    }

    /// What the copy would not have as the stack has it. Starts, builds and leaves nothing.
    ///
    /// # Errors
    /// Usage for whatever a run would refuse before it builds an image.
    pub async fn sealing(&self, cancelled: CancellationToken) -> Result<Vec<Change>> {
        let runner = Runner::new(cancelled);
        let compose = Compose::find(&runner, self.request.compose.as_deref()).await?;
        let work = tempfile::tempdir().attempt(|| "cannot make a temporary folder")?;
        let resolved = Resolved::of(self, &compose, &runner, work.path()).await?;
        Ok(resolved.allowed.changes().to_vec())
    }
}

impl Resolved {
    /// Has compose resolve the stack of a drill. Over TLS its certificate is made in `work`.
    pub(super) async fn of(
        drill: &Drill,
        compose: &Compose,
        runner: &Runner,
        work: &Path,
    ) -> Result<Self> {
        let config = &drill.config;
        let secrets = secrets(drill)?;
        for (name, value) in &secrets.0 {
            runner.keep_secret(name, value);
        }
        let mut source = source(drill, &secrets)?;
        let ca_pem = match tls(drill)? {
            Some(tls) => Some(over_tls(&mut source, tls, &config.service.host, work, &secrets)?),
            None => None,
        };
        let resolved = compose.config(&source).await?;
        for (name, value) in database::secrets(&resolved) {
            runner.keep_secret(&name, &value);
        }
        let terms = Terms {
            without: &drill.request.selection.without,
            host_network: config.stack.host_network,
        };
        let allowed = Allowed::under(&resolved, &source.dir, terms)?;
        let database =
            config.database.as_ref().map(|known| Database::of(known, &resolved, &source.dir));
        let database = database.transpose()?;
        require_named(config, &allowed)?;
        let declared = resolved["volumes"].as_object().into_iter().flatten();
        let dropped = declared.map(|(name, _)| name.clone());
        let dropped = dropped.filter(|name| !allowed.volumes().any(|known| known == name));
        let dropped = dropped.collect();
        if !drill.looked_at {
            require_something(config, &allowed)?;
        }
        Ok(Self { allowed, database, ca_pem, secrets, dropped })
    }
}

/// Demands that there is something to lose.
fn require_something(config: &Config, allowed: &Allowed) -> Result<()> {
    if config.database.is_some() || allowed.volumes().next().is_some() {
        return Ok(());
    }
    Err(Error::usage("the stack has no volume and no database: nothing of it could be lost").hint(
        "what its services write goes with their containers; if it matters, it needs a volume",
    ))
}

/// Demands what `drill.toml` names.
fn require_named(config: &Config, allowed: &Allowed) -> Result<()> {
    let media = config.media.as_ref().map(|media| &media.volume);
    let database = config.database.as_ref().and_then(|database| database.volume.as_ref());
    for volume in database.into_iter().chain(media) {
        if !allowed.volumes().any(|known| known == volume) {
            let known = allowed.volumes().collect::<Vec<_>>().join(", ");
            return Err(Error::usage(format!("the stack has no volume {volume:?}"))
                .hint(format!("its volumes are: {known}; correct drill.toml")));
        }
    }
    let Some(entry) = &config.service.entry else { return Ok(()) };
    if !allowed.services().any(|known| known == entry) {
        return Err(Error::usage(format!("the stack has no service {entry:?}"))
            .hint("name the service that answers requests in drill.toml: [service] entry"));
    }
    Ok(())
}

/// The random variables of `drill.toml`: those of the artefact, or new ones.
fn secrets(drill: &Drill) -> Result<Secrets> {
    let over_tls = drill.config.tls.iter().flat_map(|tls| &tls.environment);
    let random = drill.config.environment.iter().chain(over_tls);
    let random = random.filter_map(|(name, variable)| match variable {
        Variable::Given(_) => None,
        Variable::Random { random } => Some((name.clone(), letters(*random))),
    });
    // What was encrypted or hashed with the project's own secrets is read with no others.
    let own = match drill.origin() {
        Origin::Live => unset::given(&source(drill, &Secrets::default())?),
        _ => BTreeSet::new(),
    };
    let random = random.filter(|(name, _)| !own.contains(name));
    let mut secrets = random.collect::<BTreeMap<_, _>>();
    secrets.extend(drill.secrets.0.clone());
    Ok(Secrets(secrets))
}

/// The stack with the variables of `drill.toml`.
pub(super) fn source(drill: &Drill, secrets: &Secrets) -> Result<StackSource> {
    Ok(StackSource {
        dir: absolute(&drill.request.stack_dir)?,
        files: drill
            .config
            .stack
            .files
            .iter()
            .chain(drill.request.method.files())
            .cloned()
            .collect(),
        variables: values(&drill.config.environment, secrets).collect(),
        env_files: drill.request.selection.absolute_env_files()?,
        profiles: drill.request.selection.profiles.clone(),
        project_name: drill.request.selection.project_name.clone(),
    })
}

fn values(
    variables: &BTreeMap<String, Variable>,
    secrets: &Secrets,
) -> impl Iterator<Item = (String, String)> {
    // One that is not made anew is the stack's own to say.
    variables.iter().filter_map(|(name, variable)| {
        let value = match variable {
            Variable::Given(value) => value.clone(),
            Variable::Random { .. } => secrets.0.get(name)?.clone(),
        };
        Some((name.clone(), value))
    })
}

/// What the stack says of its HTTPS mode, if that is the one asked for.
fn tls(drill: &Drill) -> Result<Option<&TlsConfig>> {
    match (drill.request.mode, &drill.config.tls) {
        (Mode::Http, _) => Ok(None),
        (Mode::Tls, Some(tls)) => Ok(Some(tls)),
        (Mode::Tls, None) => Err(Error::usage("the stack has no HTTPS mode")
            .hint("say in drill.toml what it takes, under [tls]; docs/drill-toml.md has the keys")),
    }
}

/// Adds what the HTTPS mode takes, with a certificate of this run. Gives back its authority.
fn over_tls(
    source: &mut StackSource,
    tls: &TlsConfig,
    host: &str,
    work: &Path,
    secrets: &Secrets,
) -> Result<String> {
    let folder = work.join("tls");
    let ca_pem = authority::issue(&folder, host)?;
    source.files.extend(tls.files.iter().cloned());
    source.variables.extend(values(&tls.environment, secrets));
    source.variables.insert(tls.certificates.clone(), folder.display().to_string());
    Ok(ca_pem)
}

/// A path without links, `.` and `..`.
pub(super) fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize().attempt(|| format!("cannot find {}", path.display()))
}

/// Letters and digits from the system's random source.
fn letters(count: usize) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    let random = std::iter::repeat_with(|| uuid::Uuid::new_v4().into_bytes());
    // Version and variant bits are fixed: bytes 6 and 8 are left out.
    let bytes = random.flat_map(|bytes| [&bytes[..6], &bytes[9..]].concat());
    // Whatever would make some letters likelier than others is drawn again.
    let fair = 256 / ALPHABET.len() * ALPHABET.len();
    let fitting = bytes.map(usize::from).filter(|byte| *byte < fair);
    fitting.take(count).map(|byte| char::from(ALPHABET[byte % ALPHABET.len()])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_values_have_the_length_asked_for_and_differ() {
        assert_eq!(letters(50).len(), 50);
        assert_ne!(letters(32), letters(32));
        assert!(letters(500).chars().all(|c| c.is_ascii_alphanumeric()));
    }
}
