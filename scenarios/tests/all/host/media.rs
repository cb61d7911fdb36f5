//! A media store under sabotage: the intact copy is equal, and each mutation is named.
//!
//! Needs no container. What only root can do prints why it was skipped.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use harness::compare::media::{MediaComparison, compare};
use harness::fingerprint::media::{Options, take, take_from_tar};
use harness::model::event::Events;
use harness::model::fingerprint::MediaFingerprint;
use rstest::rstest;
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags, mknodat, removexattr, setxattr,
    utimensat,
};

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
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).unwrap() {
            age(&entry.unwrap().path());
        }
    }
    set_modified(path, MODIFIED);
}

/// Sets a time without opening the entry: a fifo would wait, and a link would be followed.
fn set_modified(path: &Path, time: Duration) {
    set_seconds(path, time.as_secs().try_into().unwrap(), time.subsec_nanos().into());
}

fn set_seconds(path: &Path, seconds: i64, nanoseconds: i64) {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
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
#[case::newline_in_name_lost(|root: &Path| fs::rename(root.join("a\nb"), root.join("a b")).unwrap(), &[r"a\x0ab: missing", "a b: extra"])]
#[case::non_utf8_name_changed(mangle_name, &[r"\xff\xfe.png: missing", "\u{fffd}\u{fffd}.png: extra"])]
#[case::case_of_a_name_changed(|root: &Path| fs::rename(root.join("large.bin"), root.join("Large.bin")).unwrap(), &["large.bin: missing", "Large.bin: extra"])]
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

/// `user::rw- user:1000:r-- group::r-- mask::r-- other::---`, as `linux/posix_acl_xattr.h` has it.
const ACL: &[u8] = b"\x02\0\0\0\
    \x01\0\x06\0\xff\xff\xff\xff\
    \x02\0\x04\0\xe8\x03\0\0\
    \x04\0\x04\0\xff\xff\xff\xff\
    \x10\0\x04\0\xff\xff\xff\xff\
    \x20\0\0\0\xff\xff\xff\xff";

/// A tree that a tar stream can hardly carry: every kind of entry, and metadata at its limits.
fn nasty(root: &Path) {
    fill(root);
    let attributes: [(&str, &[u8]); 3] =
        [("user.lines", b"1\n12 path=evil\n\0"), ("user.a=b%3D\n", b""), ("user.long", &[7; 3000])];
    for (name, value) in attributes {
        setxattr(root.join("large.bin"), name, value, XattrFlags::empty()).unwrap();
    }
    if let Err(error) =
        setxattr(root.join("large.bin"), "system.posix_acl_access", ACL, XattrFlags::empty())
    {
        println!("without access control lists: {error}");
    }
    setxattr(root.join("empty"), "user.directory", b"1", XattrFlags::empty()).unwrap();
    fs::hard_link(root.join("latest"), root.join("latest too")).unwrap();
    fs::hard_link(root.join("linked.pdf"), root.join("AAA.pdf")).unwrap();
    symlink("x".repeat(200), root.join("long target")).unwrap();
    symlink("new\nline", root.join("odd target")).unwrap();
    mknodat(CWD, root.join("fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    let deep = root.join("deep").join(vec!["d".repeat(100); 8].join("/"));
    fs::create_dir_all(&deep).unwrap();
    write(&deep, "leaf", b"deep");
    for (index, mode) in [0o000, 0o4755, 0o2755, 0o1777, 0o444].into_iter().enumerate() {
        write(root, format!("mode {index}"), b"");
        fs::set_permissions(root.join(format!("mode {index}")), Permissions::from_mode(mode))
            .unwrap();
    }
    for size in [511, 512, 513, 16_384, 16_385, 262_144, 262_145] {
        write(root, format!("size {size}"), &scan(9, size));
    }
    age(root);
    set_seconds(&root.join("a\nb"), -2, 500_000_000);
    set_modified(&root.join("size 511"), Duration::new(5_000_000_000, 1));
    set_modified(&root.join("size 512"), Duration::new(1_700_000_000, 0));
    set_modified(root, MODIFIED);
}

/// Archives a tree as the harness does inside of a container.
fn archive(root: &Path) -> Vec<u8> {
    let output = Command::new("tar")
        .args(["--format=posix", "--xattrs", "--numeric-owner", "-C"])
        .arg(root)
        .args(["-cf", "-", "."])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[rstest]
fn tar_stream_gives_the_same_fingerprint_as_the_walk(#[values(false, true)] sha256: bool) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    nasty(&root);
    if let Err(error) = chown(root.join("size 513"), Some(3_000_000), Some(4_000_000)) {
        println!("without foreign owners: only root can give files away: {error}");
    }
    let options = Options { jobs: 2, sha256 };
    let walked = take(&root, options, &Events::ignored()).unwrap();
    let streamed = take_from_tar(&archive(&root)[..], options, &Events::ignored()).unwrap();
    assert_eq!(walked.undecided, BTreeMap::new());
    assert_eq!(streamed.undecided, BTreeMap::new());
    for path in walked.entries.keys().chain(streamed.entries.keys()) {
        assert_eq!(walked.entries.get(path), streamed.entries.get(path), "{path}");
    }
    assert!(walked.entries.len() > 30);
}

#[test]
fn tar_stream_cut_anywhere_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a", &scan(1, 2000));
    write(folder.path(), "zeros", &[0; 2048]);
    let stream = archive(folder.path());
    let take = |stream: &[u8]| take_from_tar(stream, Options::default(), &Events::ignored());
    assert_eq!(take(&stream).unwrap().entries.len(), 3);
    // What follows the marker only fills the last record of a tape.
    let marker = stream.len() - stream.iter().rev().take_while(|byte| **byte == 0).count();
    let marker = marker.next_multiple_of(512);
    for end in (0..marker + 1024).step_by(256) {
        take(&stream[..end]).expect_err(&format!("{end} of {} bytes", stream.len()));
    }
    let mut followed = stream.clone();
    followed.extend(&stream);
    take(&followed).unwrap_err();
}
