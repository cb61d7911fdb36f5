//! Judges a tar archive before anything is unpacked from it: whole, and harmless.
//!
//! Reads the stream once, to its end marker, and writes nothing. What it finds are values; an
//! error means that the stream could not be read.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read};

use serde::{Deserialize, Serialize};

use crate::error::{Attempt, Result};
use crate::tar_stream::{Kind, Member, TarStream};
use crate::tree_path::{Led, above, downward, escape, follow, parent};

/// Violations kept by name; beyond it they are counted.
const VIOLATIONS_MAX: usize = 100;

/// Members at most: a media store has fewer, and each costs memory here and an inode there.
const ENTRIES_MAX: u64 = 20_000_000;

/// Largest file that ext4 holds.
const FILE_BYTES_MAX: u64 = 16 << 40;

/// Longest path and component that Linux takes.
const PATH_BYTES_MAX: usize = 4096;
const NAME_BYTES_MAX: usize = 255;

/// What an archive holds, and what it must not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveReport {
    /// Members of any kind.
    pub entries: u64,
    /// Regular files and hard links.
    pub files: u64,
    /// Bytes of content.
    pub bytes: u64,
    /// Whether the end marker is there, with nothing behind it. Without it the archive was cut.
    pub end_of_archive: bool,
    /// What makes it unfit to be unpacked. Bounded.
    pub violations: Vec<String>,
}

impl ArchiveReport {
    /// Whether it is whole and may be unpacked.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.end_of_archive && self.violations.is_empty()
    }
}

/// Reads a whole tar stream, uncompressed, and reports what is in it and what must not be.
///
/// # Errors
/// The reader failed. A stream that is cut or malformed is reported, not an error.
pub fn inspect(reader: impl Read) -> Result<ArchiveReport> {
    inspect_with(reader, Links::Within, |_, _| Ok(()))
}

/// Where symbolic links may lead.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Links {
    /// Nowhere out of the store: the application follows them.
    #[default]
    Within,
    /// Anywhere: inside the container that mounts the volume, they lead to places of its own. Nothing
    /// may lie below one all the same.
    Anywhere,
}

/// The same, and hands each member on, with the stream to read its content from, as long as
/// nothing is wrong.
pub(crate) fn inspect_with<R: Read>(
    reader: R,
    links: Links,
    mut visit: impl FnMut(&mut TarStream<R>, Member) -> io::Result<()>,
) -> Result<ArchiveReport> {
    let mut stream = TarStream::new(reader);
    let mut inspection = Inspection { links, ..Inspection::default() };
    loop {
        let seen = match stream.next() {
            Ok(None) => {
                inspection.report.end_of_archive = true;
                break;
            }
            Ok(Some(member)) => {
                inspection.member(&member);
                let sound = inspection.report.violations.is_empty();
                if sound { visit(&mut stream, member) } else { Ok(()) }
            }
            Err(error) => Err(error),
        };
        match seen {
            Ok(()) => {}
            // Not whole, or no tar stream: that is what was to be found out.
            Err(error) if is_of_the_format(error.kind()) => {
                inspection.violation(format!(
                    "broken after {} members: {error}",
                    inspection.report.entries
                ));
                break;
            }
            Err(error) => return Err(error).attempt(|| "cannot read the archive"),
        }
        if inspection.report.entries > ENTRIES_MAX {
            inspection.violation(format!("holds more than {ENTRIES_MAX} members"));
            break;
        }
    }
    Ok(inspection.finish())
}

/// Whether an error speaks of the stream's content. The tar crate reports fields that it cannot
/// decode as "other", which no file or pipe does.
fn is_of_the_format(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::Other)
}

/// A member as the tree will hold it.
enum Node {
    Directory,
    File,
    Symlink(String),
    /// A fifo, a device, or worse.
    Odd,
}

/// A judgement that is being made, member by member.
#[derive(Default)]
pub(crate) struct Inspection {
    report: ArchiveReport,
    links: Links,
    /// Violations beyond those named.
    more: u64,
    tree: HashMap<String, Node>,
}

