//! Certificates that this host trusts beyond the public ones, such as those of a company's
//! proxy: without them a build could not reach any archive through it.
//!
//! Public roots are left out where the host lists them apart (Debian, Ubuntu), so that an
//! update of theirs does not build every image again.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;

use crate::error::{Attempt, Result};
use crate::model::event::Events;

/// Variables by which programs are told of a bundle of certificates.
const VARIABLES: [&str; 5] =
    ["SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"];

/// Where an administrator adds certificates, one a file (update-ca-certificates(8)).
const ADDED_DIR: &str = "/usr/local/share/ca-certificates";
/// Where the package `ca-certificates` puts the public roots, one a file.
const PUBLIC_DIR: &str = "/usr/share/ca-certificates/mozilla";

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Writes the host's own certificates into `dir`, one a file, named by digest.
pub(super) fn stage(dir: &Path, events: &Events) -> Result<()> {
    fs::create_dir_all(dir).attempt(|| format!("cannot create {}", dir.display()))?;
    for body in of_host(events) {
        let digest = blake3::hash(body.as_bytes()).to_hex();
        let file = dir.join(format!("{}.crt", &digest[..16]));
        fs::write(&file, pem(&body)).attempt(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

fn of_host(events: &Events) -> BTreeSet<String> {
    let named = VARIABLES.into_iter().filter_map(|name| Some((name, env::var_os(name)?)));
    let mut found = BTreeSet::new();
    let mut read = BTreeSet::new();
    for (name, file) in named.filter(|(_, file)| !file.is_empty()) {
        if !read.insert(file.clone()) {
            continue;
        }
        match fs::read_to_string(&file) {
            Ok(text) => found.extend(bodies(&text)),
            Err(cause) => {
                events.note(format!("{name} names {}: {cause}", Path::new(&file).display()));
            }
        }
    }
    found.extend(in_folder(Path::new(ADDED_DIR)));
    let public = in_folder(Path::new(PUBLIC_DIR));
    found.difference(&public).cloned().collect()
}

fn in_folder(dir: &Path) -> BTreeSet<String> {
    let files = walkdir::WalkDir::new(dir).into_iter().filter_map(Result::ok);
    let files = files
        .map(walkdir::DirEntry::into_path)
        .filter(|path| path.extension().is_some_and(|extension| extension == "crt"));
    files.filter_map(|path| fs::read_to_string(path).ok()).flat_map(|text| bodies(&text)).collect()
}

/// The base64 body of each certificate in a bundle, without white space: what identifies it.
fn bodies(bundle: &str) -> BTreeSet<String> {
    bundle
        .split(BEGIN)
        .skip(1)
        .filter_map(|rest| rest.split_once(END))
        .map(|(body, _)| body.split_whitespace().collect())
        .collect()
}

fn pem(body: &str) -> String {
    let mut text = format!("{BEGIN}\n");
    // Base64 is ASCII; anything else in a body would only be refused later, by name.
    for line in body.chars().collect::<Vec<_>>().chunks(64) {
        text.extend(line);
        text.push('\n');
    }
    text.push_str(END);
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_split_and_repeated_certificates_count_once() {
        let bundle = format!(
            "# first\n{BEGIN}\nAAAA\nBBBB\n{END}\n\n{BEGIN}\r\nCCCC\r\n{END}\r\n{BEGIN}\nAAAABBBB\n{END}"
        );
        let found = bodies(&bundle).into_iter().collect::<Vec<_>>();
        assert_eq!(found, ["AAAABBBB", "CCCC"]);
    }

    #[test]
    fn a_certificate_cut_short_is_left_out() {
        assert!(bodies(&format!("{BEGIN}\nAAAA\n")).is_empty());
    }

    #[test]
    fn a_certificate_is_written_as_it_was_read() {
        let body = "x".repeat(130);
        let text = pem(&body);
        assert_eq!(text.lines().map(str::len).max(), Some(64));
        assert_eq!(bodies(&text).into_iter().collect::<Vec<_>>(), [body]);
    }
}
