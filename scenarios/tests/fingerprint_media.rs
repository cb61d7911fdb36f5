//! A media store under sabotage: the intact copy is equal, and each mutation is named.
//!
//! Needs no container. What only root can do prints why it was skipped.

use std::ffi::OsStr;
use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use harness::compare::media::{MediaComparison, compare};
use harness::fingerprint::media::{Options, take};
use harness::model::event::Events;
use harness::model::fingerprint::MediaFingerprint;
use rstest::rstest;
use rustix::fs::{XattrFlags, removexattr, setxattr};

const MODIFIED: Duration = Duration::new(1_700_000_000, 123_456_789);

/// A store with everything odd that a store can hold, and a faithful copy of it.
struct Stores {
    _folder: tempfile::TempDir,
    before: PathBuf,
    after: PathBuf,
}

impl Stores {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let before = folder.path().join("before");
        let after = folder.path().join("after");
        fill(&before);
        fill(&after);
        Self { before, after, _folder: folder }
    }

    fn compare(&self) -> MediaComparison {
        compare(&fingerprint(&self.before), &fingerprint(&self.after), None)
    }
}

fn fingerprint(root: &Path) -> MediaFingerprint {
    take(root, Options::default(), &Events::ignored()).unwrap()
}

fn scan(seed: u8, size: usize) -> Vec<u8> {
    let pattern: Vec<u8> = (0..=250).map(|byte| byte ^ seed).collect();
    let mut content = pattern.repeat(size / pattern.len() + 1);
    content.truncate(size);
    content
}

fn fill(root: &Path) {
    fs::create_dir_all(root.join("copies/2026")).unwrap();
    fs::create_dir(root.join("empty")).unwrap();
    write(root, "copies/2026/c-17.pdf", &scan(1, 100_000));
    write(root, "copies/2026/c-18.pdf", &scan(2, 100_000));
    write(root, "copies/2026/zero", b"");
    write(root, "large.bin", &scan(3, 9_000_000));
    write(root, "a\nb", b"newline");
    write(root, OsStr::from_bytes(b"\xff\xfe.png"), b"not UTF-8");
    write(root, "n".repeat(255), b"long");
    fs::hard_link(root.join("copies/2026/c-17.pdf"), root.join("linked.pdf")).unwrap();
    symlink("copies/2026/c-18.pdf", root.join("latest")).unwrap();
    set_xattr(&root.join("copies/2026/c-18.pdf"));
    age(root);
}

fn write(root: &Path, name: impl AsRef<Path>, content: &[u8]) {
    let path = root.join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
}

fn set_xattr(path: &Path) {
    setxattr(path, "user.origin", b"scanner 3", XattrFlags::empty()).unwrap();
}

/// Gives everything the same time, so that only a mutation can differ.
fn age(path: &Path) {
    if path.is_symlink() {
        let times = rustix::fs::Timestamps {
            last_access: timespec(MODIFIED),
            last_modification: timespec(MODIFIED),
        };
        let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
        rustix::fs::utimensat(rustix::fs::CWD, path, &times, flags).unwrap();
        return;
    }
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            age(&entry.unwrap().path());
        }
    }
    set_modified(path, MODIFIED);
}

fn timespec(time: Duration) -> rustix::fs::Timespec {
    rustix::fs::Timespec {
        tv_sec: time.as_secs().try_into().unwrap(),
        tv_nsec: time.subsec_nanos().into(),
    }
}

fn set_modified(path: &Path, time: Duration) {
    let times = FileTimes::new().set_modified(UNIX_EPOCH + time);
    File::open(path).unwrap().set_times(times).unwrap();
}

fn rewrite(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap();
    set_modified(path, MODIFIED);
}

#[test]
fn intact_copy_is_equal() {
    let stores = Stores::new();
    let comparison = stores.compare();
    assert_eq!(comparison.divergences, []);
    assert!(comparison.undecided.is_empty(), "{:?}", comparison.undecided);
    assert_eq!(comparison.files_compared, 8);
    assert_eq!(comparison.bytes_compared, 9_300_020);
}

/// Damage done to a store.
type Mutation = fn(&Path);

