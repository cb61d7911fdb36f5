//! What Django says of itself, and what became of each complaint.

use std::fmt::Write as _;

use super::{code, outcome, place, table, texts, yes};
use crate::model::audit::{AuditRecord, DjangoRecord, ModeRecord};

pub(super) fn write(out: &mut String, record: &AuditRecord) {
    let _ = writeln!(out, "## 2. Contrôles de déploiement de Django (FR-1)\n");
    let _ = writeln!(
        out,
        "Preuve : `manage.py shell` exécute, dans le service et dans chaque mode, tous les contrôles \
         de Django (`run_checks(include_deployment_checks=True)`), y compris ceux des applications \
         tierces. Chaque identifiant est classé par \
         [`checks.toml`](../harness/src/audit/django/checks.toml) ; un identifiant inconnu est un \
         constat P1, jamais ignoré.\n"
    );
    for mode in &record.modes {
        section(out, record, mode);
    }
    if let Some(django) = record.modes.iter().find_map(|mode| mode.django.as_ref()) {
        middleware(out, django);
    }
}

fn section(out: &mut String, record: &AuditRecord, mode: &ModeRecord) {
    let _ = writeln!(out, "### Mode {}\n", texts::mode(mode.mode));
    let Some(django) = &mode.django else {
        let _ = writeln!(out, "Django n'a pas été interrogé.\n");
        return;
    };
    facts(out, django);
    let found = mode.findings.iter().filter(|finding| finding.id.starts_with("django."));
    let rows = found.map(|finding| {
        vec![
            code(&finding.id),
            format!("{:?}", finding.priority),
            finding.requirement.clone(),
            texts::rule(finding),
            outcome(finding),
            place(record, finding.place.as_ref()),
        ]
    });
    table(
        out,
        &["Constat", "Priorité", "Exigence", "Ce que cela signifie", "Statut", "Endroit"],
        rows,
    );
}

fn facts(out: &mut String, django: &DjangoRecord) {
    let silenced = match django.silenced.len() {
        0 => "aucun".to_owned(),
        _ => django.silenced.join(", "),
    };
    let complaints = match django.complaints.len() {
        0 => "aucun".to_owned(),
        _ => django.complaints.iter().map(|id| code(id)).collect::<Vec<_>>().join(", "),
    };
    let hosts = django.allowed_hosts.iter().map(|host| code(host)).collect::<Vec<_>>().join(", ");
    let shown = [
        ("Version de Django", django.version.clone()),
        ("Module de réglages", code(&django.module)),
        ("Contrôles exécutés", django.checks_run.to_string()),
        ("Contrôles qui signalent quelque chose", complaints),
        ("Contrôles réduits au silence (FR-1.2)", silenced),
        ("Hôtes autorisés (FR-6)", hosts),
        (
            "`SECRET_KEY` d'au moins 50 caractères, 10 distincts et 128 bits",
            yes(django.strong_key).to_owned(),
        ),
    ];
    let rows = shown.into_iter().map(|(name, value)| vec![name.to_owned(), value]);
    let rows =
        rows.chain(django.settings.iter().map(|(name, value)| vec![code(name), code(value)]));
    table(out, &["Fait", "Valeur"], rows);
}

fn middleware(out: &mut String, django: &DjangoRecord) {
    let _ = writeln!(out, "### Ordre des middlewares et applications\n");
    let _ = writeln!(
        out,
        "Règles : `SecurityMiddleware` en premier, les sessions avant l'authentification et les \
         messages, CORS avant `CommonMiddleware`, aucun doublon, aucun outil de développement \
         ([`rules.toml`](../harness/src/audit/django/rules.toml)).\n"
    );
    for (at, name) in django.middleware.iter().enumerate() {
        let _ = writeln!(out, "{}. {}", at + 1, code(name));
    }
    let apps = django.apps.iter().map(|app| code(app)).collect::<Vec<_>>().join(", ");
    let _ = writeln!(out, "\nApplications : {apps}.\n");
}
