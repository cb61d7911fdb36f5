//! Remedies in nginx's configuration: directives of one line.

use regex::{Captures, Regex};

use super::Bench;
use super::absent;
use super::changes::Changes;
use super::header::{given, names, rule};
use crate::audit::headers::HeaderRule;
use crate::audit::nginx::{Directive, Tree};
use crate::audit::place_in_stack;

pub(super) fn mend(bench: &Bench<'_>) -> Option<Changes> {
    match bench.finding.id.as_str() {
        "headers.missing" => missing(bench),
        "headers.value" => value(bench),
        "headers.unwanted" => with_value(bench, ""),
        "headers.duplicate" | "headers.conflict" => duplicate(bench),
        "headers.version" if names(bench.text, "server_tokens") => argument(bench, "off"),
        "cookies.domain" if names(bench.text, "proxy_cookie_domain") => {
            Some(Changes::remove(bench.file, bench.line))
        }
        id if id.starts_with("cookies.") && names(bench.text, "proxy_cookie_flags") => {
            Some(Changes::remove(bench.file, bench.line))
        }
        "hosts.forwarded-proto" if names(bench.text, "proxy_set_header") => {
            argument(bench, "X-Forwarded-Proto $scheme")
        }
        "hosts.forwarded-host" if names(bench.text, "proxy_set_header") => {
            argument(bench, "X-Forwarded-Host \"\"")
        }
        "tls.old-version" | "tls.version" if names(bench.text, "ssl_protocols") => {
            argument(bench, "TLSv1.2 TLSv1.3")
        }
        "tls.redirect" => redirect(bench),
        "routes.open" => open(bench),
        _ => None,
    }
}

/// The line with other arguments, if it is one directive and nothing else.
fn argument(bench: &Bench<'_>, args: &str) -> Option<Changes> {
    let name = bench.text.split_whitespace().next()?;
    let alone = bench.text.trim_end().ends_with(';') && bench.text.matches(';').count() == 1;
    alone.then(|| bench.replace(&format!("{}{name} {args};", bench.indent())))
}

/// `add_header NAME VALUE always;` with its value by itself.
fn header_line(header: &str) -> Option<Regex> {
    let header = regex::escape(header);
    let value = r#"("[^"]*"|'[^']*'|[^\s;]+)"#;
    Regex::new(&format!(r"^(?i)(\s*add_header\s+{header}\s+){value}(\s+always)?\s*;\s*$")).ok()
}

fn missing(bench: &Bench<'_>) -> Option<Changes> {
    if let Some(parts) = header_line(bench.header())?.captures(bench.text) {
        let already = parts.get(3).is_some();
        let (before, value) = (&parts[1], &parts[2]);
        return (!already).then(|| bench.replace(&format!("{before}{value} always;")));
    }
    if names(bench.text, "add_header") {
        let line = included(bench)?;
        let text = format!("{}{line}", bench.indent());
        return Some(Changes::insert(bench.file, bench.line, &text));
    }
    absent::mend(bench)
}

/// The line that includes the file in which a header is set, as it is written elsewhere.
fn included(bench: &Bench<'_>) -> Option<String> {
    let header = header_line(bench.header())?;
    let sets = |text: &str| text.lines().any(|line| header.is_match(line));
    // A file that is nothing but headers: including one with locations would not do.
    let only = |text: &str| !text.contains('{');
    let (path, _) = bench.observed.proxy.iter().find(|(_, text)| sets(text) && only(text))?;
    let name = path.strip_prefix("/etc/nginx/").unwrap_or(path);
    let written = [format!("include {name};"), format!("include {path};")];
    let lines = bench.observed.proxy.iter().flat_map(|(_, text)| text.lines());
    lines.map(str::trim).find(|line| written.iter().any(|known| known == line)).map(str::to_owned)
}

