//! Remedies in Django's settings: assignments of one line.

use super::Bench;
use super::changes::Changes;
use crate::audit::settings;
use crate::model::mode::Mode;

/// Two weeks, Django's default, in seconds.
const SESSION_S: &str = "1209600";

pub(super) fn mend(bench: &Bench<'_>) -> Option<Changes> {
    let (name, value) = bench.text.split_once('=')?;
    let setting = name.trim();
    if opens(value) {
        return None;
    }
    let assign = |value: &str| Some(bench.replace(&format!("{name}= {value}")));
    match bench.finding.id.as_str() {
        "cookies.httponly" => assign("True"),
        "cookies.samesite" => assign("\"Lax\""),
        "cookies.lifetime" => assign(SESSION_S),
        "cookies.domain" => assign("None"),
        "cookies.secure" | "cookies.secure-over-http" | "cookies.login-loop" => {
            assign(&secure(bench, setting))
        }
        "hosts.backend-forwarded-host" | "hosts.forwarded-host" => assign("False"),
        // The module before this one names the hosts.
        "hosts.backend-forged" if value.contains('*') => {
            let others = bench.observed.files.iter().filter(|(path, _)| *path != bench.file);
            let others = others.map(|(path, text)| (path.clone(), text.clone())).collect();
            settings::place(&others, setting)?;
            Some(Changes::remove(bench.file, bench.line))
        }
        "headers.disagree" => {
            let header = bench.header();
            let over_tls = bench.observed.mode == Mode::Tls;
            let rule = bench.policy.rules(over_tls).find(|rule| rule.name == header)?;
            assign(&format!("{:?}", rule.is.first()?))
        }
        _ => None,
    }
}

/// Whether a value goes on in the next line.
fn opens(value: &str) -> bool {
    let count = |of: &str| value.chars().filter(|c| of.contains(*c)).count();
    count("([{") != count(")]}") || value.trim_end().ends_with('\\')
}

/// As the other cookie has it, if that follows the mode; otherwise what this mode needs.
fn secure(bench: &Bench<'_>, setting: &str) -> String {
    let other = if setting.starts_with("CSRF") {
        setting.replacen("CSRF", "SESSION", 1)
    } else {
        setting.replacen("SESSION", "CSRF", 1)
    };
    let files = &bench.observed.files;
    let value = settings::place(files, &other).and_then(|place| {
        let at = usize::try_from(place.line?).ok()?;
        let (_, value) =
            files.get(&place.file)?.lines().nth(at.checked_sub(1)?)?.split_once('=')?;
        let value = value.trim();
        (!matches!(value, "True" | "False") && !opens(value)).then(|| value.to_owned())
    });
    let here = if bench.observed.mode == Mode::Tls { "True" } else { "False" };
    value.unwrap_or_else(|| here.to_owned())
}
