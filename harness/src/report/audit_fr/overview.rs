//! The summary for those who decide.

use std::fmt::Write as _;

use super::{table, texts};
use crate::model::audit::{AuditRecord, ModeRecord};
use crate::model::finding::{Priority, Status};

const PRIORITIES: [Priority; 4] = [Priority::P0, Priority::P1, Priority::P2, Priority::P3];

pub(super) fn write(out: &mut String, record: &AuditRecord) {
    let _ = writeln!(out, "## 1. Synthèse\n");
    let urgent = record.findings().filter(|(_, it)| it.is_open() && it.priority <= Priority::P1);
    let _ = match urgent.count() {
        0 => writeln!(
            out,
            "**Aucun constat P0 ou P1 n'est ouvert** : la pile peut être déployée (FR-1.4).\n"
        ),
        count => writeln!(
            out,
            "**{count} constat(s) P0 ou P1 ouvert(s)** : ne pas déployer avant leur correction \
             (FR-1.4).\n"
        ),
    };
    let _ = writeln!(
        out,
        "Les deux modes sont réels : `DJANGO_ENV=production` choisit les réglages de production, \
         `SSL_ENABLED` décide de tout ce qui n'a de sens qu'en HTTPS (cookies `Secure`, HSTS, \
         redirection, `upgrade-insecure-requests`). En HTTP, un cookie `Secure` ne revient jamais : \
         personne ne pourrait se connecter (FR-3).\n"
    );
    table(
        out,
        &[
            "Mode",
            "Adresse",
            "Réponses jugées",
            "Statuts vus",
            "Note Observatory",
            "Ouverts P0 / P1 / P2 / P3",
            "Acceptés",
            "Résolus",
        ],
        record.modes.iter().map(row),
    );
    let _ = writeln!(
        out,
        "Les réponses jugées comprennent celles aux hôtes forgés et, en HTTPS, celles que les mêmes \
         routes donnent en HTTP ; les en-têtes (section 3) sont comptés sur celles du mode seul.\n"
    );
    let _ = writeln!(
        out,
        "Priorités (FR-1.3) : **P0** critique, exploitable en l'état ; **P1** élevée, une protection \
         exigée manque ; **P2** moyenne, une seconde ligne de défense manque ; **P3** faible. \
         Politique d'en-têtes : `{}`.\n",
        record.policy
    );
}

fn row(mode: &ModeRecord) -> Vec<String> {
    let open = |priority| {
        let found = mode.findings.iter();
        found.filter(|it| it.is_open() && it.priority == priority).count().to_string()
    };
    let count = |wanted: fn(&Status) -> bool| {
        mode.findings.iter().filter(|it| wanted(&it.status)).count().to_string()
    };
    let statuses = mode.statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    vec![
        texts::mode(mode.mode).to_owned(),
        mode.target.clone(),
        mode.answers.to_string(),
        statuses,
        match &mode.grade {
            Some((grade, score)) => format!("{grade} ({score} points)"),
            None => "sans objet en HTTP".to_owned(),
        },
        PRIORITIES.map(open).join(" / "),
        count(|status| matches!(status, Status::Accepted(_))),
        count(|status| matches!(status, Status::Resolved(_))),
    ]
}
