//! The image that a service ran: its name says what was asked for, its id what that was.

use serde::{Deserialize, Serialize};

/// The image that a service runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ImageRecord {
    /// As the stack names it: `postgres:16`. For an image that the drill built, its own name.
    pub reference: String,
    /// Digest of its configuration: the same content has the same id on every engine.
    pub id: String,
    /// Digest in its registry, with the repository: `postgres@sha256:…`. None for one that was
    /// never pushed or pulled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// A name that means another image than it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedImage {
    /// Service that runs the image.
    pub service: String,
    /// What the name meant before.
    pub was: ImageRecord,
    /// What it means now; none if the engine has no such image any more.
    pub is: Option<ImageRecord>,
}
