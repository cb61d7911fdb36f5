//! Keys without which what is restored cannot be read, and which no volume holds.

use std::collections::BTreeMap;

use super::Warning;
use crate::detect::facts::Facts;

/// Parts of names of keys that encrypt what is stored. Keys that only sign are none of these:
/// without them, people sign in again.
const ENCRYPTS: [&str; 19] = [
    "ENC_KEY",
    "CRYPTOKEY",
    "ENCRYPTION_KEY",
    "ENCRYPT_KEY",
    "ENCRYPTIONKEY",
    "CRYPT_KEY",
    "CRYPTO_KEY",
    "CIPHER_KEY",
    "MASTER_KEY",
    "MASTERKEY",
    "FERNET_KEY",
    "AES_KEY",
    "VAULT_KEY",
    "SECRETS_KEY",
    "DB_KEY_BASE",
    "SECRET_KEY_BASE",
    "OTP_SECRET",
    "PASSPHRASE",
    "ACTIVE_RECORD_ENCRYPTION",
];

/// Whole names of which the parts do not say it.
const NAMES: [&str; 4] = ["APP_KEY", "RESTIC_PASSWORD", "BACKUP_PASSWORD", "KOPIA_PASSWORD"];

/// Keys that encrypt data and stand in the environment alone.
pub(super) fn not_held(facts: &Facts<'_>) -> Vec<Warning> {
    let mut users = BTreeMap::<String, Vec<&str>>::new();
    for service in facts.services() {
        for (variable, value) in service.own_environment() {
            if !value.trim().is_empty() && encrypts(&variable) {
                users.entry(variable).or_default().push(service.name);
            }
        }
    }
    users
        .iter()
        .map(|(variable, services)| {
            let (first, all) = (services[0], services.join(", "));
            Warning::new(
                "secret-not-held",
                first,
                format!(
                    "services.{first}.environment.{variable}: {all} encrypts with it, and it stands in the environment alone: a backup of database and volumes does not hold it, and what comes back cannot be read without it"
                ),
                format!("keep {variable} with the backup, or where it outlives this host; a drill uses the value that the stack has now"),
            )
        })
        .collect()
}

fn encrypts(variable: &str) -> bool {
    let name = variable.to_uppercase();
    // A path is no key: the file that it names may lie in a volume.
    let is_path = name.ends_with("_FILE") || name.ends_with("_PATH") || name.ends_with("_ENABLED");
    !is_path && (NAMES.contains(&name.as_str()) || ENCRYPTS.iter().any(|part| name.contains(part)))
}
