//! Generated files to upload: small, valid, and never the same twice. Pure.

use std::fmt::Write as _;

use crate::config::probe::{Content, Upload};

/// A file ready to be sent.
#[derive(Debug, Clone)]
pub(super) struct GeneratedFile {
    pub(super) field: String,
    pub(super) name: String,
    pub(super) media_type: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// The bytes that an upload asks for; `unique` makes them differ from any other's.
pub(crate) fn generate(content: Content, pages: u32, unique: &str) -> Vec<u8> {
    match content {
        Content::Pdf => pdf(pages, unique),
        Content::Text => format!("probe {unique}\n").into_bytes(),
    }
}

/// The media type sent with an upload.
pub(super) fn media_type(upload: &Upload) -> &'static str {
    match upload.content {
        Content::Pdf => "application/pdf",
        Content::Text => "text/plain",
    }
}

/// A valid PDF 1.4 (ISO 32000-1, 7.5): header, one object a line, cross-reference table
/// with exact offsets, trailer.
fn pdf(pages: u32, unique: &str) -> Vec<u8> {
    let kids: Vec<String> = (0..pages).map(|page| format!("{} 0 R", 3 + page)).collect();
    let kids = kids.join(" ");
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!("<< /Type /Pages /Kids [ {kids} ] /Count {pages} >>"),
    ];
    objects.extend((0..pages).map(|_| {
        "<< /Type /Page /Parent 2 0 R /MediaBox [ 0 0 595 842 ] /Resources << >> >>".to_owned()
    }));

    let mut text = format!("%PDF-1.4\n% probe {unique}\n");
    let mut offsets = Vec::new();
    for (number, object) in (1..).zip(&objects) {
        offsets.push(text.len());
        let _ = writeln!(text, "{number} 0 obj {object} endobj");
    }
    let table = text.len();
    let count = objects.len() + 1;
    let _ = writeln!(text, "xref\n0 {count}\n0000000000 65535 f ");
    for offset in offsets {
        let _ = writeln!(text, "{offset:010} 00000 n ");
    }
    let _ = write!(text, "trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n");
    text.into_bytes()
}
