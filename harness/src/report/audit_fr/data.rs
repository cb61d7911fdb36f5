//! Volumes, what losing each means, and how they grow.

use std::fmt::Write as _;

use super::{code, table};
use crate::model::audit::{AuditRecord, SizeRecord, VolumeRecord};

/// Days that backups are kept (FR-4.1).
const RETENTION_DAYS: u64 = 30;

pub(super) fn write(out: &mut String, record: &AuditRecord) {
    let _ = writeln!(out, "## 8. Volumes et sûreté des données (FR-4.4)\n");
    let _ = writeln!(
        out,
        "Preuve : la configuration résolue par Compose de la copie auditée, et les sections \
         `[[volume]]` de [`drill.toml`](../{}/drill.toml). Un volume dont elles ne disent rien compte \
         comme critique.\n",
        record.stack.trim_end_matches('/')
    );
    let rows = record.stores.volumes.iter().map(volume);
    table(out, &["Volume", "Monté par", "Criticité", "Si on le perd"], rows);
    let _ = writeln!(
        out,
        "⚠️ `docker compose down --volumes`, `docker volume rm` et `docker volume prune` détruisent \
         les volumes critiques sans confirmation. Sauvegardez et vérifiez la sauvegarde avant : \
         voir [le runbook](runbook_backup_restore.md).\n"
    );
    measured(out, &record.stores.volumes);
    sizes(out, &record.stores.sizes);
}

fn volume(volume: &VolumeRecord) -> Vec<String> {
    let class = match (volume.class.as_str(), volume.classified) {
        ("critical", true) => "**critique**",
        ("critical", false) => "**critique**, faute de classement",
        ("rebuildable", _) => "reconstructible",
        _ => "cache",
    };
    let lost = match volume.name.as_str() {
        "postgres_data" => "notes, comptes, annotations, journal d'audit : tout est perdu",
        "media_volume" => {
            "les copies numérisées : à numériser de nouveau si le papier existe encore"
        }
        "static_volume" => "rien : rempli à nouveau depuis l'image au démarrage",
        "redis_data" => "les tâches non encore faites ; ni les sessions, ni les données",
        _ => "voir `loss` dans `drill.toml`",
    };
    vec![code(&volume.name), volume.services.join(", "), class.to_owned(), lost.to_owned()]
}

/// What the volumes took on disk with so many copies, as it was measured.
fn measured(out: &mut String, volumes: &[VolumeRecord]) {
    let Some(points) = volumes.iter().map(|it| &it.measured).find(|it| !it.is_empty()) else {
        return;
    };
    let _ = writeln!(out, "### Taille mesurée des volumes\n");
    let _ = writeln!(
        out,
        "Mesurée sur disque par `cargo xtask volumes` à {} tailles de la pile, et consignée dans \
         `drill.toml` ; la croissance est la pente des moindres carrés.\n",
        points.len()
    );
    let heads = points.iter().map(|(copies, _)| format!("{} copies", number(*copies)));
    let head = ["Volume".to_owned()].into_iter().chain(heads);
    let head = head.chain(["Croissance par millier de copies".to_owned()]).collect::<Vec<_>>();
    let rows = volumes.iter().filter(|volume| !volume.measured.is_empty()).map(|volume| {
        let sizes = volume.measured.iter().map(|(_, size)| bytes(*size));
        let growth = volume.growth_bytes.map_or("—".to_owned(), |growth| bytes(growth * 1000));
        [code(&volume.name)].into_iter().chain(sizes).chain([growth]).collect()
    });
    table(out, &head.iter().map(String::as_str).collect::<Vec<_>>(), rows);
}

fn sizes(out: &mut String, sizes: &[SizeRecord]) {
    let _ = writeln!(out, "### Capacité à prévoir à trois tailles\n");
    let _ = writeln!(
        out,
        "Chiffres calculés, fichier par fichier, par le plan du jeu de données déterministe \
         (graine 1), celui que charge `cargo xtask dr-drill --scale small|medium|large`. Ils \
         décrivent ce jeu, non votre établissement : mesurez le vôtre avec `docker system df -v`. \
         La place à prévoir compte {RETENTION_DAYS} sauvegardes quotidiennes complètes des médias \
         (FR-4.1), que la compression des PDF ne réduit guère, et autant d'espace libre que la plus \
         grande restauration : le double des médias. La base s'y ajoute : \
         voir sa taille mesurée ci-dessus.\n"
    );
    let rows = sizes.iter().map(|size| {
        let SizeRecord { scale, rows, files, media_bytes, large_objects } = size;
        vec![
            code(scale),
            number(*rows),
            number(*files),
            bytes(*media_bytes),
            number(*large_objects),
            bytes(media_bytes * RETENTION_DAYS),
            bytes(media_bytes * 2),
        ]
    });
    let head = [
        "Échelle",
        "Lignes en base",
        "Copies (fichiers)",
        "Médias",
        "Grands objets",
        "Sauvegardes des médias, 30 jours",
        "Espace pour restaurer",
    ];
    table(out, &head, rows);
    let Some(size) = sizes.last().filter(|size| size.files > 0) else { return };
    let _ = writeln!(
        out,
        "Croissance à l'échelle `{}` : {} de médias et {} lignes par millier de copies numérisées.\n",
        size.scale,
        bytes(size.media_bytes * 1000 / size.files),
        number(size.rows * 1000 / size.files)
    );
}

/// With a narrow space between thousands.
fn number(value: u64) -> String {
    let digits = value.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join("\u{202f}")
}

/// In decimal units, as disks are sold.
fn bytes(value: u64) -> String {
    let units = [("To", 1_000_000_000_000), ("Go", 1_000_000_000), ("Mo", 1_000_000)];
    let found = units.into_iter().find(|(_, size)| value >= *size);
    let (unit, size) = found.unwrap_or(("ko", 1_000));
    let tenths = (value * 10 + size / 2) / size;
    format!("{},{}\u{a0}{unit}", number(tenths / 10), tenths % 10)
}
