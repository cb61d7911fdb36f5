//! What the wire shows: headers, cookies, hosts, TLS.

use std::fmt::Write as _;

use super::{code, outcome, place, table, texts, yes};
use crate::model::audit::{AuditRecord, HeaderRecord, ModeRecord};

pub(super) fn write(out: &mut String, record: &AuditRecord) {
    headers(out, record);
    cookies(out, record);
    hosts(out, record);
    tls(out, record);
    found(out, record);
}

fn headers(out: &mut String, record: &AuditRecord) {
    let _ = writeln!(out, "## 3. En-têtes de sécurité (FR-2)\n");
    let _ = writeln!(
        out,
        "Preuve : chaque route de la matrice est demandée sur une connexion brute, à nginx puis à \
         gunicorn, avec toutes les méthodes et tous les statuts de `[[route]]` dans \
         [`drill.toml`](../{}/drill.toml). Un en-tête compte quand il figure exactement une fois.\n",
        record.stack.trim_end_matches('/')
    );
    for mode in &record.modes {
        let _ = writeln!(out, "### En-têtes en {}\n", texts::mode(mode.mode));
        let rows = mode.headers.iter().map(header);
        table(
            out,
            &["En-tête", "Exigence", "Présent une fois sur", "Valeurs vues", "Conforme"],
            rows,
        );
        let unseen = mode.unseen.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
        if !unseen.is_empty() {
            let _ = writeln!(out, "Statuts qu'aucune route ne donne : {unseen}.\n");
        }
    }
}

fn header(header: &HeaderRecord) -> Vec<String> {
    let HeaderRecord { name, requirement, absent, on, of, values } = header;
    let shown = match values.len() {
        0 => "—".to_owned(),
        _ => values.iter().map(|value| code(value)).collect::<Vec<_>>().join(", "),
    };
    let right = if *absent { values.is_empty() } else { on == of };
    let expected = if *absent { "doit être absent".to_owned() } else { format!("{on} / {of}") };
    vec![code(name), requirement.clone(), expected, shown, yes(right).to_owned()]
}

fn cookies(out: &mut String, record: &AuditRecord) {
    let _ = writeln!(out, "## 4. Cookies (FR-3)\n");
    let _ = writeln!(
        out,
        "Preuve : toutes les lignes `Set-Cookie` de la matrice, pages d'erreur comprises, et une \
         connexion avec un pot à cookies qui se comporte comme un navigateur.\n"
    );
    let rows = record.modes.iter().flat_map(|mode| {
        mode.cookies.iter().map(|cookie| {
            let attributes = cookie.attributes.iter().map(|text| code(text)).collect::<Vec<_>>();
            vec![texts::mode(mode.mode).to_owned(), code(&cookie.name), attributes.join(", ")]
        })
    });
    table(out, &["Mode", "Cookie", "Attributs"], rows);
    let rows = record.modes.iter().flat_map(|mode| {
        mode.login.iter().map(|(step, status)| {
            vec![texts::mode(mode.mode).to_owned(), code(step), status.to_string()]
        })
    });
    table(out, &["Mode", "Étape de la connexion", "Statut"], rows);
}

fn hosts(out: &mut String, record: &AuditRecord) {
    let _ = writeln!(out, "## 5. Hôtes (FR-6)\n");
    let _ = writeln!(
        out,
        "Preuve : requêtes écrites octet par octet, que les bibliothèques clientes corrigeraient. \
         Au démarrage, le service refuse (code 78) `*`, une valeur vide ou blanche, un schéma, un \
         port, une clé absente ou faible, `DEBUG`, une base sans mot de passe : \
         [`start_up.rs`](../scenarios/tests/all/servers/start_up.rs) démarre l'image avec chacun de ces \
         environnements. Les réglages de base lisent `ALLOWED_HOSTS`, ceux de production \
         `DJANGO_ALLOWED_HOSTS` : une seule des deux, si ce n'est pas celle qui est lue, est un refus \
         ou un constat.\n"
    );
    let Some(first) = record.modes.first() else { return };
    let rows = first.hosts.iter().map(|case| {
        let right = case.right.iter().map(u16::to_string).collect::<Vec<_>>().join(" ou ");
        let per_mode = record.modes.iter().map(|mode| status(mode, &case.id));
        [texts::host(&case.id).to_owned(), right].into_iter().chain(per_mode).collect()
    });
    let modes = record.modes.iter().map(|mode| texts::mode(mode.mode));
    let head = ["Requête", "Attendu"].into_iter().chain(modes).collect::<Vec<_>>();
    table(out, &head, rows);
}

fn status(mode: &ModeRecord, id: &str) -> String {
    let Some(case) = mode.hosts.iter().find(|case| case.id == id) else { return "—".to_owned() };
    let status = case.status.map_or_else(|| "connexion fermée".to_owned(), |it| it.to_string());
    if case.good { status } else { format!("**{status}**") }
}

fn tls(out: &mut String, record: &AuditRecord) {
    let _ = writeln!(out, "## 6. TLS\n");
    let seen = record.modes.iter().filter_map(|mode| mode.tls.as_ref());
    let rows =
        seen.map(|tls| vec![tls.accepted.join(", "), tls.refused.join(", "), tls.names.join(", ")]);
    table(out, &["Versions acceptées", "Versions refusées", "Noms du certificat"], rows);
    let _ = writeln!(
        out,
        "Le certificat est celui d'une autorité propre à l'exécution. Toute route demandée en HTTP \
         doit rediriger vers elle-même en HTTPS (`tls.redirect`, FR-5).\n"
    );
}

fn found(out: &mut String, record: &AuditRecord) {
    let _ = writeln!(out, "### Constats sur le réseau\n");
    let found = record.findings().filter(|(_, it)| !it.id.starts_with("django."));
    let rows = found.map(|(mode, finding)| {
        vec![
            texts::mode(mode).to_owned(),
            code(&finding.id),
            format!("{:?}", finding.priority),
            finding.requirement.clone(),
            format!("{} : {}", texts::rule(finding), texts::subject(finding)),
            outcome(finding),
            place(record, finding.place.as_ref()),
        ]
    });
    table(out, &["Mode", "Constat", "Priorité", "Exigence", "Objet", "Statut", "Endroit"], rows);
}
