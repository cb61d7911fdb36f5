//! A media store that changes, hides or resists while it is read: what rests is read exactly,
//! what does not is undecided by name, and nothing outside of the store is ever read.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use harness::compare::media::compare;
use harness::fingerprint::media::{Options, take};
use harness::model::divergence::Divergence;
use harness::model::event::Events;
use harness::model::fingerprint::{MediaFingerprint, MediaKind};
use rustix::fs::{Mode, OFlags, mkdirat, open, openat};

fn fingerprint(root: &Path) -> MediaFingerprint {
    take(root, Options::default(), &Events::ignored()).unwrap()
}

fn store(files: usize, bytes: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("quiet")).unwrap();
    fs::create_dir(folder.path().join("busy")).unwrap();
    for index in 0..files {
        fs::write(folder.path().join(format!("quiet/{index}")), vec![7; bytes]).unwrap();
    }
    folder
}

/// Runs work over and over beside `observe`, from before it begins until it has ended.
fn beside<T>(mut work: impl FnMut() + Send, observe: impl FnOnce() -> T) -> T {
    let stop = AtomicBool::new(false);
    let begun = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                work();
                begun.store(true, Ordering::Relaxed);
            }
        });
        while !begun.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        let observed = observe();
        stop.store(true, Ordering::Relaxed);
        observed
    })
}

const CHANGED: &str = "changed while it was read";

/// Takes fingerprints beside `work` until one has `path` undecided, and gives it.
fn taken_in_unrest(root: &Path, path: &str, work: impl FnMut() + Send) -> MediaFingerprint {
    let taken = beside(work, || {
        let mut taken = (0..100).map(|_| fingerprint(root));
        taken.find(|taken| taken.undecided.contains_key(path))
    });
    let taken = taken.expect("a busy machine lets the writer run at some time");
    assert_eq!(taken.undecided[path], CHANGED);
    taken
}

#[test]
fn directory_that_never_rests_is_undecided_and_the_rest_is_exact() {
    let folder = store(200, 10_000);
    let before = fingerprint(folder.path());
    let mut count = 0;
    let during = taken_in_unrest(folder.path(), "busy", || {
        count += 1;
        File::create(folder.path().join(format!("busy/{count}"))).unwrap();
    });
    assert!(!during.undecided.contains_key("quiet"), "{:?}", during.undecided);
    let comparison = compare(&during, &before, None);
    assert!(comparison.undecided.contains_key("busy"));
    assert_eq!(comparison.files_compared, 200);
    let quiet = |divergence: &Divergence| divergence.subject.starts_with("quiet");
    assert!(!comparison.divergences.iter().any(quiet), "{:?}", comparison.divergences);
}

#[test]
fn file_that_never_rests_is_undecided() {
    let folder = store(20, 1_000_000);
    let mut log = File::create(folder.path().join("busy/log")).unwrap();
    let write = || log.write_all(b"line\n").unwrap();
    let during = taken_in_unrest(folder.path(), "busy/log", write);
    assert!(!during.entries.contains_key("busy/log"));
    let comparison = compare(&during, &during, None);
    assert_eq!(comparison.files_compared, 20);
    assert!(comparison.undecided.contains_key("busy/log"));
}

/// A file overwritten in place, piece by piece, goes through states: new up to some piece, old
/// behind it. Whatever is taken must be one of them.
#[test]
fn torn_content_is_never_taken_for_content() {
    const PIECE: usize = 64_000;
    const PIECES: usize = 50;
    const BYTES: u8 = 8;
    let state = |byte: u8, new: usize| {
        let old = (byte + BYTES - 1) % BYTES;
        [vec![byte; new * PIECE], vec![old; (PIECES - new) * PIECE]].concat()
    };
    let states: BTreeSet<String> = (0..BYTES)
        .flat_map(|byte| (0..PIECES).map(move |new| (byte, new)))
        .map(|(byte, new)| blake3::hash(&state(byte, new)).to_string())
        .collect();

    let folder = store(0, 0);
    let path = folder.path().join("busy/page");
    fs::write(&path, state(0, 0)).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    let mut step = 0;
    let overwrite = || {
        let byte = u8::try_from(step / PIECES % usize::from(BYTES)).unwrap();
        file.write_all_at(&vec![byte; PIECE], (step % PIECES * PIECE) as u64).unwrap();
        step += 1;
    };
    let taken =
        beside(overwrite, || (0..10).map(|_| fingerprint(folder.path())).collect::<Vec<_>>());
    for taken in taken {
        match taken.entries.get("busy/page").map(|entry| &entry.kind) {
            None => assert_eq!(taken.undecided["busy/page"], CHANGED),
            Some(MediaKind::File { blake3, .. }) => assert!(states.contains(blake3), "torn"),
            Some(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn store_that_comes_to_rest_is_read_again_and_exact() {
    let folder = store(50, 2_000_000);
    let root = folder.path();
    let (during, after) = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for index in 0..20 {
                fs::write(root.join(format!("busy/{index}")), b"new").unwrap();
                fs::write(root.join("quiet/0"), vec![index; 2_000_000]).unwrap();
            }
        });
        let during = fingerprint(root);
        writer.join().unwrap();
        (during, fingerprint(root))
    });
    // Whenever the writer ended, nothing was taken for read that is not what it is now, unless
    // it was written after it was read: then the file says so itself.
    for (path, entry) in &during.entries {
        let now = &after.entries[path];
        if entry.modified == now.modified && matches!(entry.kind, MediaKind::File { .. }) {
            assert_eq!(entry, now, "{path}");
        }
    }
    assert!(after.undecided.is_empty(), "{:?}", after.undecided);
}

