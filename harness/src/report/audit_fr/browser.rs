//! What somebody saw who used the stack through a real browser.

use std::fmt::Write as _;

use super::{code, table, texts, yes};
use crate::model::audit::{AuditRecord, VisitRecord};
use crate::model::mode::Mode;

pub(super) fn write(out: &mut String, record: &AuditRecord) {
    let _ = writeln!(out, "## 7. Navigateur réel (FR-2.2)\n");
    let visits =
        || record.modes.iter().flat_map(|mode| mode.visits.iter().map(|it| (mode.mode, it)));
    if visits().next().is_none() {
        let _ = writeln!(out, "Aucun navigateur n'a été employé.\n");
        return;
    }
    let _ = writeln!(
        out,
        "Preuve : Chromium (Debian), sans écran, dans un conteneur à part sur le réseau de la copie, \
         fait ce que dit `[browser]` de [`drill.toml`](../{}/drill.toml), connexion et dépôt d'une \
         copie compris. Ce que la politique bloque est lu de l'évènement `securitypolicyviolation` de \
         chaque page (CSP3), et non des mots de la console. Une capture d'écran de chaque étape est \
         dans `evidence/browser/` du dossier de l'exécution.\n",
        record.stack.trim_end_matches('/')
    );
    let head = [
        "Mode",
        "Étape",
        "Page",
        "Aboutie",
        "Blocages de la politique",
        "Erreurs de la console",
        "Capture",
    ];
    table(out, &head, visits().map(|(mode, visit)| row(mode, visit)));
    let blocked = visits().map(|(_, visit)| visit.violations).sum::<usize>();
    let errors = visits().map(|(_, visit)| visit.complaints).sum::<usize>();
    let stuck = visits().filter(|(_, visit)| !visit.reached).count();
    let _ = match (blocked, errors, stuck) {
        (0, 0, 0) => writeln!(
            out,
            "**0 constat** : {} étapes abouties, aucun blocage, aucune erreur.\n",
            visits().count()
        ),
        _ => writeln!(
            out,
            "**{blocked} blocage(s), {errors} erreur(s), {stuck} étape(s) inabouties** : voir les \
             constats `browser.` de la section 6.\n"
        ),
    };
}

fn row(mode: Mode, visit: &VisitRecord) -> Vec<String> {
    let VisitRecord { id, path, reached, violations, complaints, screenshot } = visit;
    vec![
        texts::mode(mode).to_owned(),
        code(id),
        code(path),
        yes(*reached).to_owned(),
        violations.to_string(),
        complaints.to_string(),
        code(screenshot),
    ]
}
