//! What one journey knows: its cookies, the facts, and the values captured on the way.
//! Turns steps into requests, takes values from answers, and hides secrets in texts.

use std::sync::Arc;

use reqwest::Url;
use reqwest::cookie::{CookieStore, Jar};
use reqwest::header::{HeaderMap, ORIGIN, REFERER};
use serde_json::Value;
use uuid::Uuid;

use super::connection::{Connection, Observation, Outgoing, OutgoingBody, header_value};
use super::expect::{View, sha256};
use super::fault::Fault;
use super::journey::CsrfHeader;
use super::scope::UNIQUE;
use super::secrets::Secrets;
use super::step::{Action, Body, Capture, FileField, Request, Source, file_variables};
use super::template::{Template, Variables, scalar_text};
use super::upload::{self, GeneratedFile};
use crate::config::probe::OldTls;

/// Cookies and values of one journey.
pub(super) struct Session<'a> {
    connection: &'a Connection,
    csrf: Option<&'a CsrfHeader>,
    unique: String,
    pub(super) jar: Jar,
    pub(super) variables: Variables,
}

/// A step with all values filled in. Every attempt at it is the same.
pub(super) struct Ready {
    /// How messages and traces name it, without secrets.
    pub(super) name: String,
    pub(super) deed: Deed,
}

pub(super) enum Deed {
    Request(Box<Outgoing>),
    Exec { service: String, argv: Vec<String> },
    Handshake(OldTls),
}

