//! How an application shows that nobody ever set it up. The tables are data; the rules are pure.

use super::markup::Markup;

/// Where applications send everybody until they are set up, and whose it is. A path ends there,
/// or goes on below it.
const WIZARDS: [(&str, &str); 22] = [
    ("/wp-admin/install.php", "WordPress"),
    ("/wp-admin/setup-config.php", "WordPress"),
    ("/core/install", "Drupal"),
    ("/core/install.php", "Drupal"),
    ("/installation/index.php", "Joomla"),
    ("/finish-installation", "Discourse"),
    ("/if/flow/initial-setup", "authentik"),
    ("/ghost/setup", "Ghost"),
    ("/admin_console/create-team", "Mattermost"),
    ("/web/database/manager", "Odoo"),
    ("/web/database/selector", "Odoo"),
    ("/setup-database", "Uptime Kuma"),
    ("/install.html", "AdGuard Home"),
    ("/welcome", "a first run"),
    ("/install", "an installation"),
    ("/install.php", "an installation"),
    ("/installer", "an installation"),
    ("/setup", "a first set-up"),
    ("/setup.php", "a first set-up"),
    ("/initial-setup", "a first set-up"),
    ("/wizard", "a first set-up"),
    ("/onboarding", "an onboarding"),
];

/// What a page says, in its title, headings or buttons, only while nobody owns the service.
const SIGNS: [&str; 37] = [
    "admin registration",
    "complete the initial setup",
    "congratulations, you installed",
    "create admin account",
    "create admin user",
    "create administrator account",
    "create an admin",
    "create an administrator",
    "create initial user",
    "create the admin",
    "create the administrator",
    "create the first",
    "create the initial",
    "create your admin",
    "create your administrator",
    "create your first account",
    "create your first user",
    "database setup",
    "finish setup",
    "first run wizard",
    "first-run wizard",
    "initial configuration",
    "initial set-up",
    "initial setup",
    "installation wizard",
    "no database selected",
    "register admin",
    "register your administrator",
    "run the installation",
    "set up admin account",
    "set up your admin",
    "set up your first",
    "setup admin account",
    "setup wizard",
    "start the installation",
    "super admin",
    "the installation worked successfully",
];

/// Words of a title that mean it only where there is a form to fill in, or a wizard's path.
const WORDS: [&str; 8] = [
    "getting started",
    "install",
    "installation",
    "onboarding",
    "set up",
    "setup",
    "welcome",
    "wizard",
];

/// A question that a service of a known make answers to anybody.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tell {
    /// Its name as its pages' titles have it, in lower case.
    pub(super) product: &'static str,
    /// What to ask for.
    pub(super) path: &'static str,
    /// Where in the JSON the answer stands.
    pointer: &'static str,
    /// What it is as long as the service is empty.
    empty: Empty,
}

#[derive(Debug, PartialEq, Eq)]
enum Empty {
    True,
    False,
    Text(&'static str),
}

const fn tell(
    product: &'static str,
    path: &'static str,
    pointer: &'static str,
    empty: Empty,
) -> Tell {
    Tell { product, path, pointer, empty }
}

/// Services whose pages are drawn by scripts: the page of an empty one is the page of a full one,
/// and only what the script would ask shows it.
pub(super) const TELLS: [Tell; 17] = [
    tell("actual", "/account/needs-bootstrap", "/data/bootstrapped", Empty::False),
    tell("audiobookshelf", "/status", "/isInit", Empty::False),
    tell("beszel", "/api/beszel/first-run", "/firstRun", Empty::True),
    tell("ghost", "/ghost/api/admin/authentication/setup/", "/setup/0/status", Empty::False),
    tell("home assistant", "/api/onboarding", "/0/done", Empty::False),
    tell("immich", "/api/server/config", "/isInitialized", Empty::False),
    tell("jellyfin", "/System/Info/Public", "/StartupWizardCompleted", Empty::False),
    tell("kavita", "/api/Admin/exists", "", Empty::False),
    tell("komga", "/api/v1/claim", "/isClaimed", Empty::False),
    tell("mattermost", "/api/v4/config/client?format=old", "/NoAccounts", Empty::Text("true")),
    tell("mealie", "/api/app/about/startup-info", "/isFirstLogin", Empty::True),
    tell("metabase", "/api/session/properties", "/has-user-setup", Empty::False),
    tell("n8n", "/rest/settings", "/data/userManagement/showSetupOnFirstLoad", Empty::True),
    tell("nextcloud", "/status.php", "/installed", Empty::False),
    tell("nocodb", "/api/v1/meta/nocodb/info", "/firstUser", Empty::True),
    tell("open webui", "/api/config", "/onboarding", Empty::True),
    tell("overseerr", "/api/v1/settings/public", "/initialized", Empty::False),
];

/// What a redirect to this location says.
pub(super) fn of_redirect(location: Option<&str>) -> Option<String> {
    let location = location?;
    wizard(location).map(|whose| format!("it sends everybody to {location}, {whose}"))
}

/// What a page says of itself.
pub(super) fn of_page(path: &str, markup: &Markup) -> Option<String> {
    if let Some(sign) = SIGNS.iter().find(|sign| has_words(&markup.signs, sign)) {
        return Some(format!("it says \"{sign}\""));
    }
    let title = markup.title.as_deref()?.to_lowercase();
    // The word alone may be of a manual: there it has no form, or a path of its own.
    let asks = markup.has_form && (path == "/" || wizard(path).is_some() || markup.sign_up);
    let word = WORDS.iter().find(|word| asks && has_words(&title, word))?;
    Some(format!("it is a form with \"{word}\" in its title"))
}

/// The questions that a page with this title calls for.
pub(super) fn tells(title: Option<&str>) -> impl Iterator<Item = &'static Tell> {
    let title = title.unwrap_or_default().to_lowercase();
    TELLS.iter().filter(move |tell| has_words(&title, tell.product))
}

