//! The plain Debian image on which everything builds: the registry's if the engine has it or
//! can pull it, otherwise one made of Debian's own packages by debootstrap(8), as the official
//! image is (see <https://github.com/debuerreotype/docker-debian-artifacts>).

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use super::{Images, LABEL_IMAGE, exclusive, follow, scratch};
use crate::error::{Attempt, Error, ErrorKind, Result};
use crate::packages;

const MIRROR: &str = "http://deb.debian.org/debian";
const SECURITY_MIRROR: &str = "http://deb.debian.org/debian-security";

/// Newer releases have the second name only.
const KEYRINGS: [&str; 2] = [
    "/usr/share/keyrings/debian-archive-keyring.gpg",
    "/usr/share/keyrings/debian-archive-keyring.pgp",
];

/// A host without registry fails at once; one that swallows packets must not stop the drill.
const PULL_TIMEOUT: Duration = Duration::from_secs(60);
const BOOTSTRAP_TIMEOUT: Duration = Duration::from_secs(1200);
const IMPORT_TIMEOUT: Duration = Duration::from_secs(300);

/// Folders whose content an image does not need. dpkg leaves them out from then on, as in
/// Debian's slim images.
const SLIMMED: [&str; 5] = ["doc", "groff", "info", "locale", "man"];

impl Images {
    /// The plain Debian image of a release, such as `bookworm`: found, pulled or bootstrapped.
    pub async fn base(&self, suite: &str) -> Result<String> {
        if suite.is_empty() || !suite.chars().all(|c| c.is_ascii_lowercase()) {
            return Err(Error::usage(format!("{suite:?} is not the name of a Debian release"))
                .hint("names are like bookworm or trixie"));
        }
        if let Some(image) = self.find_base(suite).await? {
            return Ok(image);
        }
        let _turn = exclusive::turn(&self.engine, &self.events).await?;
        if let Some(image) = self.find_base(suite).await? {
            return Ok(image);
        }
        let official = official(suite);
        self.events.note(format!("pulling {official}"));
        let pull = self.engine.docker(["pull", "--quiet", &official]).timeout(PULL_TIMEOUT);
        match pull.run().await {
            Ok(output) if output.succeeded() => return Ok(official),
            Ok(output) => self.events.note(format!("no registry: {}", output.complaint())),
            Err(cause) if cause.kind() == ErrorKind::Interrupted => return Err(cause),
            Err(cause) => self.events.note(format!("no registry: {}", cause.chain())),
        }
        self.bootstrap(suite).await
    }

    /// The plain Debian image of a release, if the engine has it.
    pub async fn find_base(&self, suite: &str) -> Result<Option<String>> {
        let present = self.present().await?;
        Ok([official(suite), imported(suite)].into_iter().find(|image| present.contains_key(image)))
    }

