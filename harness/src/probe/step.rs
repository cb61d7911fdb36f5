//! One step, from the grammar to what can be sent and judged.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderName;

use super::expect::{Expectation, Expectations, StatusRange};
use super::scope::{Place, Scope};
use super::secrets::sounds_secret;
use super::template::{JsonTemplate, Template};
use crate::config::probe::{
    self as spec, Number, OldTls, OneOrMany, Scheme, StatusPattern, Upload,
};
use crate::error::Result;

/// A longer wait than this is not a probe.
const WAIT_MAX_S: u64 = 600;

/// More pages than this are not a small file.
const PAGES_MAX: u32 = 1000;

/// A step ready to run.
#[derive(Debug)]
pub(super) struct Step {
    /// How messages name it: `step 2`.
    pub(super) label: String,
    pub(super) action: Action,
    pub(super) timeout: Option<Duration>,
    pub(super) until: Option<Duration>,
    pub(super) expect: Expectations,
    pub(super) captures: Vec<Capture>,
}

#[derive(Debug)]
pub(super) enum Action {
    Request(Box<Request>),
    Exec { service: String, argv: Vec<Template> },
    Handshake(OldTls),
}

#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) scheme: Option<Scheme>,
    pub(super) path: Template,
    pub(super) headers: Vec<(HeaderName, Template)>,
    pub(super) body: Body,
    pub(super) follow: bool,
}

#[derive(Debug)]
pub(super) enum Body {
    Empty,
    Json(JsonTemplate),
    Form(Vec<(String, Template)>),
    Multipart(Vec<(String, Template)>, Vec<FileField>),
}

#[derive(Debug)]
pub(super) struct FileField {
    pub(super) field: String,
    pub(super) name: Template,
    pub(super) upload: Upload,
}

#[derive(Debug)]
pub(super) struct Capture {
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) secret: bool,
}

#[derive(Debug)]
pub(super) enum Source {
    Json(String),
    Header(HeaderName),
    Cookie(String),
}

impl Step {
    /// Whether doing it leaves the service as it was, as far as its method promises.
    pub(super) fn is_read_only(&self) -> bool {
        match &self.action {
            Action::Request(request) => request.method.is_safe(),
            Action::Exec { .. } => false,
            Action::Handshake(_) => true,
        }
    }
}

/// The names under which the hashes and the size of an uploaded file are known.
pub(super) fn file_variables(field: &str) -> [String; 3] {
    ["sha256", "blake3", "size"].map(|fact| format!("files.{field}.{fact}"))
}

/// One step for each of its requests; one alone for a command or a handshake.
pub(super) fn compile_steps(
    step: &spec::Step,
    label: &str,
    place: Place<'_>,
    scope: &mut Scope<'_>,
) -> Result<Vec<Step>> {
    let lines = step.request.as_ref().map(OneOrMany::as_slice);
    if lines.is_some_and(<[String]>::is_empty) {
        return Err(place.usage("has an empty list of requests"));
    }
    let lines = lines.map_or_else(|| vec![None], |lines| lines.iter().map(Some).collect());
    lines.into_iter().map(|line| compile_step(step, line, label.to_owned(), place, scope)).collect()
}

fn compile_step(
    step: &spec::Step,
    line: Option<&String>,
    label: String,
    place: Place<'_>,
    scope: &mut Scope<'_>,
) -> Result<Step> {
    let action = match (line, &step.exec, step.handshake) {
        (Some(request), None, None) => compile_request(request, step, place, scope)?,
        (None, Some(command), None) => compile_exec(command, step, place, scope)?,
        (None, None, Some(version)) => Action::Handshake(version),
        (None, None, None) => {
            return Err(place.usage("does nothing").hint("give it request, exec or handshake"));
        }
        _ => {
            return Err(place
                .usage("has several of request, exec and handshake")
                .hint("make a step of each"));
        }
    };
    for field in step.files.keys() {
        for name in file_variables(field) {
            scope.make(name, place)?;
        }
    }
    let expect = compile_expect(step, place, scope)?;
    let until = bounded(step.until_s, "until_s", place)?;
    if let (Some(_), Action::Request(request)) = (until, &action)
        && !request.method.is_safe()
    {
        return Err(place
            .usage("repeats a request that changes the service")
            .hint("until_s belongs to a GET in a step of its own"));
    }
    let captures = step
        .capture
        .iter()
        .map(|(name, capture)| compile_capture(name, capture, place, scope))
        .collect::<Result<_>>()?;
    let timeout = bounded(step.timeout_s, "timeout_s", place)?;
    Ok(Step { label, action, timeout, until, expect, captures })
}

fn bounded(seconds: Option<u64>, key: &str, place: Place<'_>) -> Result<Option<Duration>> {
    match seconds {
        Some(0) => Err(place.usage(format!("{key} must be at least 1"))),
        Some(seconds) if seconds > WAIT_MAX_S => {
            Err(place.usage(format!("{key} must be at most {WAIT_MAX_S}")))
        }
        other => Ok(other.map(Duration::from_secs)),
    }
}

