//! Files of this host that services mount, carried to an engine that does not have them: into a
//! volume of the run's own, whose folder on the engine's host is mounted in their place.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::{OwnedStack, OwnedVolume};
use crate::error::{Error, Result};
use crate::stack::RunLabels;
use crate::stack::isolation::SealedStack;
use crate::stack::reach::has_files_of;

/// Bounds the carrying of a large folder.
const LIMIT: Duration = Duration::from_secs(6 * 3600);

/// Exit code of `tar` when files changed while it read them.
const CHANGED: Option<i32> = Some(1);

/// Takes what is in a folder of this host, each of the names that are given, as it is.
const TAKE: [&str; 10] = [
    "--create",
    "--format=posix",
    "--acls",
    "--xattrs",
    "--numeric-owner",
    "--sparse",
    "--blocking-factor=128",
    "--no-wildcards",
    "--file=-",
    "--directory",
];

/// Puts it into a folder of the volume, which is made.
const PUT: &str = r#"
mkdir -p "$1" && exec tar --extract --same-owner --same-permissions --numeric-owner --acls --xattrs \
    '--xattrs-include=*' --blocking-factor=128 --directory="$1" --file=-
"#;

/// What was carried.
#[derive(Debug, Default)]
pub(super) struct Freight(Mutex<Loaded>);

#[derive(Debug, Default)]
struct Loaded {
    /// The volume's folder, on the engine's host.
    folder: Option<PathBuf>,
    paths: BTreeSet<PathBuf>,
}

impl OwnedStack {
    /// The same stack, which finds out whether the engine has the files of this host, and has them
    /// carried to it otherwise. `is_here` says that it has, beyond doubt.
    ///
    /// # Errors
    /// Undecided when the engine's client cannot be started.
    pub async fn carrying(self, is_here: bool) -> Result<Self> {
        let work = self.file.parent().unwrap_or(Path::new("."));
        let has_them =
            is_here || has_files_of(&self.engine, &self.run, &self.tool_image, work).await?;
        let freight = (!has_them).then(Arc::default);
        Ok(Self { freight, ..self })
    }

    /// Whether the engine has the files of this host.
    #[must_use]
    pub fn has_files(&self) -> bool {
        self.freight.is_none()
    }

    /// A sealed stack that mounts from the engine's host what it would from this one, which is there
    /// when this ends; the same where that is one host.
    pub(super) async fn carried(&self, sealed: SealedStack) -> Result<SealedStack> {
        let Some(freight) = &self.freight else { return Ok(sealed) };
        let paths = sealed.mounted();
        if paths.is_empty() {
            return Ok(sealed);
        }
        let mut loaded = freight.0.lock().await;
        let folder = match &loaded.folder {
            Some(folder) => folder.clone(),
            None => loaded.folder.insert(self.make_hold().await?).clone(),
        };
        let mut by_parent = BTreeMap::<PathBuf, Vec<OsString>>::new();
        for path in paths.difference(&loaded.paths) {
            let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { continue };
            by_parent.entry(parent.to_owned()).or_default().push(name.to_owned());
        }
        for (parent, names) in by_parent {
            self.load(&parent, names).await?;
        }
        loaded.paths.extend(paths);
        Ok(sealed.mounting(|path| folder.join(place(path))))
    }

    /// Forgets what was carried: it goes with all that carries the run's label.
    pub(super) async fn unload(&self) {
        if let Some(freight) = &self.freight {
            *freight.0.lock().await = Loaded::default();
        }
    }

    /// The volume for it.
    fn hold(&self) -> OwnedVolume {
        // No volume of a stack is called so: they have its project and an underscore before them.
        let actual = format!("{}-files", self.project());
        OwnedVolume { name: "files of this host".to_owned(), actual }
    }

    /// Makes the volume. Gives back its folder.
    async fn make_hold(&self) -> Result<PathBuf> {
        let hold = self.hold();
        let make = self.engine.docker(["volume", "create"]);
        let make = make.args(RunLabels::of(&self.run).arguments()).arg(&hold.actual);
        make.run().await?.require(|| "cannot make a volume for the stack's files")?;
        let folder = self.engine.mountpoint(&hold.actual).await?;
        folder.map(PathBuf::from).ok_or_else(|| {
            Error::undecided("the engine does not say where it keeps a volume")
                .hint("files of this host cannot be carried to it")
        })
    }

    /// Carries what has these names in a folder of this host.
    async fn load(&self, from: &Path, names: Vec<OsString>) -> Result<()> {
        let here = from.display();
        let tar = self.runner().command("tar").args(TAKE).arg(from).arg("--");
        let names = names.into_iter().map(|name| {
            let mut member = OsString::from("./");
            member.push(name);
            member
        });
        let into = format!("/store/{}", group(from));
        let put = self.beside(&self.hold(), false, ["sh", "-c", PUT, "sh", &into]);
        let (tar, put) = (tar.args(names).timeout(LIMIT), put.timeout(LIMIT));
        let (taken, put) = tar.read_by_command(put).await?;
        put.require(|| format!("cannot carry what services mount from {here} to the engine"))?;
        if taken.exit_code == CHANGED {
            return Ok(());
        }
        taken
            .require(|| format!("cannot read what services mount from {here}"))
            .map(drop)
            .map_err(|cause| cause.hint("run the drill as somebody who may read all of it, or leave the service out: --without SERVICE"))
    }
}

/// Where something of this host is in the volume.
fn place(path: &Path) -> PathBuf {
    let parent = path.parent().unwrap_or(Path::new("/"));
    Path::new(&group(parent)).join(path.file_name().unwrap_or_default())
}

/// The folder of the volume for what is in a folder of this host.
fn group(parent: &Path) -> String {
    let digest = blake3::hash(parent.as_os_str().as_encoded_bytes()).to_hex();
    digest[..12].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_of_one_name_have_places_of_their_own() {
        let [one, two] = ["/etc/app/app.conf", "/srv/app.conf"].map(|path| place(Path::new(path)));
        assert_ne!(one, two);
        assert!(one.ends_with("app.conf") && one.is_relative(), "{}", one.display());
        assert_eq!(one.components().count(), 2);
    }
}
