//! A folder of artefacts: what is there, what of it a policy lets go, and letting it go. Only a
//! folder that holds a manifest of ours and nothing but its parts is ever deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::Artefact;
use super::retention::{Candidate, Policy, Reason, with_needed};
use crate::error::{Attempt, Error, Result};
use crate::model::artefact::MANIFEST_FILE;

/// An artefact in a folder of them.
#[derive(Debug)]
pub struct Shelved {
    /// Its folder.
    pub dir: PathBuf,
    /// The method that took it.
    pub method: String,
    /// Size of all parts, in bytes.
    pub size: u64,
    /// What a policy looks at.
    pub candidate: Candidate,
    /// What is wrong with it; nothing if it verifies.
    pub damage: Vec<String>,
    /// Why it stays; nothing if it may go.
    pub stays: Option<Reason>,
}

/// Reads a folder and every artefact in it, in full, and evaluates a policy for each method.
pub fn examine(dir: &Path, policy: &Policy, now: Timestamp) -> Result<Vec<Shelved>> {
    let shown = dir.display();
    let entries = fs::read_dir(dir).map_err(|cause| {
        Error::usage(format!("cannot read {shown}"))
            .because(cause)
            .hint("name a folder of artefacts")
    })?;
    let mut shelf = Vec::new();
    for entry in entries {
        let entry = entry.attempt(|| format!("cannot read {shown}"))?;
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && entry.path().join(MANIFEST_FILE).is_file() {
            shelf.push(shelved(&entry.path())?);
        }
    }
    find_gaps(&mut shelf);
    // An artefact of one method is no stand-in for one of another.
    let mut by_method = BTreeMap::<String, Vec<Candidate>>::new();
    for it in &shelf {
        by_method.entry(it.method.clone()).or_default().push(it.candidate.clone());
    }
    let kept = by_method.values().flat_map(|candidates| policy.kept(candidates, now));
    // What one needs may be of another method: the base of an increment.
    let all = shelf.iter().map(|it| it.candidate.clone()).collect::<Vec<_>>();
    let mut kept = with_needed(kept.collect(), &all);
    for it in &mut shelf {
        it.stays = kept.remove(&it.candidate.name);
    }
    shelf.sort_by_key(|it| std::cmp::Reverse(it.candidate.taken_at));
    Ok(shelf)
}

/// An artefact is worth no more than those that it cannot be restored without.
fn find_gaps(shelf: &mut [Shelved]) {
    loop {
        let whole = shelf.iter().filter(|it| it.candidate.verified);
        let whole = whole.map(|it| it.candidate.name.clone()).collect::<BTreeSet<_>>();
        let mut found = false;
        for it in shelf.iter_mut().filter(|it| it.candidate.verified) {
            let missing = it.candidate.needs.iter().filter(|name| !whole.contains(*name));
            let missing = missing.map(|name| format!("it needs {name}, which is not there whole"));
            it.damage.extend(missing);
            it.candidate.verified = it.damage.is_empty();
            found |= !it.candidate.verified;
        }
        if !found {
            return;
        }
    }
}

fn shelved(dir: &Path) -> Result<Shelved> {
    let artefact = Artefact::open(dir)?;
    let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let damage = artefact.damage()?;
    let manifest = artefact.manifest;
    let candidate = Candidate {
        name,
        taken_at: manifest.taken_at,
        verified: damage.is_empty(),
        needs: manifest.needs.iter().cloned().collect(),
    };
    let (method, size) = (manifest.method.clone(), manifest.size());
    Ok(Shelved { dir: dir.to_owned(), method, size, candidate, damage, stays: None })
}

