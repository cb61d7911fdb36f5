//! How fast a media store is fingerprinted from the page cache, against the floor of reading it.
//!
//! `cargo bench -p harness --bench media [-- MIB]`; `--profile dev` measures what `cargo xtask`
//! runs. All figures come from one run over the same files, best of five.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use harness::fingerprint::media::{Options, take, take_from_tar};
use harness::model::event::Events;

/// Times each measurement is repeated; the best counts, since noise only slows down.
const ROUNDS: usize = 5;

/// File sizes of a store: scans, thumbnails, one export.
const SHAPES: [(&str, usize); 3] =
    [("2 MiB files", 2 << 20), ("64 KiB files", 64 << 10), ("one file", usize::MAX)];

fn main() {
    let mebibytes = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(1024);
    let cores = Options::default().jobs;
    println!("{mebibytes} MiB, {cores} cores, best of {ROUNDS}; GB/s is decimal");
    for (shape, file_bytes) in SHAPES {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fill(folder.path(), mebibytes << 20, file_bytes);
        println!("\n{shape}");
        measure(folder.path(), mebibytes << 20, cores);
    }
}

fn fill(root: &Path, total: usize, file_bytes: usize) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut content = Vec::new();
    for _ in 0..(1 << 20) / 8 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        content.extend((state ^ state >> 29).to_le_bytes());
    }
    let content = content.repeat(total.min(file_bytes).div_ceil(content.len()));
    for index in 0..total.div_ceil(file_bytes) {
        let folder = root.join((index / 500).to_string());
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(format!("c-{index}.pdf")), &content[..total.min(file_bytes)])
            .expect("a file");
    }
}

fn measure(root: &Path, bytes: usize, cores: usize) {
    let files = files(root);
    let floor = best(|| files.iter().for_each(|path| read(path, |_| ())));
    report("read into a buffer, 1 thread (floor)", bytes, floor, floor);
    let plain = best(|| {
        for path in &files {
            let mut hasher = blake3::Hasher::new();
            read(path, |piece| {
                hasher.update(piece);
            });
        }
    });
    report("blake3 of each file, 1 thread (b3sum)", bytes, plain, floor);
    for jobs in [1, cores] {
        let options = Options { jobs, sha256: false };
        let walk = best(|| assert_whole(take(root, options, &Events::ignored())));
        report(&format!("take, {jobs} jobs"), bytes, walk, floor);
    }
    let options = Options { jobs: 1, sha256: true };
    let walk = best(|| assert_whole(take(root, options, &Events::ignored())));
    report("take with SHA-256, 1 job", bytes, walk, floor);
    let pipe = best(|| {
        let mut sink = vec![0; 256 << 10];
        through_tar(root, |mut stream| while stream.read(&mut sink).expect("a stream") > 0 {});
    });
    report("tar | read (transport)", bytes, pipe, floor);
    let options = Options { jobs: cores, sha256: false };
    let streamed = best(|| {
        through_tar(root, |stream| {
            assert_whole(take_from_tar(stream, options, &Events::ignored()));
        });
    });
    report(&format!("tar | take_from_tar, {cores} jobs"), bytes, streamed, floor);
}

fn files(root: &Path) -> Vec<std::path::PathBuf> {
    let folders =
        fs::read_dir(root).expect("the root").map(|entry| entry.expect("an entry").path());
    folders
        .flat_map(|folder| fs::read_dir(folder).expect("a folder"))
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

fn read(path: &Path, mut each: impl FnMut(&[u8])) {
    let mut file = File::open(path).expect("a file");
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer).expect("content") {
            0 => return,
            len => each(&buffer[..len]),
        }
    }
}

fn through_tar(root: &Path, consume: impl FnOnce(std::process::ChildStdout)) {
    let mut tar = Command::new("tar")
        .args(["--format=posix", "--xattrs", "--numeric-owner", "-cf", "-", "-C"])
        .arg(root)
        .arg(".")
        .stdout(Stdio::piped())
        .spawn()
        .expect("GNU tar");
    consume(tar.stdout.take().expect("its output"));
    assert!(tar.wait().expect("its end").success());
}

fn assert_whole(taken: harness::Result<harness::model::fingerprint::MediaFingerprint>) {
    assert!(taken.expect("a fingerprint").undecided.is_empty());
}

/// What one piece of work cost.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    /// Processor time of this process alone: what a loaded machine does not distort.
    cpu: Duration,
}

fn best(mut work: impl FnMut()) -> Cost {
    let rounds = (0..ROUNDS).map(|_| {
        let (begun, cpu) = (Instant::now(), processor_time());
        work();
        Cost { wall: begun.elapsed(), cpu: processor_time().saturating_sub(cpu) }
    });
    let rounds: Vec<_> = rounds.collect();
    Cost {
        wall: rounds.iter().map(|cost| cost.wall).min().expect("rounds"),
        cpu: rounds.iter().map(|cost| cost.cpu).min().expect("rounds"),
    }
}

fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("a time after the start")
}

fn report(what: &str, bytes: usize, cost: Cost, floor: Cost) {
    let rate = |taken: Duration| bytes as f64 / taken.as_secs_f64() / 1e9;
    println!(
        "{what:38} {:6.2} GB/s  {:6.2} GB per core-second  {:5.2} × the floor's",
        rate(cost.wall),
        rate(cost.cpu),
        cost.cpu.as_secs_f64() / floor.cpu.as_secs_f64(),
    );
}
