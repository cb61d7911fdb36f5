//! Which addresses may be asked for. GET should change nothing (RFC 9110, 9.2.1), and some
//! applications delete by it all the same. Pure.

/// Words that, as a part of a path or of a query, say that something is done.
const DEEDS: [&str; 48] = [
    "accept",
    "activate",
    "add",
    "approve",
    "archive",
    "ban",
    "buy",
    "cancel",
    "checkout",
    "clear",
    "confirm",
    "deactivate",
    "delete",
    "destroy",
    "disable",
    "disconnect",
    "drop",
    "empty",
    "enable",
    "execute",
    "export",
    "flush",
    "import",
    "install",
    "invite",
    "kill",
    "like",
    "logoff",
    "logout",
    "purge",
    "reboot",
    "reject",
    "remove",
    "reset",
    "restart",
    "restore",
    "revoke",
    "run",
    "send",
    "shutdown",
    "signoff",
    "signout",
    "start",
    "stop",
    "subscribe",
    "trigger",
    "unsubscribe",
    "vote",
];

/// The same, however they are written together: `sign_out`, `doLogout`, `deleteItem`.
const DEEDS_WITHIN: [&str; 8] =
    ["delete", "destroy", "logoff", "logout", "remove", "signoff", "signout", "unsubscribe"];

/// Keys of a query that name a deed, whatever it is.
const KEYS_OF_DEEDS: [&str; 6] = ["action", "cmd", "command", "do", "op", "task"];

/// Keys of a query whose value is another one in every session.
const KEYS_OF_SESSIONS: [&str; 10] = [
    "csrf",
    "jsessionid",
    "nonce",
    "phpsessid",
    "session",
    "sessionid",
    "sid",
    "token",
    "wpnonce",
    "xsrf",
];

/// Names of files that are for keeping, not for looking at.
const DOWNLOADS: [&str; 22] = [
    "7z", "apk", "avi", "bin", "bz2", "deb", "dmg", "exe", "flac", "gz", "iso", "jar", "mkv",
    "mov", "mp3", "mp4", "msi", "rar", "rpm", "tar", "xz", "zip",
];

/// Whether asking for a path and its query has no side effect that its words tell of.
pub(super) fn is_harmless(path_and_query: &str) -> bool {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let file = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    if file.rsplit_once('.').is_some_and(|(_, kind)| DOWNLOADS.contains(&kind)) {
        return false;
    }
    // What a script or a style is called does nothing.
    let is_static = file.rsplit_once('.').is_some_and(|(_, kind)| {
        ["css", "js", "mjs", "png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "woff2"]
            .contains(&kind)
    });
    if !is_static && path.split('/').any(does) {
        return false;
    }
    query.split('&').all(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = key.trim_start_matches('_').to_ascii_lowercase();
        !KEYS_OF_DEEDS.contains(&key.as_str())
            && !KEYS_OF_SESSIONS.contains(&key.as_str())
            && !does(&key)
            && !does(value)
    })
}

/// Whether a part says that something is done.
fn does(part: &str) -> bool {
    let lower = part.to_ascii_lowercase();
    let squeezed: String = lower.chars().filter(char::is_ascii_alphanumeric).collect();
    DEEDS_WITHIN.iter().any(|deed| squeezed.contains(deed))
        || lower
            .split(|character: char| !character.is_alphanumeric())
            .any(|word| DEEDS.binary_search(&word).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_sorted() {
        assert!(DEEDS.is_sorted());
    }

    #[test]
    fn what_does_something_is_not_asked_for() {
        for path in [
            "/logout",
            "/accounts/sign_out/",
            "/users/3/delete",
            "/doLogout",
            "/deleteItem?id=3",
            "/item?action=show",
            "/item?do=x",
            "/vote/7",
            "/cart/add/3",
            "/newsletter/unsubscribe",
            "/backup.zip",
            "/x?sid=abc",
            "/x?_wpnonce=1",
            "/run/now",
            "/password/reset",
        ] {
            assert!(!is_harmless(path), "{path}");
        }
    }

    #[test]
    fn what_only_shows_is() {
        for path in [
            "/",
            "/address/3",
            "/items?page=2",
            "/static/remove-button.js",
            "/blog/voters-guide",
            "/login",
            "/startups",
            "/index.php?p=12",
            "/media/plan.pdf",
        ] {
            assert!(is_harmless(path), "{path}");
        }
    }
}