fn compile_request(
    line: &str,
    step: &spec::Step,
    place: Place<'_>,
    scope: &mut Scope<'_>,
) -> Result<Action> {
    let malformed = || {
        place
            .usage(format!("\"{line}\" is no request"))
            .hint("write a method and a path, such as \"GET /api/health/\"")
    };
    let (method, path) = line.trim().split_once(' ').ok_or_else(malformed)?;
    let path = path.trim_start();
    let known = matches!(
        method,
        "GET" | "HEAD" | "OPTIONS" | "POST" | "PUT" | "PATCH" | "DELETE" | "TRACE"
    );
    if !known || !(path.starts_with('/') || path.starts_with("{{")) {
        return Err(malformed());
    }
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| malformed())?;
    let headers = step
        .headers
        .iter()
        .map(|(name, value)| Ok((place.header_name(name)?, scope.template(value, place)?)))
        .collect::<Result<_>>()?;
    Ok(Action::Request(Box::new(Request {
        method,
        scheme: step.scheme,
        path: scope.template(path, place)?,
        headers,
        body: compile_body(step, place, scope)?,
        follow: step.follow,
    })))
}

fn compile_body(step: &spec::Step, place: Place<'_>, scope: &mut Scope<'_>) -> Result<Body> {
    if step.json.is_some() && !(step.form.is_empty() && step.files.is_empty()) {
        return Err(place.usage("sends json beside form or files").hint("send one of them"));
    }
    if let Some(value) = &step.json {
        let json = JsonTemplate::parse(value).map_err(|wrong| place.usage(wrong))?;
        scope.check(json.names(), place)?;
        return Ok(Body::Json(json));
    }
    let fields = step
        .form
        .iter()
        .map(|(name, value)| Ok((name.clone(), scope.template(value, place)?)))
        .collect::<Result<Vec<_>>>()?;
    let files = step
        .files
        .iter()
        .map(|(field, upload)| {
            if !(1..=PAGES_MAX).contains(&upload.pages.unwrap_or(1)) {
                return Err(place.usage(format!("a file has 1 to {PAGES_MAX} pages")));
            }
            let name = scope.template(&upload.name, place)?;
            Ok(FileField { field: field.clone(), name, upload: upload.clone() })
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(match (fields.is_empty(), files.is_empty()) {
        (_, false) => Body::Multipart(fields, files),
        (false, true) => Body::Form(fields),
        (true, true) => Body::Empty,
    })
}

fn compile_exec(
    command: &spec::Command,
    step: &spec::Step,
    place: Place<'_>,
    scope: &mut Scope<'_>,
) -> Result<Action> {
    let sends = step.json.is_some()
        || !step.form.is_empty()
        || !step.files.is_empty()
        || !step.headers.is_empty()
        || step.scheme.is_some()
        || step.follow;
    if sends {
        return Err(place.usage("sends something, which a command cannot"));
    }
    if command.command.is_empty() {
        return Err(place.usage("has an empty command"));
    }
    let argv =
        command.command.iter().map(|word| scope.template(word, place)).collect::<Result<_>>()?;
    Ok(Action::Exec { service: command.service.clone(), argv })
}

fn compile_expect(
    step: &spec::Step,
    place: Place<'_>,
    scope: &mut Scope<'_>,
) -> Result<Expectations> {
    let expect = &step.expect;
    let mut list = Vec::new();
    if let Some(status) = &expect.status {
        let ranges = status.as_slice().iter().map(|pattern| status_range(pattern, place));
        list.push(Expectation::Status(ranges.collect::<Result<_>>()?));
    }
    list.extend(expect.exit_code.map(Expectation::ExitCode));
    list.extend(expect.refused.map(Expectation::Refused));
    for (name, value) in &expect.header {
        let value = scope.template(value, place)?;
        list.push(Expectation::HeaderIs(place.header_name(name)?, value));
    }
    for (name, parts) in &expect.header_contains {
        for part in templates(parts, place, scope)? {
            list.push(Expectation::HeaderContains(place.header_name(name)?, part));
        }
    }
    for name in &expect.header_absent {
        list.push(Expectation::HeaderAbsent(place.header_name(name)?));
    }
    if let Some(types) = &expect.content_type {
        list.push(Expectation::ContentType(templates(types, place, scope)?));
    }
    compile_body_expect(expect, place, scope, &mut list)?;
    check_expectations(step, &list, place)?;
    Ok(Expectations(list))
}

fn compile_body_expect(
    expect: &spec::Expect,
    place: Place<'_>,
    scope: &mut Scope<'_>,
    list: &mut Vec<Expectation>,
) -> Result<()> {
    if let Some(parts) = &expect.contains {
        list.extend(templates(parts, place, scope)?.into_iter().map(Expectation::Contains));
    }
    if let Some(parts) = &expect.lacks {
        list.extend(templates(parts, place, scope)?.into_iter().map(Expectation::Lacks));
    }
    for pointer in &expect.json_exists {
        list.push(Expectation::JsonExists(json_pointer(pointer, place)?));
    }
    for pointer in &expect.json_not_null {
        list.push(Expectation::JsonNotNull(json_pointer(pointer, place)?));
    }
    for (pointer, value) in &expect.json {
        let value = JsonTemplate::parse(value).map_err(|wrong| place.usage(wrong))?;
        scope.check(value.names(), place)?;
        list.push(Expectation::JsonIs(json_pointer(pointer, place)?, value));
    }
    if let Some(hash) = &expect.sha256 {
        list.push(Expectation::Sha256(hash_template(hash, place, scope)?));
    }
    if let Some(hash) = &expect.blake3 {
        list.push(Expectation::Blake3(hash_template(hash, place, scope)?));
    }
    if let Some(size) = &expect.size {
        let text = match size {
            Number::Literal(size) => size.to_string(),
            Number::Template(text) => text.clone(),
        };
        list.push(Expectation::Size(scope.template(&text, place)?));
    }
    Ok(())
}

fn check_expectations(step: &spec::Step, list: &[Expectation], place: Place<'_>) -> Result<()> {
    if list.is_empty() {
        return Err(place
            .usage("expects nothing, so it cannot fail")
            .hint("add expect, such as expect.status = 200"));
    }
    let for_command = |expectation: &Expectation| {
        matches!(
            expectation,
            Expectation::ExitCode(_) | Expectation::Contains(_) | Expectation::Lacks(_)
        )
    };
    if step.handshake.is_some() != step.expect.refused.is_some()
        || (step.handshake.is_some() && list.len() > 1)
    {
        return Err(place
            .usage("expects what does not go with it: a handshake is refused, or is not")
            .hint("write handshake = \"1.1\" with expect.refused = true, and nothing else"));
    }
    if step.exec.is_some() {
        if step.expect.exit_code.is_none() {
            return Err(place
                .usage("runs a command without saying how it must end")
                .hint("add expect.exit_code = 0"));
        }
        if !list.iter().all(for_command) || !step.capture.is_empty() {
            return Err(place
                .usage("expects of a command what only an answer has")
                .hint("a command has exit_code, contains and lacks"));
        }
    } else if step.expect.exit_code.is_some() {
        return Err(place.usage("expects an exit code of a request"));
    }
    Ok(())
}

fn templates(
    texts: &OneOrMany<String>,
    place: Place<'_>,
    scope: &mut Scope<'_>,
) -> Result<Vec<Template>> {
    texts.as_slice().iter().map(|text| scope.template(text, place)).collect()
}

fn status_range(pattern: &StatusPattern, place: Place<'_>) -> Result<StatusRange> {
    let wrong = |text: &str| {
        place
            .usage(format!("\"{text}\" is no status"))
            .hint("write 200, \"2xx\" or a list of these")
    };
    match pattern {
        StatusPattern::Code(code @ 100..=599) => Ok(StatusRange { first: *code, last: *code }),
        StatusPattern::Code(code) => Err(wrong(&code.to_string())),
        StatusPattern::Class(class) => match class.as_bytes() {
            [digit @ b'1'..=b'5', b'x', b'x'] => {
                let first = u16::from(digit - b'0') * 100;
                Ok(StatusRange { first, last: first + 99 })
            }
            _ => Err(wrong(class)),
        },
    }
}

fn json_pointer(pointer: &str, place: Place<'_>) -> Result<String> {
    if pointer.is_empty() || pointer.starts_with('/') {
        return Ok(pointer.to_owned());
    }
    Err(place
        .usage(format!("\"{pointer}\" is no JSON pointer"))
        .hint(format!("write \"/{}\"", pointer.replace('.', "/"))))
}

fn hash_template(text: &str, place: Place<'_>, scope: &mut Scope<'_>) -> Result<Template> {
    let template = scope.template(text, place)?;
    let is_hash = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if template.is_literal() && !is_hash {
        return Err(place.usage("expects a hash that is not 64 hexadecimal digits"));
    }
    Ok(template)
}

fn compile_capture(
    name: &str,
    capture: &spec::Capture,
    place: Place<'_>,
    scope: &mut Scope<'_>,
) -> Result<Capture> {
    let source = match (&capture.json, &capture.header, &capture.cookie) {
        (Some(pointer), None, None) => Source::Json(json_pointer(pointer, place)?),
        (None, Some(header), None) => Source::Header(place.header_name(header)?),
        (None, None, Some(cookie)) => Source::Cookie(cookie.clone()),
        _ => {
            return Err(place
                .usage(format!("captures \"{name}\" from none or several places"))
                .hint("give exactly one of json, header and cookie"));
        }
    };
    scope.make(name.to_owned(), place)?;
    let secret = match &source {
        Source::Cookie(_) => true,
        Source::Header(header) => sounds_secret(name) || sounds_secret(header.as_str()),
        Source::Json(pointer) => sounds_secret(name) || sounds_secret(pointer),
    };
    Ok(Capture { name: name.to_owned(), source, secret })
}
