use super::*;

const INTACT: &str = r#"# Titre

<!-- a remark -->
<!-- étape: sauver ; attendu: code 0, sortie contient "a; b, c" -->

```bash
scripts/backup_db.sh
```

<!-- étape: minuterie ; fichier: /etc/systemd/system/a.timer -->
```ini
[Timer]
```
<!-- étape: vérifier ; où: conteneur ;
     attendu: code 1, erreur contient "refused" -->
```sh
false
```
<!-- étape: lire ; où: conteneur ; heure: 02:29:55 ; attendu: code 0, sortie contient "fait" -->
```sh
journalctl
```
<!-- étape: réseau ; non exécuté: il faut un hôte réel -->
```bash
reboot
```

<!-- messages: scripts/*.sh a/*.py -->

| Message | Cause | Remède |
|---|---|---|
| `… is empty` | interrompue | recommencer |
"#;

#[test]
fn a_block_has_its_name_its_line_its_text_and_its_role() {
    let Runbook { steps, claims } = Runbook::parse(INTACT).expect("it is intact");
    let of = |step: &Step| (step.name.clone(), step.line, step.text.clone());
    let seen = steps.iter().map(of).collect::<Vec<_>>();
    let expected = [
        ("sauver", 6, "scripts/backup_db.sh\n"),
        ("minuterie", 11, "[Timer]\n"),
        ("vérifier", 16, "false\n"),
        ("lire", 20, "journalctl\n"),
        ("réseau", 24, "reboot\n"),
    ];
    assert_eq!(seen, expected.map(|(name, line, text)| (name.to_owned(), line, text.to_owned())));
    let run = |place, exit_code, output: &[&str], error: &[&str]| {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let (output, error) = (owned(output), owned(error));
        Role::Run { place, expected: Expected { exit_code, output, error } }
    };
    assert_eq!(steps[0].role, run(Place::Host, 0, &["a; b, c"], &[]));
    assert_eq!(steps[1].role, Role::File("/etc/systemd/system/a.timer".to_owned()));
    assert_eq!(steps[2].role, run(Place::Container, 1, &[], &["refused"]));
    let night = Place::Night(jiff::civil::time(2, 29, 55, 0));
    assert_eq!(steps[3].role, run(night, 0, &["fait"], &[]));
    assert_eq!(steps[4].role, Role::NotRun("il faut un hôte réel".to_owned()));
    let sources = ["scripts/*.sh", "a/*.py"].map(str::to_owned).to_vec();
    assert_eq!(claims, [Claim { line: 32, message: "… is empty".to_owned(), sources }]);
}

#[test]
fn damage_to_the_text_is_named_with_its_line() {
    let cases = [
        (
            "<!-- étape: sauver ; attendu: code 0, sortie contient \"a; b, c\" -->\n",
            "",
            5,
            "no marker",
        ),
        ("étape: minuterie", "étape: sauver", 11, "already"),
        ("code 1, erreur", "erreur", 16, "no exit code"),
        ("code 0, sortie contient \"a; b, c\"", "code 0", 6, "no text is expected"),
        ("où: conteneur", "où: ailleurs", 16, "no place"),
        ("fichier: /etc", "fichier: etc", 11, "absolute"),
        ("non exécuté: il faut un hôte réel", "non exécuté:", 24, "empty"),
        ("reboot\n```\n", "reboot\n", 24, "no end"),
        ("scripts/backup_db.sh\n", "", 6, "empty"),
        ("```bash\nscripts", "```text\nscripts", 6, "must be bash"),
        ("```bash\nscripts", "  ```bash\nscripts", 6, "margin"),
        ("\n```ini", "\ntexte\n```ini", 10, "not directly before"),
        ("| `… is empty`", "| … is empty", 32, "backticks"),
        (" | recommencer", "", 32, "a remedy"),
        ("02:29:55", "demain", 20, "no time"),
        ("où: conteneur ; heure", "heure", 20, "its own"),
        ("fichier: /etc", "heure: 02:29:55 ; fichier: /etc", 11, "is for what is run"),
    ];
    for (from, to, line, what) in cases {
        let damaged = INTACT.replacen(from, to, 1);
        assert_ne!(damaged, INTACT, "{from:?} is not in the text");
        let fault = Runbook::parse(&damaged).expect_err(what);
        assert!(fault.line == line && fault.what.contains(what), "{fault} ({what}, {line})");
    }
}

#[test]
fn what_was_seen_is_held_against_all_that_is_expected() {
    let expected =
        expectation("code 2, sortie contient \"un\", erreur contient \"deux\"").expect("valid");
    assert_eq!(expected.unmet(Some(2), "1 un 1", "deux"), Vec::<String>::new());
    assert_eq!(expected.unmet(None, "deux", "un").len(), 3);
}

/// Whatever a block is replaced by that prints nothing is found out.
#[test]
fn a_step_that_does_nothing_never_does_what_is_expected() {
    let Runbook { steps, .. } = Runbook::parse(INTACT).expect("it is intact");
    for step in steps {
        if let Role::Run { expected, .. } = step.role {
            for code in 0..=255 {
                assert_ne!(expected.unmet(Some(code), "", ""), Vec::<String>::new());
            }
        }
    }
}