impl Inspection {
    fn violation(&mut self, what: String) {
        if self.report.violations.len() < VIOLATIONS_MAX {
            self.report.violations.push(what);
        } else {
            self.more += 1;
        }
    }

    /// Judges what a member says of itself, and remembers it for [`Self::judge_tree`].
    pub(crate) fn member(&mut self, member: &Member) {
        self.report.entries += 1;
        let text = escape(&member.path);
        for what in oddities(member) {
            self.violation(format!("{text}: {what}"));
        }
        let Some(path) = downward(&text) else {
            self.violation(format!("{text}: leads out of the store"));
            return;
        };
        let node = match member.kind {
            Kind::File => {
                self.report.files += 1;
                self.report.bytes = self.report.bytes.saturating_add(member.size);
                Node::File
            }
            Kind::HardLink => {
                self.report.files += 1;
                self.judge_hard_link(&path, &escape(&member.link));
                Node::File
            }
            Kind::Symlink => Node::Symlink(escape(&member.link)),
            Kind::Directory => Node::Directory,
            _ => Node::Odd,
        };
        if path == "." && !matches!(node, Node::Directory) {
            self.violation(format!("{text}: takes the place of the store itself"));
        }
        if self.tree.insert(path, node).is_some() {
            self.violation(format!("{text}: appears twice"));
        }
    }

    /// A hard link may only name a file that came before it: anything else is a file of the
    /// machine that unpacks.
    fn judge_hard_link(&mut self, path: &str, target: &str) {
        let found = downward(target).and_then(|target| self.tree.get(&target));
        if !matches!(found, Some(Node::File | Node::Symlink(_))) {
            self.violation(format!("{path}: hard link to {target}, which is no earlier file"));
        }
    }

    /// Judges what only the whole tree shows: where links lead, and what lies below what.
    fn judge_tree(&mut self) {
        let target_of = |path: &str| match self.tree.get(path) {
            Some(Node::Symlink(target)) => Some(target.as_str()),
            _ => None,
        };
        let mut found = Vec::new();
        for (path, node) in &self.tree {
            let below = above(path).find(|directory| {
                !matches!(self.tree.get(*directory), None | Some(Node::Directory))
            });
            if let Some(other) = below {
                found.push(format!("{path}: lies below {other}, which is no directory"));
            }
            if let (Node::Symlink(target), Links::Within) = (node, self.links)
                && follow(parent(path), target, target_of) == Led::Outside
            {
                found.push(format!("{path}: symbolic link to {target} leads out of the store"));
            }
        }
        found.sort();
        for what in found {
            self.violation(what);
        }
    }

    /// The judgement, when every member has been seen.
    pub(crate) fn finish(mut self) -> ArchiveReport {
        self.judge_tree();
        if self.more > 0 {
            self.report.violations.push(format!("and {} more", self.more));
        }
        self.report
    }
}

/// What is wrong with a member by itself.
fn oddities(member: &Member) -> Vec<String> {
    let mut found = Vec::new();
    match member.kind {
        Kind::Fifo => found.push("is a fifo".to_owned()),
        Kind::CharacterDevice | Kind::BlockDevice => found.push("is a device".to_owned()),
        Kind::Other(flag) => found.push(format!("is of unknown type {:?}", char::from(flag))),
        Kind::File if member.mode & 0o6000 != 0 => {
            found.push(format!("runs as another user or group: mode {:04o}", member.mode));
        }
        // Readers disagree on whether content follows, and then on every member behind it.
        Kind::Directory | Kind::Symlink if member.size > 0 => {
            found.push(format!("has {} bytes of content, but is no file", member.size));
        }
        _ => {}
    }
    if member.size > FILE_BYTES_MAX {
        found.push(format!("is absurdly large: {} bytes", member.size));
    }
    let longest = member.path.split(|byte| *byte == b'/').map(<[u8]>::len).max();
    if member.path.len() > PATH_BYTES_MAX || longest > Some(NAME_BYTES_MAX) {
        found.push("has a name that no system takes".to_owned());
    }
    if member.path.is_empty() {
        found.push("has no name".to_owned());
    }
    found
}
