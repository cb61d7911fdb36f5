//! References against a store with every kind of entry. The statement is proved by the scenario.

use std::collections::BTreeMap;

use super::*;

fn file(sha256: Option<&str>) -> MediaKind {
    MediaKind::File {
        size: 1,
        blake3: "b3".to_owned(),
        sha256: sha256.map(str::to_owned),
        chunks: None,
        linked_to: None,
    }
}

fn store() -> MediaFingerprint {
    let link = |target: &str| MediaKind::Symlink { target: target.to_owned() };
    let kinds = [
        ("copies", MediaKind::Directory),
        ("copies/a.pdf", file(Some("aa"))),
        (r"copies/b\x0a.pdf", file(None)),
        ("current", link("copies")),
        ("passwd", link("/etc/passwd")),
        ("round", link("round")),
        ("thumbnail.png", file(Some("cc"))),
    ];
    let entries = kinds.map(|(path, kind)| {
        let entry = MediaEntry {
            kind,
            mode: 0o640,
            uid: 1,
            gid: 1,
            modified: (0, 0),
            xattrs: BTreeMap::new(),
        };
        (path.to_owned(), entry)
    });
    MediaFingerprint {
        taken_at: None,
        entries: entries.into(),
        undecided: [
            ("copies/torn.pdf".to_owned(), "changed while it was read".to_owned()),
            ("secret".to_owned(), "cannot be read: permission denied".to_owned()),
        ]
        .into(),
    }
}

fn column() -> ReferenceColumn {
    ReferenceColumn {
        table: "public.grading_copy".to_owned(),
        column: "file".to_owned(),
        hash: Some(HashColumn { column: "sha256".to_owned(), algorithm: Algorithm::Sha256 }),
    }
}

fn resolve(references: &[(&str, Option<&str>)]) -> References {
    let media = store();
    let mut resolving = Resolving::new(&media);
    let mut named = 0;
    for (path, recorded) in references {
        resolving.reference(&column(), path, *recorded, &mut named);
    }
    resolving.count_unnamed(&column(), named);
    resolving.finish(true)
}

fn details(references: &References) -> Vec<&str> {
    references.divergences.iter().map(|divergence| divergence.detail.as_str()).collect()
}

#[test]
fn files_that_are_there_resolve_and_the_others_are_orphans() {
    let found = resolve(&[
        ("copies/a.pdf", Some("AA")),
        ("current/./a.pdf", Some(r"\xaa")),
        ("copies/b\n.pdf", None),
        ("copies/a.pdf", Some("")),
    ]);
    assert_eq!(details(&found), [""; 0]);
    assert_eq!((found.checked, found.hashes_checked), (4, 2));
    assert_eq!(
        (found.orphans, found.orphan_samples.as_slice()),
        (1, &["thumbnail.png".to_owned()][..])
    );
}

#[test]
fn references_to_no_file_are_dangling() {
    let found = resolve(&[
        ("copies/c.pdf", None),
        ("copies/A.pdf", None),
        ("../media/copies/a.pdf", None),
        ("/media/copies/a.pdf", None),
        ("passwd", None),
        ("round", None),
        ("copies", None),
    ]);
    assert_eq!(
        details(&found),
        [
            "copies/c.pdf: no such file",
            "copies/A.pdf: no such file",
            "../media/copies/a.pdf: leads out of the store",
            "/media/copies/a.pdf: leads out of the store",
            "passwd: leads out of the store by a link",
            "round: is a circle of links",
            "copies: is no regular file",
        ]
    );
    assert_eq!((found.checked, found.dangling), (7, 7));
}

#[test]
fn content_other_than_recorded_is_named() {
    let found = resolve(&[("copies/a.pdf", Some("ab"))]);
    assert_eq!(details(&found), ["copies/a.pdf: its content is not what sha256 recorded"]);
    assert_eq!((found.mismatched, found.orphans), (1, 2));
}

#[test]
fn what_was_not_read_or_not_hashed_is_undecided() {
    let found = resolve(&[
        ("copies/torn.pdf", None),
        ("secret/a.pdf", None),
        ("copies/b\n.pdf", Some("aa")),
    ]);
    assert_eq!(
        found.undecided,
        [
            "public.grading_copy.file: copies/torn.pdf: changed while it was read",
            "public.grading_copy.file: secret/a.pdf: lies in a directory that cannot be read: permission denied",
            r"public.grading_copy.file: copies/b\x0a.pdf: its content was not hashed so",
        ]
    );
    assert_eq!(found.checked, 0);
}

#[test]
fn many_dangling_references_are_counted() {
    let paths: Vec<String> = (0..50).map(|index| format!("lost/{index}")).collect();
    let references: Vec<_> = paths.iter().map(|path| (path.as_str(), None)).collect();
    let found = resolve(&references);
    assert_eq!(found.dangling, 50);
    assert_eq!(found.divergences.len(), 21);
    assert_eq!(details(&found).last(), Some(&"30 more references do not resolve"));
}