/// What a mutation does to a store, and the complaints that it must give, as `subject: detail`.
#[rstest]
#[case::missing_file(|root: &Path| fs::remove_file(root.join("large.bin")).unwrap(), &["large.bin: missing"])]
#[case::extra_file(|root: &Path| fs::write(root.join("new"), b"").unwrap(), &["new: extra"])]
#[case::flipped_byte(flip_byte, &["copies/2026/c-18.pdf: content differs from offset 65536 to 81920 (1 of 7 chunks)"])]
#[case::flipped_byte_in_large_file(flip_byte_in_large_file, &["large.bin: content differs from offset 8912896 to 9000000 (1 of 35 chunks)"])]
#[case::truncated(|root: &Path| truncate(root, 70_000), &["copies/2026/c-18.pdf: size 100000 → 70000 bytes, same up to offset 65536"])]
#[case::emptied(|root: &Path| truncate(root, 0), &["copies/2026/c-18.pdf: size 100000 → 0 bytes"])]
#[case::grown(|root: &Path| truncate(root, 100_001), &["copies/2026/c-18.pdf: size 100000 → 100001 bytes, same up to offset 98304"])]
#[case::mode(|root: &Path| fs::set_permissions(root.join("large.bin"), Permissions::from_mode(0o600)).unwrap(), &["large.bin: mode 0640 → 0600"])]
#[case::setuid(|root: &Path| fs::set_permissions(root.join("large.bin"), Permissions::from_mode(0o4640)).unwrap(), &["large.bin: mode 0640 → 4640"])]
#[case::fraction_of_time_lost(|root: &Path| set_modified(&root.join("large.bin"), Duration::from_secs(1_700_000_000)), &["large.bin: modified 2023-11-14T22:13:20.123456789Z → 2023-11-14T22:13:20Z"])]
#[case::symlink_retargeted(retarget, &["latest: target copies/2026/c-18.pdf → copies/2026/c-17.pdf"])]
#[case::symlink_became_a_file(symlink_to_file, &["latest: symbolic link → file; mode 0777 → 0640"])]
#[case::hard_link_split(split_link, &["copies/2026/c-17.pdf: hard link to copies/2026/c-17.pdf lost", "linked.pdf: hard link to copies/2026/c-17.pdf lost"])]
#[case::xattr_lost(|root: &Path| removexattr(root.join("copies/2026/c-18.pdf"), "user.origin").unwrap(), &["copies/2026/c-18.pdf: extended attributes user.origin lost"])]
#[case::empty_directory_lost(|root: &Path| fs::remove_dir(root.join("empty")).unwrap(), &["empty: missing"])]
#[case::newline_in_name_lost(|root: &Path| fs::rename(root.join("a\nb"), root.join("a b")).unwrap(), &["a b: extra", r"a\x0ab: missing"])]
#[case::non_utf8_name_changed(mangle_name, &[r"\xff\xfe.png: missing", "\u{fffd}\u{fffd}.png: extra"])]
#[case::case_of_a_name_changed(|root: &Path| fs::rename(root.join("large.bin"), root.join("Large.bin")).unwrap(), &["Large.bin: extra", "large.bin: missing"])]
#[case::swapped_contents(swap, &["copies/2026/c-17.pdf: content differs from offset 0 to 100000 (7 of 7 chunks)", "copies/2026/c-18.pdf: content differs from offset 0 to 100000 (7 of 7 chunks)", "linked.pdf: content differs from offset 0 to 100000 (7 of 7 chunks)"])]
#[case::directory_mode(|root: &Path| fs::set_permissions(root.join("empty"), Permissions::from_mode(0o700)).unwrap(), &["empty: mode 0755 → 0700"])]
fn mutation_is_named(#[case] mutate: Mutation, #[case] complaints: &[&str]) {
    let stores = Stores::new();
    assert_eq!(stores.compare().divergences, [], "intact first");
    mutate(&stores.after);
    restore_directory_times(&stores.after);
    let comparison = stores.compare();
    let named: Vec<_> = comparison
        .divergences
        .iter()
        .map(|divergence| format!("{}: {}", divergence.subject, divergence.detail))
        .collect();
    assert_eq!(named, complaints);
    assert!(comparison.undecided.is_empty(), "{:?}", comparison.undecided);
}

/// Undoes what a mutation does to the directories around it, so that it is named alone.
fn restore_directory_times(root: &Path) {
    for directory in ["copies/2026", "copies", "."] {
        set_modified(&root.join(directory), MODIFIED);
    }
}

fn flip_byte(root: &Path) {
    let mut content = scan(2, 100_000);
    content[70_000] ^= 1;
    rewrite(&root.join("copies/2026/c-18.pdf"), &content);
}

fn flip_byte_in_large_file(root: &Path) {
    let mut content = scan(3, 9_000_000);
    content[8_999_999] ^= 0x80;
    rewrite(&root.join("large.bin"), &content);
}

fn truncate(root: &Path, size: u64) {
    let path = root.join("copies/2026/c-18.pdf");
    File::options().write(true).open(&path).unwrap().set_len(size).unwrap();
    set_modified(&path, MODIFIED);
}

fn retarget(root: &Path) {
    fs::remove_file(root.join("latest")).unwrap();
    symlink("copies/2026/c-17.pdf", root.join("latest")).unwrap();
    age(&root.join("latest"));
}

fn symlink_to_file(root: &Path) {
    fs::remove_file(root.join("latest")).unwrap();
    write(root, "latest", &scan(2, 100_000));
    age(&root.join("latest"));
}

fn split_link(root: &Path) {
    fs::remove_file(root.join("linked.pdf")).unwrap();
    write(root, "linked.pdf", &scan(1, 100_000));
    age(&root.join("linked.pdf"));
}

fn mangle_name(root: &Path) {
    let name = OsStr::from_bytes(b"\xff\xfe.png");
    fs::rename(root.join(name), root.join("\u{fffd}\u{fffd}.png")).unwrap();
}

fn swap(root: &Path) {
    rewrite(&root.join("copies/2026/c-17.pdf"), &scan(2, 100_000));
    rewrite(&root.join("copies/2026/c-18.pdf"), &scan(1, 100_000));
}

#[test]
fn lost_owner_is_named() {
    let stores = Stores::new();
    if let Err(error) = chown(stores.before.join("large.bin"), Some(10_001), Some(10_001)) {
        println!("skipped: only root can give files away: {error}");
        return;
    }
    let comparison = stores.compare();
    let [divergence] = comparison.divergences.as_slice() else {
        panic!("{:?}", comparison.divergences);
    };
    assert_eq!(divergence.subject, "large.bin");
    assert_eq!(divergence.detail, "owner 10001:10001 → 0:0");
}