impl<'a> Session<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        variables: &Variables,
        csrf: Option<&'a CsrfHeader>,
    ) -> Self {
        let unique = Uuid::new_v4().simple().to_string();
        let mut variables = variables.clone();
        variables.set(UNIQUE, unique.clone());
        Self { connection, csrf, unique, jar: Jar::default(), variables }
    }

    pub(super) fn ready(&mut self, action: &Action) -> Result<Ready, Fault> {
        match action {
            Action::Request(request) => {
                let name = format!("{} {}", request.method, self.shown(&request.path)?);
                Ok(Ready { name, deed: Deed::Request(Box::new(self.outgoing(request)?)) })
            }
            Action::Exec { service, argv } => {
                let shown = argv.iter().map(|word| self.shown(word));
                let shown: Vec<String> = shown.collect::<Result<_, _>>()?;
                let argv = argv.iter().map(|word| self.text(word)).collect::<Result<_, _>>()?;
                Ok(Ready {
                    name: format!("exec {service}: {}", shown.join(" ")),
                    deed: Deed::Exec { service: service.clone(), argv },
                })
            }
            Action::Handshake(version) => Ok(Ready {
                name: format!("handshake of {}", version.name()),
                deed: Deed::Handshake(*version),
            }),
        }
    }

    fn outgoing(&mut self, request: &Request) -> Result<Outgoing, Fault> {
        let path = request.path.render_path(&self.variables);
        let path = path.map_err(|name| Fault::without_value(&name))?;
        let url = self.connection.url(request.scheme, &path)?;
        let headers = self.headers(request, &url)?;
        let body = self.body(&request.body)?;
        let (method, follow) = (request.method.clone(), request.follow);
        Ok(Outgoing { method, url, headers, body, follow })
    }

    fn headers(&self, request: &Request, url: &Url) -> Result<HeaderMap, Fault> {
        let mut headers = HeaderMap::new();
        if let Some(csrf) = self.csrf.filter(|_| !request.method.is_safe()) {
            headers.insert(ORIGIN, header_value(&url.origin().ascii_serialization())?);
            headers.insert(REFERER, header_value(url.as_str())?);
            if let Some(token) = self.cookie(&csrf.cookie, url) {
                headers.insert(csrf.header.clone(), header_value(&token)?);
            }
        }
        for (name, value) in &request.headers {
            headers.insert(name.clone(), header_value(&self.text(value)?)?);
        }
        Ok(headers)
    }

    fn body(&mut self, body: &Body) -> Result<OutgoingBody, Fault> {
        Ok(match body {
            Body::Empty => OutgoingBody::Empty,
            Body::Json(json) => OutgoingBody::Json(
                json.render(&self.variables).map_err(|name| Fault::without_value(&name))?,
            ),
            Body::Form(fields) => OutgoingBody::Form(self.fields(fields)?),
            Body::Multipart(fields, files) => {
                let files: Vec<GeneratedFile> =
                    files.iter().map(|file| self.file(file)).collect::<Result<_, _>>()?;
                OutgoingBody::Multipart(self.fields(fields)?, Arc::from(files))
            }
        })
    }

    fn fields(&self, fields: &[(String, Template)]) -> Result<Vec<(String, String)>, Fault> {
        fields.iter().map(|(name, value)| Ok((name.clone(), self.text(value)?))).collect()
    }

    /// Makes a file, and its hashes and size known to expectations.
    fn file(&mut self, file: &FileField) -> Result<GeneratedFile, Fault> {
        let upload = &file.upload;
        let bytes = upload::generate(upload.content, upload.pages.unwrap_or(1), &self.unique);
        let facts =
            [sha256(&bytes), blake3::hash(&bytes).to_hex().to_string(), bytes.len().to_string()];
        for (name, fact) in file_variables(&file.field).into_iter().zip(facts) {
            self.variables.set(name, fact);
        }
        Ok(GeneratedFile {
            field: file.field.clone(),
            name: self.text(&file.name)?,
            media_type: upload::media_type(upload),
            bytes,
        })
    }

    /// Takes a value from an answer; a value that is not there refutes the step.
    pub(super) fn capture(
        &mut self,
        capture: &Capture,
        seen: &Observation,
        ready: &Ready,
    ) -> Result<(), Fault> {
        let value = match (&capture.source, &ready.deed) {
            (Source::Json(pointer), _) => {
                let (variables, secrets) = (&self.variables, &self.secrets());
                Some(View { seen, variables, secrets }.at(pointer)?)
            }
            (Source::Header(name), _) => {
                let value = seen.headers.get(name);
                value.and_then(|value| value.to_str().ok()).map(Value::from)
            }
            (Source::Cookie(name), Deed::Request(request)) => {
                self.cookie(name, &request.url).map(Value::from)
            }
            (Source::Cookie(_), Deed::Exec { .. } | Deed::Handshake(_)) => None,
        };
        match value {
            Some(value) if !value.is_null() && !scalar_text(&value).is_empty() => {
                if capture.secret {
                    self.variables.set_secret(&capture.name, value);
                } else {
                    self.variables.set(&capture.name, value);
                }
                Ok(())
            }
            _ => Err(Fault::refuted(format!("nothing to capture as {}", capture.name))),
        }
    }

    /// The cookie that a front end would have copied into a header, if it is not there.
    pub(super) fn missing_csrf_cookie(&self, ready: &Ready) -> Option<&str> {
        let (csrf, Deed::Request(request)) = (self.csrf?, &ready.deed) else { return None };
        let missing =
            !request.method.is_safe() && self.cookie(&csrf.cookie, &request.url).is_none();
        missing.then_some(&csrf.cookie)
    }

    fn shown(&self, template: &Template) -> Result<String, Fault> {
        template.render_shown(&self.variables).map_err(|name| Fault::without_value(&name))
    }

    fn text(&self, template: &Template) -> Result<String, Fault> {
        template.render(&self.variables).map_err(|name| Fault::without_value(&name))
    }

    /// The value of a cookie that would be sent to `url`.
    fn cookie(&self, name: &str, url: &Url) -> Option<String> {
        self.cookies(url).into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    fn cookies(&self, url: &Url) -> Vec<(String, String)> {
        let header = self.jar.cookies(url);
        let pairs = header.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default();
        pairs
            .split("; ")
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// What messages about this journey must not show: secret values, and every cookie.
    pub(super) fn secrets(&self) -> Secrets {
        let url = self.connection.url(None, "/");
        let cookies = url.map_or_else(|_| Vec::new(), |url| self.cookies(&url));
        let cookies = cookies.into_iter().map(|(name, value)| (format!("cookie {name}"), value));
        Secrets::new(self.variables.secrets().chain(cookies))
    }
}
