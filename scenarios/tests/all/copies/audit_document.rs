//! `docs/audit.md` is what a fresh run says, and a line that was edited is named.

use std::fs;
use std::path::Path;

use harness::report::audit_fr;

use scenarios::turn::{self, Fixture};
use scenarios::xtask::{answer, xtask};

#[test]
fn the_committed_document_is_true_and_an_edited_line_is_named() {
    let _turn = turn::take(Fixture::Copy);
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/audit.md");
    let committed = fs::read_to_string(committed).expect("the document is there");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (edited, fresh) = (folder.path().join("edited.md"), folder.path().join("fresh.md"));
    // Somebody makes a cookie look better than it is.
    let altered =
        committed.replacen("| HTTP | `sessionid` | `httponly`,", "| HTTP | `sessionid` |", 1);
    let line = altered.lines().zip(committed.lines()).position(|(one, other)| one != other);
    let line = line.expect("the document says something about the session") + 1;
    fs::write(&edited, &altered).expect("written");

    // One run gives both: what is true now, and what is wrong with the edited copy.
    let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let reports = text(&folder.path().join("reports"));
    let (edited, fresh) = (text(&edited), text(&fresh));
    let audit = xtask(&["audit", "--check", &edited, "--document", &fresh, "--report", &reports]);
    answer(audit, 1).names(&[&format!("{edited}:{line}: differs from a fresh run"), "httponly"]);
    let fresh = fs::read_to_string(&fresh).expect("written");
    assert_eq!(audit_fr::difference(&committed, &fresh), None);
}

#[test]
fn a_document_covers_all_modes_and_must_be_there() {
    answer(xtask(&["audit", "--mode", "tls", "--document", "audit.md"]), 2).names(&["--mode"]);
    // Told at once, and not after the audit.
    answer(xtask(&["audit", "--check", "gone.md"]), 2).names(&["gone.md", "write it first"]);
}
