//! An artefact that was kept is judged when its source is gone: intact first, then broken,
//! then named.

use std::fs;
use std::io::Read;
use std::path::Path;

use harness::ErrorKind;
use harness::drill::Moment;
use harness::model::check::Outcome;
use harness::model::record::{Integrity, Record, Verdict};
use scenarios::kept::{judge, kept};
use scenarios::rehearsal::{demand, rehearse, sabotaged, sql};

use crate::{TMP, reports};

/// Name and content of each file.
fn contents(dir: &Path) -> Vec<(String, blake3::Hash)> {
    let files = fs::read_dir(dir).expect("the folder").map(|entry| entry.expect("an entry").path());
    let hashed = files.map(|path| {
        let content = fs::read(&path).expect("a file");
        (path.display().to_string(), blake3::hash(&content))
    });
    let mut hashed = hashed.collect::<Vec<_>>();
    hashed.sort_by(|left, right| left.0.cmp(&right.0));
    hashed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_artefact_is_judged_by_its_own_certificate() {
    let base = reports();
    let intact = kept(TMP.as_ref()).await;
    let artefact = intact.copy(base.path());
    let before = contents(&artefact);
    let judged = rehearse(&judge(&artefact, base.path()).expect("planned")).await.record;
    assert_eq!(judged.verdict, Verdict::Passed, "{:?}", judged.reasons);
    assert_eq!((judged.method.as_str(), judged.disaster.as_str()), ("pg-dump", "none"));
    let compared = |record: &Record| {
        let Integrity { tables_compared, rows_compared, files_compared, .. } = record.integrity;
        (tables_compared, rows_compared, files_compared, record.integrity.references_checked)
    };
    assert_eq!(compared(&judged), compared(&intact.finished.record));
    assert!(judged.integrity.rows_compared >= 5000, "{:?}", judged.integrity);
    assert!(judged.timings.recovery_time_s.is_some() && judged.timings.data_loss_s.is_none());
    let teacher = judged.checks.iter().find(|check| check.id == "probe.media.teacher");
    assert_eq!(teacher.map(|check| check.outcome), Some(Outcome::Passed));
    assert_eq!(contents(&artefact), before, "an artefact is only read");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_differ_are_named_by_their_keys_when_the_source_is_gone() {
    let base = reports();
    let artefact = kept(TMP.as_ref()).await.copy(base.path());
    let judging = judge(&artefact, base.path()).expect("planned");
    let judging = sabotaged(judging, Moment::StoresRestored, |live| {
        Box::pin(async move {
            let harm = "update auth_user set email = upper(email) where id = 3; \
                        delete from grading_annotation where id = 5";
            sql(&live, harm).await
        })
    });
    let judged = rehearse(&judging).await;
    let (check, named) = ("compare.database", "rows changed; column email");
    demand(&judged, Verdict::Failed, check, Outcome::Failed, named);
    let named = judged.record.integrity.divergences.iter().filter_map(|it| it.rows.clone());
    let named = named.map(|rows| (rows.samples, rows.values)).collect::<Vec<_>>();
    let by_key = |what: &str| (vec![what.to_owned()], Vec::new());
    // What is gone stands first.
    assert_eq!(named, [by_key("missing 5"), by_key("changed 3")]);
    holds_no_value(&artefact);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artefact_whose_certificate_was_edited_is_not_believed() {
    let base = reports();
    let artefact = kept(TMP.as_ref()).await.copy(base.path());
    let certificate = artefact.join("certificate.json");
    let text = fs::read_to_string(&certificate).expect("a certificate");
    fs::write(&certificate, text.replacen("\"count\":", "\"count\":1", 1)).expect("written");
    let judged = rehearse(&judge(&artefact, base.path()).expect("planned")).await;
    demand(&judged, Verdict::Failed, "artefact.intact", Outcome::Failed, "certificate.json");
    assert_eq!(judged.record.timings.recovery_time_s, None);
}

/// The lists of rows name keys and hold hashes: no value is in them, as it is or as anybody could
/// hash it.
fn holds_no_value(artefact: &Path) {
    let mut archive = tar::Archive::new(fs::File::open(artefact.join("rows.tar")).expect("lists"));
    let mut lists = Vec::new();
    for member in archive.entries().expect("a tar archive") {
        let mut content = Vec::new();
        member.expect("a member").read_to_end(&mut content).expect("its content");
        lists.extend(zstd::decode_all(content.as_slice()).unwrap_or(content));
    }
    let holds = |bytes: &[u8]| lists.windows(bytes.len()).any(|window| window == bytes);
    assert!(holds(b"public.auth_user"));
    assert!(!holds(b"@ecole.example") && !holds(b"pbkdf2_") && !holds(b"md5$"));
}

#[test]
fn what_is_no_artefact_or_cannot_be_judged_is_refused() {
    let base = reports();
    let refusal = |dir: &Path| judge(dir, base.path()).map(|_| ()).expect_err("nothing to judge");
    for dir in [base.path(), &base.path().join("none")] {
        assert_eq!(refusal(dir).kind(), ErrorKind::Usage);
    }
    let manifest = r#"{"schema_version": 1, "method": "pg-dump", "taken_at": "2026-11-22T00:00:00Z",
        "recovery_point": {"instant": "2026-11-22T00:00:00Z", "lsn": "0/1"}, "parts": [], "tools": {}}"#;
    fs::write(base.path().join("manifest.json"), manifest).expect("written");
    let error = refusal(base.path());
    assert!(error.to_string().contains("has no part certificate"), "{error}");
    assert!(error.next_step().expect("a hint").contains("--artefact"), "{error:?}");
}