/// What the answer to such a question says.
pub(super) fn of_tell(tell: &Tell, body: &[u8]) -> Option<String> {
    let json: serde_json::Value = serde_json::from_slice(body).ok()?;
    let value = json.pointer(tell.pointer)?;
    let empty = match tell.empty {
        Empty::True => value == &serde_json::Value::Bool(true),
        Empty::False => value == &serde_json::Value::Bool(false),
        Empty::Text(text) => value == text,
    };
    let key = tell.pointer.rsplit('/').next().filter(|key| !key.is_empty());
    empty.then(|| format!("it says {} is {value}", key.unwrap_or("the answer")))
}

fn wizard(path: &str) -> Option<&'static str> {
    let path = path.trim_end_matches('/').to_ascii_lowercase();
    let found = WIZARDS
        .iter()
        .find(|(known, _)| path.ends_with(known) || path.contains(&format!("{known}/")));
    found.map(|(_, whose)| *whose)
}

/// Whether words stand in a text as whole ones.
fn has_words(text: &str, words: &str) -> bool {
    let apart = |character: Option<char>| !character.is_some_and(char::is_alphanumeric);
    text.match_indices(words).any(|(at, found)| {
        apart(text[..at].chars().next_back()) && apart(text[at + found.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::super::fetch::Place;
    use super::super::markup;
    use super::*;

    fn seen(path: &str, html: &str) -> Option<String> {
        of_page(path, &markup::read(html, &Place::at("http://app.test/")))
    }

    #[test]
    fn applications_that_were_never_set_up_are_recognised() {
        for (path, html) in [
            (
                "/wp-admin/install.php",
                "<title>WordPress &rsaquo; Installation</title><form action=install.php>\
                 <input name=weblog_title><input type=password name=p></form>",
            ),
            (
                "/",
                "<title>Nextcloud</title><legend>Create an <strong>admin account</strong></legend>",
            ),
            ("/", "<title>Installation - Gitea</title><h3>Initial Configuration</h3><form></form>"),
            ("/index.php", "<title>Matomo › Installation</title><h2>Installation wizard</h2>"),
            ("/register", "<title>Plausible</title><h2>Register your administrator account</h2>"),
            ("/", "<title>Discourse</title><h1>Congratulations, you installed Discourse!</h1>"),
            ("/", "<title>Setup</title><form><input name=a></form>"),
            ("/", "<h1>The installation worked successfully! Congratulations!</h1>"),
        ] {
            assert!(seen(path, html).is_some(), "{html}");
        }
    }

    #[test]
    fn pages_with_content_are_not() {
        for (path, html) in [
            ("/docs/install", "<title>Installation of our product</title><h1>How to install</h1>"),
            ("/", "<title>Welcome to the school</title><p>create an admin account in prose</p>"),
            ("/", "<title>Shop</title><form><input name=q></form><h1>Items</h1>"),
            ("/", "<title>Superadmin's blog</title><h2>Superadministrators</h2>"),
            ("/login", "<title>Sign in</title><form><input type=password></form>"),
        ] {
            assert_eq!(seen(path, html), None, "{html}");
        }
    }

    #[test]
    fn redirects_to_a_wizard_are_recognised_wherever_it_is_mounted() {
        for location in ["/wp-admin/install.php", "/blog/install/", "/setup/1", "/onboarding.html"]
        {
            let known = of_redirect(Some(location)).is_some();
            assert_eq!(known, location != "/onboarding.html", "{location}");
        }
        assert_eq!(of_redirect(Some("/installations")), None);
        assert_eq!(of_redirect(None), None);
    }

    #[test]
    fn what_a_script_would_ask_tells_an_empty_service() {
        let jellyfin = tells(Some("Jellyfin")).next().expect("a question");
        let answer = of_tell(jellyfin, br#"{"StartupWizardCompleted": false}"#);
        assert_eq!(answer.as_deref(), Some("it says StartupWizardCompleted is false"));
        assert_eq!(of_tell(jellyfin, br#"{"StartupWizardCompleted": true}"#), None);
        assert_eq!(of_tell(jellyfin, b"<html>"), None);
        assert_eq!(tells(Some("Actually, a blog")).count(), 0);
    }
}
