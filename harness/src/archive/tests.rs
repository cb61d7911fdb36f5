//! Each hostile archive is built with the tar crate and named; the intact one passes.

use tar::{Builder, EntryType, Header};

use super::*;

/// A member that the tar crate itself would refuse to write.
fn header(path: &str, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(1_700_000_000);
    header.set_uid(10_001);
    header.set_gid(10_001);
    header.set_device_major(0).unwrap();
    header.set_device_minor(0).unwrap();
    header
}

struct Archive(Builder<Vec<u8>>);

impl Archive {
    fn new() -> Self {
        Self(Builder::new(Vec::new())).directory("./").directory("copies/")
    }

    fn with(mut self, mut header: Header, content: &[u8]) -> Self {
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    fn directory(self, path: &str) -> Self {
        self.with(header(path, EntryType::Directory, 0), b"")
    }

    fn file(self, path: &str) -> Self {
        self.with(header(path, EntryType::Regular, 4), b"scan")
    }

    fn link(self, kind: EntryType, path: &str, target: &str) -> Self {
        let mut header = header(path, kind, 0);
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        self.with(header, b"")
    }

    fn symlink(self, path: &str, target: &str) -> Self {
        self.link(EntryType::Symlink, path, target)
    }

    fn hard_link(self, path: &str, target: &str) -> Self {
        self.link(EntryType::Link, path, target)
    }

    fn device(self, path: &str, kind: EntryType) -> Self {
        self.with(header(path, kind, 0), b"")
    }

    fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }

    fn violations(self) -> Vec<String> {
        let report = inspect(&self.bytes()[..]).unwrap();
        assert!(report.end_of_archive);
        report.violations
    }
}

fn intact() -> Archive {
    Archive::new()
        .file("copies/c-17.pdf")
        .symlink("latest", "copies/c-17.pdf")
        .symlink("copies/up", "../copies/./c-17.pdf")
        .hard_link("./copies/c-18.pdf", "./copies/c-17.pdf")
}

#[test]
fn intact_archive_is_sound() {
    let report = inspect(&intact().bytes()[..]).unwrap();
    assert!(report.is_sound(), "{:?}", report.violations);
    assert_eq!((report.entries, report.files, report.bytes), (6, 2, 4));
}

#[test]
fn paths_out_of_the_store_are_named() {
    let violations = intact().file("/etc/cron.d/x").file("copies/../../x").violations();
    assert_eq!(
        violations,
        ["/etc/cron.d/x: leads out of the store", "copies/../../x: leads out of the store"]
    );
}

#[test]
fn links_out_of_the_store_are_named() {
    assert_eq!(
        intact().symlink("passwd", "/etc/passwd").violations(),
        ["passwd: symbolic link to /etc/passwd leads out of the store"]
    );
    assert_eq!(
        intact().symlink("copies/secret", "../../secret").violations(),
        ["copies/secret: symbolic link to ../../secret leads out of the store"]
    );
    assert_eq!(
        intact().hard_link("shadow", "/etc/shadow").violations(),
        ["shadow: hard link to /etc/shadow, which is no earlier file"]
    );
    assert_eq!(
        intact().hard_link("later", "copies/c-99.pdf").file("copies/c-99.pdf").violations(),
        ["later: hard link to copies/c-99.pdf, which is no earlier file"]
    );
}

#[test]
fn links_that_leave_the_store_only_together_are_named() {
    // Word by word `here/..` is the root; through the link it is the directory above it.
    let violations =
        intact().symlink("copies/here", "..").symlink("out", "copies/here/..").violations();
    assert_eq!(violations, ["out: symbolic link to copies/here/.. leads out of the store"]);
}

#[test]
fn members_below_a_link_or_a_file_are_named() {
    assert_eq!(
        intact().symlink("away", "copies").file("away/x").violations(),
        ["away/x: lies below away, which is no directory"]
    );
    // The link may come last as well: unpacking may be repeated.
    assert_eq!(
        intact().file("away/x").symlink("away", "copies").violations(),
        ["away/x: lies below away, which is no directory"]
    );
    assert_eq!(
        intact().file("latest.pdf").file("latest.pdf/x").violations(),
        ["latest.pdf/x: lies below latest.pdf, which is no directory"]
    );
}

#[test]
fn special_files_are_named() {
    let violations = intact()
        .device("fifo", EntryType::Fifo)
        .device("tty", EntryType::Char)
        .device("disk", EntryType::Block)
        .violations();
    assert_eq!(violations, ["fifo: is a fifo", "tty: is a device", "disk: is a device"]);
}

#[test]
fn set_id_bits_are_named() {
    let mut program = header("program", EntryType::Regular, 0);
    program.set_mode(0o4755);
    assert_eq!(
        intact().with(program, b"").violations(),
        ["program: runs as another user or group: mode 4755"]
    );
    let mut shared = header("shared/", EntryType::Directory, 0);
    shared.set_mode(0o2775);
    assert!(intact().with(shared, b"").violations().is_empty(), "directories inherit a group");
}

#[test]
fn entries_under_one_name_are_named() {
    assert_eq!(
        intact().file("./copies//c-17.pdf").violations(),
        ["./copies//c-17.pdf: appears twice"]
    );
    assert_eq!(intact().directory("latest/").violations(), ["latest/: appears twice"]);
    assert_eq!(
        Archive(Builder::new(Vec::new())).symlink(".", "copies").violations(),
        [".: takes the place of the store itself"]
    );
}

#[test]
fn absurd_sizes_are_named() {
    let mut large = header("large", EntryType::Regular, 17 << 40);
    large.set_cksum();
    let mut bytes = large.as_bytes().to_vec();
    bytes.extend([0; 512]);
    let report = inspect(&bytes[..]).unwrap();
    assert!(!report.end_of_archive);
    assert_eq!(
        report.violations,
        [
            "large: is absurdly large: 18691697672192 bytes",
            "broken after 1 members: the stream ends before its end marker"
        ]
    );
    assert_eq!(
        intact().with(header("copies/x/", EntryType::Directory, 512), &[1; 512]).violations(),
        ["copies/x/: has 512 bytes of content, but is no file"]
    );
}

#[test]
fn cut_archive_has_no_end() {
    let whole = intact().bytes();
    for end in (0..whole.len()).step_by(256) {
        let report = inspect(&whole[..end]).unwrap();
        assert!(!report.end_of_archive && !report.is_sound(), "{end} of {} bytes", whole.len());
    }
}

#[test]
fn damaged_header_is_named() {
    let mut bytes = intact().bytes();
    bytes[2 * 512] ^= 1;
    let report = inspect(&bytes[..]).unwrap();
    assert_eq!(report.violations, ["broken after 2 members: a header's checksum does not match"]);
}

#[test]
fn many_violations_are_counted() {
    let archive = (0..250).fold(intact(), |archive, index| archive.file(&format!("/{index}")));
    let violations = archive.violations();
    assert_eq!(violations.len(), VIOLATIONS_MAX + 1);
    assert_eq!(violations.last().map(String::as_str), Some("and 150 more"));
}

#[test]
fn reader_that_fails_is_an_error() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(ErrorKind::PermissionDenied.into())
        }
    }
    assert_eq!(inspect(Failing).unwrap_err().to_string(), "cannot read the archive");
}
