//! Commands in, beside and about an owned stack.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use super::{OwnedStack, OwnedVolume};
use crate::error::Result;
use crate::process::Command;
use crate::stack::RunLabels;

impl OwnedStack {
    /// A command inside a running service, as a user of it.
    pub async fn exec<A: Into<OsString>>(
        &self,
        service: &str,
        user: Option<&str>,
        words: impl IntoIterator<Item = A>,
    ) -> Result<Command> {
        let container = self.container(service).await?;
        let user = user.into_iter().flat_map(|user| ["--user", user]);
        let command = self.engine.docker(["exec", "--interactive"]);
        Ok(command.args(user).arg(container.id).args(words))
    }

    /// A command in a new container of a service, which goes when the command ends. Services
    /// that it depends on are not started.
    pub fn run_fresh(
        &self,
        service: &str,
        user: Option<&str>,
        environment: &BTreeMap<String, String>,
        words: &[String],
    ) -> Command {
        let command = self.compose.run(self.project(), &self.file);
        let user = user.into_iter().flat_map(|user| ["--user".to_owned(), user.to_owned()]);
        let environment = environment.iter().map(|(name, value)| format!("{name}={value}"));
        let environment = environment.flat_map(|variable| ["-e".to_owned(), variable]);
        command.args(user).args(environment).arg(service).args(words.iter().cloned())
    }

    /// Tells a command on the host which compose project is meant: this one.
    pub fn bind(&self, command: Command) -> Command {
        // It may recreate what it likes.
        self.forget();
        self.compose.bind(command, self.project(), &self.file)
    }

    /// A short-lived container beside the stack with one volume at `/store`, and no network.
    pub fn beside<A: Into<OsString>>(
        &self,
        volume: &OwnedVolume,
        read_only: bool,
        words: impl IntoIterator<Item = A>,
    ) -> Command {
        let access = if read_only { "ro" } else { "rw" };
        let mount = format!("{}:/store:{access}", volume.actual);
        self.tool(["--volume".into(), mount.into()]).args(words)
    }

    /// The same, to write to the volume, with a folder of the host to be read at `/from`.
    pub(in crate::stack) fn beside_from(
        &self,
        volume: &OwnedVolume,
        from: &Path,
        words: impl IntoIterator<Item = OsString>,
    ) -> Command {
        let store = format!("type=volume,source={},target=/store,volume-nocopy", volume.actual);
        self.tool(["--mount".into(), read_only(from, "/from"), "--mount".into(), store.into()])
            .args(words)
    }

    /// A short-lived container that sees nothing but a folder of the host, at `/store`, and cannot
    /// write there.
    pub(crate) fn reading(
        &self,
        from: &Path,
        words: impl IntoIterator<Item = OsString>,
    ) -> Command {
        self.tool(["--mount".into(), read_only(from, "/store")]).args(words)
    }

    /// A short-lived container of an image that shares nothing with another container but its
    /// network, with one variable of this process.
    pub(crate) fn beside_network(
        &self,
        other: &str,
        image: &str,
        variable: &str,
        words: impl IntoIterator<Item = OsString>,
    ) -> Command {
        let network = format!("container:{other}");
        let command = self.short_lived(&network).args(["--read-only", "--env", variable]);
        command.args(["--entrypoint", ""]).arg(image).args(words)
    }

    /// A short-lived container of the tool image with these mounts.
    fn tool(&self, mounts: impl IntoIterator<Item = OsString>) -> Command {
        let command = self.short_lived("none").args(mounts);
        command.args(["--entrypoint", ""]).arg(&self.tool_image)
    }

    fn short_lived(&self, network: &str) -> Command {
        let command = self.engine.docker(["run", "--rm", "--interactive", "--network", network]);
        // The engine would keep the whole stream as a log, many times slower than the stream.
        let command = command.args(["--log-driver", "none"]);
        command.args(RunLabels::of(&self.run).arguments())
    }
}

/// A folder of the host that cannot be written to. One that is not there is not made.
fn read_only(from: &Path, target: &str) -> OsString {
    // The engine reads a line of comma-separated values.
    let from = from.to_string_lossy().replace('"', "\"\"");
    format!("type=bind,\"source={from}\",target={target},readonly").into()
}