    async fn bootstrap(&self, suite: &str) -> Result<String> {
        let runner = self.engine.runner();
        if !packages::is_root() {
            return Err(Error::undecided("no image registry answers, and only root can make a base image")
                .hint(format!(
                    "run this once as root, or bring the image: on a connected machine `docker pull {0} && docker save {0} > base.tar`, here `docker load < base.tar`",
                    official(suite)
                )));
        }
        let keyring = self.provide_debootstrap().await?;
        self.events.note(format!("making a base image of Debian {suite} with debootstrap, once; this takes about a minute"));
        let folder = scratch::folder()?;
        let tree = folder.path().join("tree");
        // Namespaces of its own: its mounts and its children end with it, however it ends.
        let words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "debootstrap"];
        let mut words = words.map(str::to_owned).to_vec();
        words.extend(["--variant=minbase".to_owned(), format!("--keyring={keyring}")]);
        words.extend([suite.to_owned(), tree.to_string_lossy().into_owned(), MIRROR.to_owned()]);
        // The rules of every suite, among them those that this debootstrap is older than.
        words.push("sid".to_owned());
        let command = follow::both_streams(runner, words).timeout(BOOTSTRAP_TIMEOUT);
        let (output, tail) = follow::follow(command, "debootstrap", &self.events).await?;
        if !output.succeeded() {
            return Err(Error::undecided(format!("debootstrap cannot make a Debian {suite}"))
                .details(tail)
                .hint(format!(
                    "its last lines are above; it needs {MIRROR}, directly or through http_proxy"
                )));
        }
        dress(&tree, suite).attempt(|| format!("cannot prepare {}", tree.display()))?;
        self.import(suite, folder.path()).await
    }

    async fn import(&self, suite: &str, folder: &Path) -> Result<String> {
        let image = imported(suite);
        let archive = folder.join("tree.tar");
        let tar =
            self.engine.runner().command("tar").args(["--create", "--numeric-owner", "--file"]);
        let tar = tar.arg(&archive).arg("--directory").arg(folder.join("tree")).arg(".");
        tar.timeout(IMPORT_TIMEOUT).run().await?.require(|| "cannot archive the base image")?;
        let label = format!("LABEL {LABEL_IMAGE}=1");
        let import =
            self.engine.docker(["import", "--change", "CMD [\"bash\"]", "--change", &label]);
        let import = import.arg(&archive).arg(&image).timeout(IMPORT_TIMEOUT);
        import.run().await?.require(|| "cannot import the base image")?;
        Ok(image)
    }

    /// Installs debootstrap and Debian's keys where they are missing. Gives back the keyring.
    async fn provide_debootstrap(&self) -> Result<&'static str> {
        let keyring = || KEYRINGS.into_iter().find(|file| Path::new(file).exists());
        if let Some(keyring) = keyring().filter(|_| Path::new("/usr/sbin/debootstrap").exists()) {
            return Ok(keyring);
        }
        self.events.note("installing debootstrap, since no image registry answers");
        packages::install(self.engine.runner(), &["debootstrap", "debian-archive-keyring"]).await?;
        keyring().ok_or_else(|| {
            Error::undecided("the package debian-archive-keyring has no keyring that is known here")
        })
    }
}

fn official(suite: &str) -> String {
    format!("debian:{suite}-slim")
}

/// Never under the official name: it is not the official image.
fn imported(suite: &str) -> String {
    format!("dr-drill/debian:{suite}-slim")
}

/// Makes a bootstrapped tree what Debian's image is: the security archive enabled, no service
/// started by its package, nothing kept that can be downloaded again, nothing of this host.
fn dress(tree: &Path, suite: &str) -> io::Result<()> {
    let sources = format!(
        "deb {MIRROR} {suite} main\ndeb {MIRROR} {suite}-updates main\ndeb {SECURITY_MIRROR} {suite}-security main\n"
    );
    fs::write(tree.join("etc/apt/sources.list"), sources)?;
    let keep_nothing = "DPkg::Post-Invoke { \"rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true\"; };\n\
        Dir::Cache::pkgcache \"\";\nDir::Cache::srcpkgcache \"\";\nAcquire::Languages \"none\";\n";
    fs::write(tree.join("etc/apt/apt.conf.d/docker-clean"), keep_nothing)?;
    let policy = tree.join("usr/sbin/policy-rc.d");
    fs::write(&policy, "#!/bin/sh\n# No service is started while an image is built.\nexit 101\n")?;
    fs::set_permissions(&policy, PermissionsExt::from_mode(0o755))?;
    let rules = SLIMMED.map(|name| format!("path-exclude=/usr/share/{name}/*\n")).concat();
    for name in SLIMMED {
        empty(&tree.join("usr/share").join(name))?;
    }
    // As in the official image: a build that is cut off is begun anew, so no file of a package
    // has to reach the disk before the next one.
    fs::write(tree.join("etc/dpkg/dpkg.cfg.d/docker"), rules + "force-unsafe-io\n")?;
    for name in ["var/cache/apt", "var/lib/apt/lists", "var/log/apt"] {
        empty(&tree.join(name))?;
    }
    for name in ["etc/hostname", "etc/resolv.conf", "var/log/bootstrap.log", "var/log/dpkg.log"] {
        match fs::remove_file(tree.join(name)) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
            _ => {}
        }
    }
    Ok(())
}

/// Removes what is in a folder. One that is not there has nothing in it.
fn empty(folder: &Path) -> io::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
