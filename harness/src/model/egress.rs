//! What a sandbox tried to send: each attempt at an outside name, as the sink saw it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::printable::printable;

/// What a drill saw of attempts to reach outside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Egress {
    /// Each distinct attempt, those after the restore first.
    pub attempts: Vec<Attempt>,
    /// Attempts beyond the sink's bound, of which nothing more is known.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped: u64,
}

/// When something was attempted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// By what was restored.
    After,
    /// Before the restore began.
    Before,
}

/// How far an attempt came, and in which protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// The name was asked for, and nothing connected to it over TCP.
    Dns,
    /// Something connected, and spoke nothing that is known.
    Tcp,
    /// Mail.
    Smtp,
    /// HTTP.
    Http,
    /// TLS, of which only the beginning is seen.
    Tls,
}

/// Something that a service tried to do outside. No content and no credential is part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attempt {
    /// When.
    pub when: When,
    /// The service that did; an address or a container's name where none is known.
    pub source: String,
    /// In which protocol.
    pub protocol: Protocol,
    /// The name that was asked for. Absent for a connection to an address that no name stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The port that was connected to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Of a mail, who it is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// Of a mail, who it is for: the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// Of a mail, how many more it is for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: u64,
    /// The method of a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The host that a request names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The path of a request, without its query; parts that look like keys are `…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The name that a TLS client asks the certificate of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sni: Option<String>,
    /// How often.
    pub count: u64,
    /// Whether `[egress] expected` has it.
    pub expected: bool,
}

impl Attempt {
    /// An attempt at a name, expected by nobody.
    pub fn new(
        when: When,
        source: impl Into<String>,
        protocol: Protocol,
        name: impl Into<String>,
    ) -> Self {
        Self {
            when,
            source: source.into(),
            protocol,
            name: Some(name.into()),
            port: None,
            sender: None,
            to: Vec::new(),
            more: 0,
            method: None,
            host: None,
            path: None,
            sni: None,
            count: 1,
            expected: false,
        }
    }

    /// The name that it is for, as far as that is known.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        let names = [&self.name, &self.sni, &self.host];
        names.into_iter().find_map(|name| name.as_deref())
    }
}

/// `shop: mail from a@example.org for b@example.org to smtp.example.org:25, 2 times`.
impl fmt::Display for Attempt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: ", printable(&self.source))?;
        let text = |it: &Option<String>| printable(it.as_deref().unwrap_or_default()).into_owned();
        let what = match self.protocol {
            Protocol::Dns => "asked for".to_owned(),
            Protocol::Tcp => "connection to".to_owned(),
            Protocol::Tls => "TLS to".to_owned(),
            Protocol::Http if self.path.is_none() => format!("{} to", text(&self.method)),
            Protocol::Http => format!("{} {} at", text(&self.method), text(&self.path)),
            Protocol::Smtp if self.to.is_empty() => "mail, none sent, to".to_owned(),
            Protocol::Smtp => {
                let more =
                    if self.more > 0 { format!(" and {} more", self.more) } else { String::new() };
                let to = self.to.join(", ");
                format!("mail from {} for {}{more} to", text(&self.sender), printable(&to))
            }
        };
        write!(out, "{what}")?;
        write!(out, " {}", printable(self.target().unwrap_or("an address")))?;
        if let Some(port) = self.port {
            write!(out, ":{port}")?;
        }
        if self.count > 1 { write!(out, ", {} times", self.count) } else { Ok(()) }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
