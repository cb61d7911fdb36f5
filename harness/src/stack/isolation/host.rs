//! Where a path of the host leads, and whether the copy may read there. Looks, and changes nothing.

use std::fs::FileType;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use walkdir::WalkDir;

/// Entries of a folder that are looked at before it counts as too large to be judged.
const LOOKED_AT_MOST: usize = 200_000;

/// Folders of the host's system, and what one could do through them.
const SYSTEM: [(&str, &str); 8] = [
    ("/run", COMMAND),
    ("/var/run", COMMAND),
    ("/proc", OPEN),
    ("/sys", OPEN),
    ("/dev", OPEN),
    ("/boot", OPEN),
    ("/var/lib/docker", ENGINE),
    ("/var/lib/containerd", ENGINE),
];

const COMMAND: &str = "through it the copy could command the host";
const OPEN: &str = "it opens the host's system to the copy";
const ENGINE: &str = "it holds the volumes of every other container";

/// Why the copy may not read there, if it may not: `path` itself, where symbolic links take it,
/// and what is below. Links below are left alone: they lead to places inside the container.
pub(super) fn forbids(path: &Path) -> Option<&'static str> {
    if let Some(why) = of_system(path) {
        return Some(why);
    }
    let real = match path.canonicalize() {
        Ok(real) => real,
        Err(cause) if cause.kind() == ErrorKind::NotFound => {
            return Some("nothing is there, and the engine would make a folder of it");
        }
        Err(_) => return Some(UNREAD),
    };
    of_system(&real).or_else(|| of_content(&real, LOOKED_AT_MOST))
}

/// Why the copy may not have a copy of what is there, if it may not. What is below matters less
/// than for a mount: nobody listens at the copy of a socket.
pub(super) fn forbids_copying(path: &Path) -> Option<&'static str> {
    if let Some(why) = of_system(path) {
        return Some(why);
    }
    let Some(real) = real(path) else { return Some(UNREAD) };
    of_system(&real).or_else(|| of_kind(real.metadata().ok()?.file_type()))
}

/// Where a path leads that may end in what is not there yet; none if that cannot be found out.
pub(super) fn real(path: &Path) -> Option<PathBuf> {
    let mut missing = Vec::new();
    let mut at = path;
    loop {
        match at.canonicalize() {
            Ok(real) => {
                return Some(real.iter().chain(missing.iter().rev().copied()).collect());
            }
            Err(cause) if cause.kind() == ErrorKind::NotFound && !at.is_symlink() => {
                // `..` of what is not there leads nowhere that is known.
                missing.push(at.file_name()?);
                at = at.parent()?;
            }
            Err(_) => return None,
        }
    }
}

const UNREAD: &str = "it cannot be looked through: whether it holds a socket is not known";

fn of_system(path: &Path) -> Option<&'static str> {
    if path.extension().is_some_and(|kind| kind == "sock") {
        return Some(COMMAND);
    }
    if path.components().all(|part| matches!(part, Component::RootDir)) {
        return Some(OPEN);
    }
    let under = SYSTEM.iter().find(|(system, _)| path.starts_with(system));
    // A folder above them opens them as well.
    let above = || SYSTEM.iter().find(|(system, _)| Path::new(system).starts_with(path));
    under.or_else(above).map(|(_, why)| *why)
}

/// A mount that is read-only lets whoever has it talk to a socket, a pipe or a device all the same.
fn of_content(path: &Path, limit: usize) -> Option<&'static str> {
    let Ok(device) = path.symlink_metadata().map(|met| met.dev()) else { return Some(UNREAD) };
    for (count, entry) in WalkDir::new(path).into_iter().enumerate() {
        let Ok(entry) = entry else { return Some(UNREAD) };
        // Engines before version 25 make what is mounted below a folder no less writable.
        if entry.file_type().is_dir() && entry.metadata().is_ok_and(|met| met.dev() != device) {
            return Some("something else is mounted below it, which the copy could write to");
        }
        if count == limit {
            return Some(
                "it holds too many files to be looked through; mount what is needed of it",
            );
        }
        if let Some(why) = of_kind(entry.file_type()) {
            return Some(why);
        }
    }
    None
}

fn of_kind(kind: FileType) -> Option<&'static str> {
    if kind.is_socket() {
        Some("it is or holds a socket: the copy could command whoever listens there")
    } else if kind.is_fifo() || kind.is_block_device() || kind.is_char_device() {
        Some("it is or holds a pipe or a device of the host")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn the_hosts_system_is_forbidden_however_it_is_named() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let at = |name: &str| dir.path().join(name);
        symlink("/var/run/docker.sock", at("engine")).expect("linked");
        symlink("/", at("all")).expect("linked");
        symlink("engine", at("twice")).expect("linked");
        for path in ["engine", "all", "twice", "all/proc", "all/var/lib/docker"] {
            assert!(forbids(&at(path)).is_some(), "{path}");
        }
        for path in ["/", "//", "/var", "/var/lib", "/run/x", "/proc/1", "/dev/null", "/x/y.sock"] {
            assert!(forbids(Path::new(path)).is_some(), "{path}");
        }
    }

    #[test]
    fn a_folder_is_forbidden_for_what_it_holds() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("a/b")).expect("created");
        fs::write(at("a/b/nginx.conf"), "x").expect("written");
        // Inside the container it would lead to the container's own.
        symlink("/var/run/docker.sock", at("a/b/link")).expect("linked");
        assert_eq!(forbids(&at("a")), None);
        assert_eq!(forbids(&at("a/b/nginx.conf")), None);
        let _socket = UnixListener::bind(at("a/b/app")).expect("bound");
        assert!(forbids(&at("a")).expect("a socket").contains("socket"));
        assert!(forbids(&at("a/b/app")).expect("a socket").contains("socket"));
        assert_eq!(forbids(&at("a/b/nginx.conf")), None);
    }

    #[test]
    fn what_is_not_there_or_too_large_is_forbidden() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        assert!(forbids(&dir.path().join("absent")).expect("absent").contains("nothing is there"));
        fs::write(dir.path().join("one"), "").expect("written");
        assert_eq!(of_content(dir.path(), 2), None);
        assert!(of_content(dir.path(), 1).expect("too large").contains("too many"));
    }
}