fn value(bench: &Bench<'_>) -> Option<Changes> {
    let rule = rule(bench)?;
    if let Some(value) = given(rule).filter(|_| rule.csp.is_empty()) {
        return with_value(bench, &value);
    }
    let parts = header_line(bench.header())?.captures(bench.text)?;
    let written = parts[2].trim_matches(['"', '\'']);
    let mended = csp(rule, written)?;
    let text = header_line(bench.header())?;
    let text = text.replace(bench.text, |parts: &Captures<'_>| line(parts, &mended));
    Some(bench.replace(&text))
}

fn line(parts: &Captures<'_>, value: &str) -> String {
    format!("{}\"{value}\"{};", &parts[1], parts.get(3).map_or("", |always| always.as_str()))
}

/// A policy without the sources that the rule does not know, and with the directives that it
/// asks for. What comes from a variable stays as it is.
fn csp(rule: &HeaderRule, written: &str) -> Option<String> {
    let mut found = Vec::new();
    let mut mended = Vec::new();
    for directive in written.split(';').map(str::trim).filter(|directive| !directive.is_empty()) {
        let mut words = directive.split_whitespace();
        let name = words.next()?;
        found.push(name.to_ascii_lowercase());
        if rule.only_tls.iter().any(|only| only == name) {
            // Which mode it is sent in is for a variable to decide.
            return None;
        }
        let Some(allowed) = rule.csp.get(&name.to_ascii_lowercase()) else {
            mended.push(directive.to_owned());
            continue;
        };
        let kept = words.filter(|word| word.contains('$') || allowed.iter().any(|it| it == word));
        let mut kept = kept.map(str::to_owned).collect::<Vec<_>>();
        if kept.is_empty() {
            kept.extend(allowed.first().cloned());
        }
        mended.push(format!("{name} {}", kept.join(" ")));
    }
    // Before the last, which may end with a variable.
    let absent = rule.csp.iter().filter(|(name, _)| !found.contains(name));
    for (name, allowed) in absent {
        let at = mended.len().saturating_sub(1);
        mended.insert(at, format!("{name} {}", allowed.first()?));
    }
    let mended = mended.join("; ");
    (mended != written).then_some(mended)
}

/// Another value for the header of the line; one that is a variable gets it in its `map`.
fn with_value(bench: &Bench<'_>, value: &str) -> Option<Changes> {
    let known = header_line(bench.header())?;
    let parts = known.captures(bench.text)?;
    let Some(variable) = parts[2].trim_matches('"').strip_prefix('$') else {
        let text = known.replace(bench.text, |parts: &Captures<'_>| line(parts, value));
        return (!value.is_empty()).then(|| bench.replace(&text));
    };
    let sent = format!("{}: ", bench.header());
    let sent = bench.finding.evidence.iter().find_map(|line| line.trim().strip_prefix(&sent))?;
    let tree = Tree::parse(&bench.observed.proxy);
    let entry = map_entry(&tree.0, &format!("${variable}"), sent)?;
    let place = place_in_stack(bench.observed, &entry.place);
    let at = usize::try_from(place.line?).ok()?;
    let text = bench.observed.files.get(&place.file)?.lines().nth(at - 1)?;
    let (quoted, new) = (format!("\"{sent}\""), format!("\"{value}\""));
    let mended = text.replacen(&quoted, &new, 1);
    (mended != text).then(|| Changes::replace(&place.file, at, &mended))
}

/// The entry by which a `map` gives a variable its value.
fn map_entry<'a>(block: &'a [Directive], variable: &str, value: &str) -> Option<&'a Directive> {
    block.iter().find_map(|directive| {
        if directive.name == "map" && directive.arg(1) == variable {
            return directive.block.iter().find(|entry| entry.arg(0) == value);
        }
        map_entry(&directive.block, variable, value)
    })
}

fn duplicate(bench: &Bench<'_>) -> Option<Changes> {
    let file = bench.observed.files.get(bench.file)?;
    if bench.finding.remedy.starts_with("hide Django's copy") {
        let hide = |(_, line): &(usize, &str)| names(line, "proxy_hide_header");
        let last =
            file.lines().enumerate().filter(hide).last().map_or(bench.line, |(at, _)| at + 1);
        let text = format!("{}proxy_hide_header {};", bench.indent(), bench.header());
        return Some(Changes::insert(bench.file, last + 1, &text));
    }
    let known = header_line(bench.header())?;
    let lines = (1..).zip(file.lines()).filter_map(|(at, line)| Some((at, known.captures(line)?)));
    let lines = lines.map(|(at, parts)| (at, parts[2].trim_matches('"').to_owned()));
    let lines = lines.collect::<Vec<(usize, String)>>();
    let right = |value: &str| rule(bench).is_some_and(|rule| rule.is.iter().any(|it| it == value));
    let wrong = lines.iter().find(|(_, value)| !right(value)).or(lines.last())?;
    // In another block it may be the only one.
    (lines.len() == 2).then(|| Changes::remove(bench.file, wrong.0))
}

/// A redirect to HTTPS that is not a permanent one.
fn redirect(bench: &Bench<'_>) -> Option<Changes> {
    let file = bench.observed.files.get(bench.file)?;
    let known = Regex::new(r"\breturn\s+30[237]\s+https://").ok()?;
    let mut lines = (1..).zip(file.lines()).skip(bench.line - 1);
    let (at, text) = lines.find(|(_, line)| known.is_match(line))?;
    Some(Changes::replace(bench.file, at, &known.replace(text, "return 301 https://")))
}

/// A listing that nobody asked for, or a location that swallows its neighbours.
fn open(bench: &Bench<'_>) -> Option<Changes> {
    let file = bench.observed.files.get(bench.file)?;
    let listing = Regex::new(r"\bautoindex\s+on\s*;").ok()?;
    let prefix = Regex::new(r"^(\s*location\s+(?:\^~\s+)?)(/\S*[^/\s])(\s*\{\s*)$").ok()?;
    let block = || file.lines().skip(bench.line).take_while(|line| line.trim() != "}");
    let alias = |line: &str| names(line, "alias") && line.trim_end().ends_with("/;");
    if prefix.is_match(bench.text) && block().any(alias) {
        return Some(bench.replace(&prefix.replace(bench.text, "${1}${2}/${3}")));
    }
    // In the block itself, or else above it.
    let on = |(_, line): &(usize, &str)| listing.is_match(line);
    let mut inside = (bench.line + 1..).zip(block());
    let (at, text) = inside.find(on).or_else(|| (1..).zip(file.lines()).find(on))?;
    Some(Changes::replace(bench.file, at, &listing.replace(text, "autoindex off;")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::headers::Policy;

    #[test]
    fn a_policy_loses_what_is_not_allowed_and_keeps_its_variable() {
        let policy = Policy::named("korrigo").expect("there");
        let mut rules = policy.rules(true);
        let rule = rules.find(|rule| rule.name == "Content-Security-Policy").expect("a rule");
        let right = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: \
                     blob:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri \
                     'none'; form-action 'self'$upgrade";
        assert_eq!(csp(rule, right), None);
        let wide = right.replace("script-src 'self'", "script-src 'self' 'unsafe-inline'");
        assert_eq!(csp(rule, &wide).as_deref(), Some(right));
        let short = csp(rule, &right.replace("base-uri 'none'; ", "")).expect("mended");
        assert!(short.contains("; base-uri 'none'; form-action 'self'$upgrade"), "{short}");
    }
}