/// Deletes an artefact that may go. The manifest goes first: what is left of an interrupted
/// deletion is no artefact.
pub fn delete(shelved: &Shelved) -> Result<()> {
    let shown = shelved.dir.display();
    if let Some(reason) = shelved.stays {
        return Err(Error::undecided(format!("refused to delete {shown}: {}", reason.words())));
    }
    let artefact = Artefact::open(&shelved.dir)?;
    let mut files =
        artefact.manifest.parts.iter().map(|part| part.file.clone()).collect::<BTreeSet<_>>();
    files.insert(MANIFEST_FILE.to_owned());
    for entry in fs::read_dir(&shelved.dir).attempt(|| format!("cannot read {shown}"))? {
        let entry = entry.attempt(|| format!("cannot read {shown}"))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !files.contains(&name) {
            return Err(Error::undecided(format!(
                "refused to delete {shown}: {name} is no part of it"
            ))
            .hint("move it away, or delete the folder by hand"));
        }
    }
    let remove = |path: PathBuf| {
        fs::remove_file(&path).attempt(|| format!("cannot delete {}", path.display()))
    };
    remove(shelved.dir.join(MANIFEST_FILE))?;
    for part in &artefact.manifest.parts {
        let path = artefact.path(part)?;
        // One that is missing is damage, and no reason to keep the rest.
        if path.exists() {
            remove(path)?;
        }
    }
    fs::remove_dir(&shelved.dir).attempt(|| format!("cannot delete {shown}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::model::artefact::{PartKind, RecoveryPoint};

    fn shelf(dir: &Path, names: &[(&str, &str)]) {
        for (name, taken_at) in names {
            let taken_at = taken_at.parse::<Timestamp>().expect("a time");
            let point = RecoveryPoint { instant: taken_at, lsn: String::new() };
            let mut artefact =
                Artefact::create(&dir.join(name), "pg-dump", point).expect("created");
            artefact.manifest.taken_at = taken_at;
            let mut part = artefact.begin(PartKind::Database, "database.dump").expect("begun");
            part.write_all(name.as_bytes()).expect("written");
            artefact.manifest.parts.push(part.finish().expect("finished"));
            artefact.seal().expect("sealed");
        }
    }

    fn examined(dir: &Path) -> Vec<Shelved> {
        let policy = "last=1".parse().expect("a policy");
        examine(dir, &policy, "2026-06-01T00:00:00Z".parse().expect("a time")).expect("read")
    }

    fn staying(shelf: &[Shelved]) -> Vec<&str> {
        let staying = shelf.iter().filter(|it| it.stays.is_some());
        staying.map(|it| it.candidate.name.as_str()).collect()
    }

    #[test]
    fn a_damaged_artefact_never_takes_the_place_of_a_good_one() {
        let dir = tempfile::tempdir().expect("a folder");
        shelf(dir.path(), &[("old", "2026-01-01T00:00:00Z"), ("mid", "2026-02-01T00:00:00Z")]);
        shelf(dir.path(), &[("new", "2026-03-01T00:00:00Z")]);
        fs::create_dir(dir.path().join("not-an-artefact")).expect("created");
        assert_eq!(staying(&examined(dir.path())), ["new"]);
        fs::write(dir.path().join("new/database.dump"), "damaged").expect("written");
        assert_eq!(staying(&examined(dir.path())), ["new", "mid"]);
        let found = examined(dir.path());
        for it in found.iter().filter(|it| it.stays.is_none()) {
            delete(it).expect("it may go");
        }
        assert_eq!(examined(dir.path()).len(), 2);
        assert!(!dir.path().join("old").exists() && dir.path().join("not-an-artefact").exists());
    }

    /// One that its commands left with a file that says what it needs.
    fn increment(dir: &Path, (name, taken_at): (&str, &str), method: &str, needs: &str) {
        let taken_at = taken_at.parse::<Timestamp>().expect("a time");
        let point = RecoveryPoint { instant: taken_at, lsn: String::new() };
        let mut artefact = Artefact::create(&dir.join(name), method, point).expect("created");
        fs::write(artefact.dir().join("log.tar"), name).expect("written");
        fs::write(artefact.dir().join("needs"), needs).expect("written");
        artefact.manifest.taken_at = taken_at;
        artefact.manifest.parts = artefact.adopt(|_| PartKind::Companion).expect("adopted");
        artefact.manifest.needs = artefact.needs().expect("names");
        artefact.seal().expect("sealed");
    }

    #[test]
    fn what_an_increment_needs_outlives_every_policy() {
        let dir = tempfile::tempdir().expect("a folder");
        shelf(dir.path(), &[("older", "2026-01-01T00:00:00Z"), ("base", "2026-02-01T00:00:00Z")]);
        shelf(dir.path(), &[("other", "2026-02-02T00:00:00Z")]);
        increment(dir.path(), ("log-1", "2026-02-03T00:00:00Z"), "log", "base\n");
        increment(dir.path(), ("log-2", "2026-02-04T00:00:00Z"), "log", "log-1\nbase\n");
        assert_eq!(staying(&examined(dir.path())), ["log-2", "log-1", "other", "base"]);
        let found = examined(dir.path());
        found.iter().filter(|it| it.stays.is_none()).for_each(|it| delete(it).expect("it may go"));
        assert!(!dir.path().join("older").exists());
        assert_eq!(examined(dir.path()).len(), 4);
        // Without its base the newest is no backup, and says so.
        fs::write(dir.path().join("base/database.dump"), "damaged").expect("written");
        let found = examined(dir.path());
        let log = found.iter().find(|it| it.candidate.name == "log-2").expect("there");
        assert!(log.damage.iter().any(|it| it.contains("it needs base")), "{:?}", log.damage);
    }

    #[test]
    fn what_stays_and_what_is_not_ours_alone_is_not_deleted() {
        let dir = tempfile::tempdir().expect("a folder");
        shelf(dir.path(), &[("old", "2026-01-01T00:00:00Z"), ("new", "2026-02-01T00:00:00Z")]);
        fs::write(dir.path().join("old/notes.txt"), "mine").expect("written");
        let found = examined(dir.path());
        let [new, old] = &found[..] else { panic!("two") };
        assert!(delete(new).expect_err("it stays").to_string().contains("newest that verifies"));
        assert!(delete(old).expect_err("not ours alone").to_string().contains("notes.txt"));
        assert_eq!(examined(dir.path()).len(), 2);
    }
}