#[test]
fn swapped_links_never_lead_out_of_the_store() {
    let folder = store(0, 0);
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir(outside.path().join("swapped")).unwrap();
    fs::write(outside.path().join("swapped/secret"), b"secret").unwrap();
    let swapped = folder.path().join("busy/swapped");
    let swap = || {
        fs::create_dir(&swapped).unwrap();
        fs::write(swapped.join("plain"), b"plain").unwrap();
        fs::remove_dir_all(&swapped).unwrap();
        symlink(outside.path().join("swapped"), &swapped).unwrap();
        fs::remove_file(&swapped).unwrap();
    };
    let taken = beside(swap, || (0..15).map(|_| fingerprint(folder.path())).collect::<Vec<_>>());
    for fingerprint in taken {
        let secret = |path: &String| path.contains("secret");
        assert!(!fingerprint.entries.keys().any(secret), "{:?}", fingerprint.entries.keys());
    }
}

#[test]
fn fifo_in_a_files_place_does_not_block() {
    let folder = store(5, 10);
    let path = folder.path().join("busy/fifo");
    let make = || {
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, Mode::RUSR, 0)
            .unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, b"file").unwrap();
        fs::remove_file(&path).unwrap();
    };
    beside(make, || {
        for _ in 0..15 {
            fingerprint(folder.path());
        }
    });
}

#[test]
fn what_lies_too_deep_is_undecided() {
    let folder = store(1, 1);
    let name = "d".repeat(250);
    let flags = OFlags::DIRECTORY | OFlags::RDONLY;
    let mut directory = open(folder.path(), flags, Mode::empty()).unwrap();
    for _ in 0..40 {
        mkdirat(&directory, &name, Mode::RWXU).unwrap();
        directory = openat(&directory, &name, flags, Mode::empty()).unwrap();
    }
    let fingerprint = fingerprint(folder.path());
    let [(path, reason)] = &Vec::from_iter(&fingerprint.undecided)[..] else {
        panic!("{:?}", fingerprint.undecided);
    };
    assert_eq!(path.len(), 17 * 251 - 1);
    assert_eq!(*reason, "lies deeper than 4096 bytes of path");
}

#[test]
fn what_may_not_be_read_is_undecided_with_all_below_it() {
    let folder = store(3, 10);
    let before = fingerprint(folder.path());
    fs::set_permissions(folder.path().join("quiet"), Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(folder.path().join("quiet")).is_ok() {
        println!("skipped: nothing is unreadable to root");
        return;
    }
    let after = fingerprint(folder.path());
    let comparison = compare(&before, &after, None);
    assert_eq!(comparison.divergences, [], "hidden is not lost");
    assert_eq!(
        comparison.undecided.get("quiet").map(String::as_str),
        Some("in the restored store: cannot be read: Permission denied (os error 13)")
    );
    fs::set_permissions(folder.path().join("quiet"), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn store_that_is_not_there_is_an_error() {
    let folder = store(0, 0);
    let take = |name: &str| {
        let path = folder.path().join(name);
        take(&path, Options::default(), &Events::ignored()).unwrap_err()
    };
    assert!(take("absent").to_string().starts_with("cannot open media store"));
    fs::write(folder.path().join("file"), b"").unwrap();
    assert!(take("file").to_string().ends_with("is not a directory"));
}
