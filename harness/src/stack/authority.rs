//! A certificate authority that lives as long as a run: it signs the certificate of a sealed
//! stack, probes trust it and nobody else does. Its own key is never written down.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PublicKeyData as _,
};

use crate::error::{Attempt, Result};

/// Long enough for any run; short, because nobody should come to depend on it.
const VALID_DAYS: i64 = 60;

/// Writes `fullchain.pem` and `privkey.pem` for `host` into `dir`, which it makes, and gives
/// back the authority's certificate in PEM.
pub fn issue(dir: &Path, host: &str) -> Result<String> {
    issue_until(dir, host, VALID_DAYS)
}

/// As [`issue`], with a certificate that ends in so many days; it may have ended already.
pub fn issue_until(dir: &Path, host: &str, days: i64) -> Result<String> {
    let authority = authority()?;
    let key = KeyPair::generate().attempt(|| "cannot make a key")?;
    let mut params = CertificateParams::new(vec![host.to_owned()])
        .attempt(|| format!("cannot make a certificate for {host:?}"))?;
    params.distinguished_name.push(DnType::CommonName, host);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    valid(&mut params, days);
    let certificate =
        params.signed_by(&key, &authority).attempt(|| "cannot sign the certificate")?;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.attempt(|| format!("cannot create {}", dir.display()))?;
    write(&dir.join("fullchain.pem"), &certificate.pem())?;
    write(&dir.join("privkey.pem"), &key.serialize_pem())?;
    Ok(authority.pem())
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>> {
    let key = KeyPair::generate().attempt(|| "cannot make a key")?;
    let mut params = CertificateParams::default();
    // Browsers tell authorities apart by name.
    let id = u32::from_be_bytes([0, 1, 2, 3].map(|at| key.der_bytes()[at + 8]));
    params.distinguished_name.push(DnType::CommonName, format!("restore drill {id:08x}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid(&mut params, VALID_DAYS);
    CertifiedIssuer::self_signed(params, key).attempt(|| "cannot make a certificate authority")
}

/// From yesterday on, or the day before the end: clocks of containers and hosts differ.
fn valid(params: &mut CertificateParams, days: i64) {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let day = |days: i64| {
        let date = today.saturating_add(days.days());
        rcgen::date_time_ymd(
            date.year().into(),
            date.month().unsigned_abs(),
            date.day().unsigned_abs(),
        )
    };
    params.not_before = day((days - 1).min(-1));
    params.not_after = day(days);
}

fn write(path: &Path, text: &str) -> Result<()> {
    let mut options = fs::OpenOptions::new();
    let opened = options.create(true).truncate(true).write(true).mode(0o600).open(path);
    opened
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .attempt(|| format!("cannot write {}", path.display()))
}
