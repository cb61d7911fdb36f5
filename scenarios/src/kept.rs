//! An artefact that one intact drill took, for all tests that damage a copy of it, or what is
//! restored from it: nobody starts, fills and backs up a stack for each fault anew.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use harness::Result;
use harness::drill::{Drill, Finished, Live, Moment};
use harness::model::fingerprint::Strength;
use harness::model::record::Verdict;
use harness::plan::Request;
use tokio::sync::OnceCell;

use crate::rehearsal::{broken, config, planned, rehearse, request, sabotaged, sql};

/// Beside the artefact: a dump of the same rows, without large objects.
pub const WITHOUT_LARGE_OBJECTS: &str = "without-large-objects.dump";
/// Another, with one large object altered.
pub const WITH_ONE_ALTERED: &str = "with-one-altered.dump";

/// What the drill left.
pub struct Kept {
    /// How it ended: it passed.
    pub finished: Finished,
    folder: PathBuf,
}

/// The drill, run by whoever asks first. Nobody writes during it, so that a second dump holds
/// the same rows. `base` is a folder for what tests leave.
///
/// # Panics
/// When it does not pass.
pub async fn kept(base: &Path) -> &'static Kept {
    static KEPT: OnceCell<Kept> = OnceCell::const_new();
    KEPT.get_or_init(|| take(base)).await
}

async fn take(base: &Path) -> Kept {
    let folder = own_folder(base);
    let mut config = config();
    config.ledger.enabled = false;
    let (strength, artefact) = (Strength::Cryptographic, Some(folder.join("artefact")));
    let taking = planned(Request { strength, artefact, ..request(&folder) }, config);
    let taking = sabotaged(taking, Moment::ArtefactTaken, |live| {
        Box::pin(async move {
            dump(&live, "--no-blobs", WITHOUT_LARGE_OBJECTS).await?;
            // What is in the artefact stays as it is; the database is lost a moment later.
            let alter = "select lo_put((select max(subject_oid) from grading_exam_archive \
                         where size_bytes > 0), 0, 'sabotage')";
            sql(&live, alter).await?;
            dump(&live, "--blobs", WITH_ONE_ALTERED).await
        })
    });
    let finished = rehearse(&taking).await;
    let record = &finished.record;
    assert_eq!((record.verdict, finished.exit_code), (Verdict::Passed, 0), "{:?}", record.reasons);
    Kept { finished, folder }
}

/// A folder of this process. Those of processes that have ended go.
fn own_folder(base: &Path) -> PathBuf {
    for entry in fs::read_dir(base).expect("a folder").flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix("kept-"));
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            fs::remove_dir_all(entry.path()).expect("removed");
        }
    }
    let folder = base.join(format!("kept-{}", std::process::id()));
    fs::create_dir(&folder).expect("created");
    folder
}

/// Dumps the database beside the artefact.
async fn dump(live: &Live, option: &str, name: &str) -> Result<()> {
    let args = ["--format=custom", option, "--dbname", &live.database()?.name];
    let dump = live.database()?.tool(&live.stack, "pg_dump", args).await?;
    let path = live.artefact.with_file_name(name);
    let (output, written) = dump
        .read_by(move |mut pipe| {
            let mut dump = Vec::new();
            pipe.read_to_end(&mut dump).and_then(|_| fs::write(path, dump)).map_err(broken)
        })
        .await?;
    output.require(|| "cannot sabotage")?;
    written
}

impl Kept {
    /// A copy of the artefact in `to`.
    ///
    /// # Panics
    /// When it cannot be copied.
    #[must_use]
    pub fn copy(&self, to: &Path) -> PathBuf {
        let copy = to.join("artefact");
        fs::create_dir(&copy).expect("created");
        crate::standing::copy(&self.folder.join("artefact"), &copy);
        copy
    }

    /// Another dump of the same database.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn dump(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.join(name)).expect("a dump")
    }
}

/// Puts another content into an artefact, whose manifest agrees.
///
/// # Panics
/// When it cannot be written.
pub fn forge(artefact: &Path, kind: &str, content: &[u8]) {
    let path = artefact.join("manifest.json");
    let text = fs::read_to_string(&path).expect("a manifest");
    let mut manifest = serde_json::from_str::<serde_json::Value>(&text).expect("JSON");
    let parts = manifest["parts"].as_array_mut().expect("parts");
    for part in parts.iter_mut().filter(|part| part["kind"] == kind) {
        part["size"] = content.len().into();
        part["blake3"] = blake3::hash(content).to_hex().to_string().into();
        let file = part["file"].as_str().expect("a file");
        fs::write(artefact.join(file), content).expect("written");
    }
    fs::write(&path, manifest.to_string()).expect("written");
}

/// The drill that judges an artefact, whose source is gone.
pub fn judge(artefact: &Path, base: &Path) -> Result<Drill> {
    Drill::of_artefact(request(base), config(), artefact)
}
