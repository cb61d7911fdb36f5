//! What is to be done, how it is verified, and the checklists.

use std::fmt::Write as _;

use super::{code, place, table, texts};
use crate::model::audit::AuditRecord;
use crate::model::finding::Finding;
use crate::model::mode::Mode;

pub(super) fn write(out: &mut String, record: &AuditRecord) {
    let _ = writeln!(out, "## 9. Actions\n");
    let _ = writeln!(out, "Une action par constat ouvert, la plus urgente d'abord (FR-1.4).\n");
    let rows = open(record).into_iter().map(|(modes, finding)| {
        let (what, effort, who) = texts::action(&finding.id);
        // What is said of a single rule needs no remedy beside it.
        let what = if texts::is_particular(&finding.id) {
            what.to_owned()
        } else {
            format!("{what} (remède : {})", texts::remedy(finding))
        };
        vec![
            format!("{:?}", finding.priority),
            code(&finding.id),
            modes.iter().map(|mode| texts::mode(*mode)).collect::<Vec<_>>().join(", "),
            what,
            effort.to_owned(),
            who.to_owned(),
            place(record, finding.place.as_ref()),
        ]
    });
    table(
        out,
        &["Priorité", "Constat", "Modes", "Action", "Effort", "Responsable", "Endroit"],
        rows,
    );
    out.push_str(VALIDATION);
    out.push_str(CHECKLISTS);
    out.push_str(REFERENCES);
}

/// Open findings, the same one in both modes once.
fn open(record: &AuditRecord) -> Vec<(Vec<Mode>, &Finding)> {
    let mut found: Vec<(Vec<Mode>, &Finding)> = Vec::new();
    for (mode, finding) in record.findings().filter(|(_, finding)| finding.is_open()) {
        let same = |known: &&mut (Vec<Mode>, &Finding)| {
            known.1.id == finding.id && known.1.place == finding.place
        };
        match found.iter_mut().find(same) {
            Some((modes, _)) if modes.contains(&mode) => {}
            Some((modes, _)) => modes.push(mode),
            None => found.push((vec![mode], finding)),
        }
    }
    found.sort_by_key(|(_, finding)| finding.priority);
    found
}

const VALIDATION: &str = "\
## 10. Méthodes de validation

| Ce qui est affirmé | Comment le vérifier | Exigence |
|---|---|---|
| Constats des deux modes | `cargo xtask audit` : code 0 sans P0 ni P1 ouvert, 1 sinon, 3 si l'audit n'a pu conclure | FR-1, FR-2, FR-3, FR-6 |
| Ce document est à jour | `cargo xtask audit --check docs/audit.md` | FR-1.2 |
| Refus au démarrage | `cargo test -p scenarios start_up` | FR-6 |
| Chaque mauvais réglage est nommé | `cargo test -p scenarios django_audit` | FR-1 |
| Le service répond | `cargo xtask smoke` ; sur l'hôte, [`smoke_prod.sh`](../compose/scripts/smoke_prod.sh) | FR-5 |
| Les sauvegardes se restaurent | `cargo xtask dr-drill --method all` | FR-4 |

";

const CHECKLISTS: &str = "\
## 11. Listes de contrôle

### Avant un déploiement

- [ ] `.env` rempli d'après [`.env.prod.example`](../compose/.env.prod.example), droits 600, aucune valeur `change-me` (FR-6)
- [ ] `DJANGO_ENV=production`, `DEBUG=false` (FR-1)
- [ ] `DJANGO_ALLOWED_HOSTS` : chaque hôte nommé, ni joker, ni port, ni schéma (FR-6)
- [ ] `SECRET_KEY` et mots de passe générés, jamais réutilisés d'un autre environnement (NFR-4)
- [ ] HTTPS : `TLS_CERT_DIR` contient `fullchain.pem` et `privkey.pem`, et `compose.tls.yaml` est employé (FR-2.1)
- [ ] sauvegarde prise et vérifiée avant la mise à jour (FR-4.1, NFR-4)
- [ ] `cargo xtask audit` : code 0 (FR-1.4)

### Après un déploiement

- [ ] tous les services sont `healthy` : `docker compose ps` (FR-5)
- [ ] `compose/scripts/smoke_prod.sh` : code 0 (FR-5)
- [ ] HTTPS : `curl -sI http://HÔTE/` redirige, `curl -sI https://HÔTE/` porte HSTS (FR-2.1)
- [ ] un hôte inconnu reçoit 400 : `curl -s -o /dev/null -w '%{http_code}' -H 'Host: forged.example' http://HÔTE/` (FR-6)
- [ ] connexion d'un enseignant, ouverture d'une copie (FR-5)
- [ ] la sauvegarde suivante est présente et vérifiée (FR-4.1)

";

const REFERENCES: &str = "\
## 12. Références

- [Durcissement : ce que l'audit demande et juge](hardening.md)
- [Runbook de sauvegarde et de restauration](runbook_backup_restore.md), [méthodes](methods.md)
- [Sondes](probes.md) et [smoke](smoke.md)
- [Codes de sortie](exit-codes.md)
- [Réglages de production](../compose/backend/korrigo/settings_prod.py), [règles de démarrage](../compose/backend/korrigo/environment.py)
- [En-têtes de nginx](../compose/proxy/conf/security-headers.conf)
- Django : <https://docs.djangoproject.com/en/4.2/howto/deployment/checklist/>, <https://docs.djangoproject.com/en/5.2/ref/checks/>
- OWASP Secure Headers : <https://owasp.org/www-project-secure-headers/>
- HSTS : RFC 6797 ; cookies : RFC 6265 ; MDN HTTP Observatory : <https://developer.mozilla.org/en-US/observatory>
";
