//! French words for what the rules call in English.

use crate::audit::django::table;
use crate::model::finding::Finding;
use crate::model::mode::Mode;

/// What a rule is about. Rules of Django's configuration bring their own text.
pub(super) fn rule(finding: &Finding) -> String {
    if let Some(text) = table::in_french(&finding.id) {
        return text.to_owned();
    }
    let family = finding.id.split('.').next().unwrap_or_default();
    let known = [
        ("headers", "un en-tête de sécurité manque, est en double ou n'a pas la valeur attendue"),
        ("cookies", "un cookie n'a pas les attributs attendus"),
        (
            "hosts",
            "une requête dont l'hôte est forgé ou inhabituel n'est pas traitée comme il faut",
        ),
        ("tls", "l'extrémité TLS ou la redirection n'est pas comme il faut"),
        ("routes", "une route répond avec un autre statut que prévu"),
        ("observatory", "l'Observatory de MDN retire des points"),
    ];
    let text = known.iter().find(|(name, _)| *name == family).map(|(_, text)| *text);
    text.map_or_else(|| finding.title.clone(), str::to_owned)
}

/// Why a finding may stay.
pub(super) fn accepted(finding: &Finding) -> String {
    let mode = if finding.subject.ends_with("(http)") { Mode::Http } else { Mode::Tls };
    let check = finding.id.strip_prefix("django.").and_then(table::check);
    let http = check.and_then(|check| check.http.as_ref()).filter(|_| mode == Mode::Http);
    match (http.and_then(|http| http.accepted_fr.as_deref()), finding.id.as_str()) {
        (Some(reason), _) => reason.to_owned(),
        (None, "django.hosts.variables") => {
            "la production lit cette variable ; l'autre ne sert qu'au développement".to_owned()
        }
        (None, "django.settings.contradiction") => {
            "le module de production est le plus strict des deux".to_owned()
        }
        _ => "par décision".to_owned(),
    }
}

/// What to do about a rule or a family of rules, how long it takes, and who does it.
const ACTIONS: [(&str, &str, &str, &str); 7] = [
    (
        "django.version",
        "planifier la migration vers la version suivante à support long et la répéter avec `cargo xtask dr-drill`",
        "3 à 5 jours",
        "équipe de développement",
    ),
    (
        "django.secret-key",
        "générer une nouvelle clé dans `.env` (`openssl rand -base64 60`) et redémarrer",
        "15 min",
        "exploitant",
    ),
    (
        "django.hosts",
        "corriger `DJANGO_ALLOWED_HOSTS` dans `.env` et redémarrer",
        "15 min",
        "exploitant",
    ),
    (
        "django",
        "corriger le réglage à l'endroit cité, puis relancer l'audit",
        "1 h",
        "équipe de développement",
    ),
    ("headers", "corriger la ligne citée de nginx, puis relancer l'audit", "1 h", "exploitant"),
    ("tls", "corriger le serveur TLS ou le certificat", "1 h", "exploitant"),
    ("hosts", "corriger les noms servis par nginx et par Django", "1 h", "exploitant"),
];

/// What to do, how long it takes, and who does it.
pub(super) fn action(id: &str) -> (&'static str, &'static str, &'static str) {
    let found = ACTIONS.into_iter().find(|(prefix, ..)| id.starts_with(prefix));
    found.map_or(
        ("suivre le remède indiqué, puis relancer l'audit", "à estimer", "équipe de développement"),
        |(_, what, effort, who)| (what, effort, who),
    )
}

/// Whether what is to be done is said of this very rule, and not of its family.
pub(super) fn is_particular(id: &str) -> bool {
    ACTIONS.iter().any(|(prefix, ..)| prefix.contains('.') && id.starts_with(prefix))
}

/// What a request with a forged or unusual host is.
pub(super) fn host(id: &str) -> &str {
    let known = [
        ("own", "le nom du service lui-même"),
        ("forged", "un `Host` forgé"),
        ("forged-page", "un `Host` forgé, pour un fichier servi par nginx"),
        ("below", "un sous-domaine inconnu"),
        ("ending", "un nom qui finit comme celui du service"),
        ("two-hosts", "deux lignes `Host`"),
        ("absolute-forged", "une cible absolue au nom forgé"),
        ("absolute-own", "une cible absolue correcte, `Host` forgé"),
        ("no-host", "HTTP/1.1 sans `Host`"),
        ("old-no-host", "HTTP/1.0 sans `Host`"),
        ("empty", "un `Host` vide"),
        ("space", "une espace dans `Host`"),
        ("ipv6", "une adresse IPv6 non servie"),
        ("port", "le nom avec un port"),
        ("upper-case", "le nom en majuscules"),
        ("dot", "le nom suivi du point de la racine"),
        ("forwarded-host", "un `X-Forwarded-Host` forgé"),
        ("forwarded-proto", "un `X-Forwarded-Proto` forgé"),
        ("backend-forged", "un `Host` forgé, adressé directement à gunicorn"),
        ("backend-forwarded-host", "un `X-Forwarded-Host` forgé, adressé directement à gunicorn"),
    ];
    known.iter().find(|(name, _)| *name == id).map_or(id, |(_, text)| text)
}

/// A mode.
pub(super) fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Http => "HTTP",
        Mode::Tls => "HTTPS",
    }
}
