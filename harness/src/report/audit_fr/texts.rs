//! French words for what the rules call in English.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::code;
use crate::audit::django::table;
use crate::model::finding::{Finding, Status};
use crate::model::mode::Mode;

/// What a rule on the wire, in the browser or on acceptances says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    ids: Vec<String>,
    title: String,
    remedy: String,
}

#[derive(Deserialize)]
struct Rules {
    rule: Vec<Rule>,
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    toml::from_str::<Rules>(include_str!("rules.toml")).expect("rules.toml is valid").rule
});

/// What a rule is about and what to do, if it is known here.
fn known(id: &str) -> Option<(&'static str, &'static str)> {
    let own = RULES.iter().find(|rule| rule.ids.iter().any(|known| known == id));
    let own = own.map(|rule| (rule.title.as_str(), rule.remedy.as_str()));
    own.or_else(|| table::in_french(id))
}

/// What a rule is about.
pub(super) fn rule(finding: &Finding) -> String {
    known(&finding.id).map_or_else(|| finding.title.clone(), |(title, _)| title.to_owned())
}

/// What to do about a finding, in Markdown.
pub(super) fn remedy(finding: &Finding) -> String {
    let Some((_, remedy)) = known(&finding.id) else { return code(&finding.remedy) };
    let about = finding.subject.split(" on ").next().unwrap_or_default();
    remedy.replace("{objet}", &code(about.trim_start_matches("cookie ")))
}

/// How subjects are put together, and how that is said in French.
static SUBJECTS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let shapes = [
        (r"^(.+) on (\d+) answers, such as (.+)$", "$1 sur $2 réponses, dont $3"),
        (r"^(\d+) of the routes, such as (.+)$", "$1 des routes, dont $2"),
        (r"^(\S+) on (\S+ .+ → .+)$", "$1 sur $2"),
        (r"^logging in over (\S+)$", "connexion en $1"),
        (r"^certificate of (\S+)$", "certificat de $1"),
        (r"^the landing page$", "la page d'accueil"),
        (r"^(\S+) at (\S*)$", "étape $1, $2"),
        // The same in both languages: a cookie, a request, a host's case, a version, an id.
        (r"^cookie \S*$", "$0"),
        (r"^[A-Z]+ \S+ → \d+ \(https?\)$", "$0"),
        (r"^[a-z0-9-]+ \(https?\)$", "$0"),
        (r"^TLS 1\.\d$", "$0"),
        (r"^[A-Za-z0-9_.-]+(: .*)?$", "$0"),
    ];
    let built = shapes.map(|(shape, french)| (Regex::new(shape).expect("a pattern"), french));
    built.into_iter().collect()
});

/// What a finding is about; nothing for a subject of a shape that nobody has put into French.
fn in_french(subject: &str) -> Option<String> {
    let (shape, french) = SUBJECTS.iter().find(|(shape, _)| shape.is_match(subject))?;
    Some(shape.replace(subject, *french).into_owned())
}

/// What a finding is about.
pub(super) fn subject(finding: &Finding) -> String {
    let host = finding.id.strip_prefix("hosts.").filter(|id| host(id) != *id);
    let host = host.map(|id| host_in_mode(id, &finding.subject));
    host.or_else(|| in_french(&finding.subject)).unwrap_or_else(|| finding.subject.clone())
}

fn host_in_mode(id: &str, subject: &str) -> String {
    let mode = subject.rsplit_once(' ').map_or("", |(_, mode)| mode);
    format!("{} {mode}", host(id))
}

/// What of a finding would stand in the document in English.
#[must_use]
pub fn untranslated(finding: &Finding) -> Vec<String> {
    let unknown = known(&finding.id).is_none().then(|| format!("{}: no rule", finding.id));
    // Of Django's configuration, subjects are not shown.
    let shown = !finding.id.starts_with("django.");
    let subject = || format!("{}: subject {:?}", finding.id, finding.subject);
    let subject = (shown && in_french(&finding.subject).is_none()).then(subject);
    let ours = matches!(finding.status, Status::Accepted(_)) && finding.decision.is_none();
    let reason = (ours && accepted(finding) == UNKNOWN).then(|| format!("{}: why", finding.id));
    unknown.into_iter().chain(subject).chain(reason).collect()
}

/// Where nobody has put the reason into French.
const UNKNOWN: &str = "par décision";

/// Why a finding may stay.
pub(super) fn accepted(finding: &Finding) -> String {
    // What the operator says is in the operator's words.
    if let (Some(_), Status::Accepted(reason)) = (&finding.decision, &finding.status) {
        return reason.clone();
    }
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
        _ => UNKNOWN.to_owned(),
    }
}

/// What to do about a rule or a family of rules, how long it takes, and who does it.
const ACTIONS: [(&str, &str, &str, &str); 10] = [
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
    (
        "cookies",
        "corriger le réglage cité, puis relancer l'audit",
        "1 h",
        "équipe de développement",
    ),
    ("browser", "corriger la page ou la politique", "une demi-journée", "équipe de développement"),
    ("accept", "revoir la décision dans `drill.toml`", "15 min", "exploitant"),
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
