//! What must not be shown: secret facts, captured tokens, cookies, in every spelling in which
//! a service may repeat them. Pure.

use reqwest::Url;
use serde_json::Value;

/// A shorter secret is not replaced in text: that would mangle the text and hide nothing.
const SECRET_MIN_CHARS: usize = 6;

/// Words in a name that say that its value must not be shown.
const SECRET_WORDS: [&str; 7] =
    ["password", "passwd", "secret", "token", "cookie", "session", "authorization"];

/// Whether a name speaks of something that must not be shown.
pub(super) fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// Replaces secrets by their names.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    /// Name and spelling.
    known: Vec<(String, String)>,
}

impl Secrets {
    /// From names and values.
    pub(super) fn new(values: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut known: Vec<(String, String)> = values
            .into_iter()
            .filter(|(_, value)| value.chars().count() >= SECRET_MIN_CHARS)
            .flat_map(|(name, value)| spellings(&value).map(|spelling| (name.clone(), spelling)))
            .collect();
        // Longest first, so that a secret containing another is replaced whole.
        known.sort_by_key(|(_, spelling)| std::cmp::Reverse(spelling.len()));
        Self { known }
    }

    /// `text` with every secret replaced by `<name>`. To be done before a text is shortened:
    /// the beginning of a secret is not found.
    pub(super) fn hide(&self, text: &str) -> String {
        self.known.iter().fold(text.to_owned(), |text, (name, spelling)| {
            text.replace(spelling.as_str(), &format!("<{name}>"))
        })
    }
}

/// As it is, inside JSON, inside a URL, and as a form field.
fn spellings(secret: &str) -> [String; 4] {
    let json = Value::from(secret).to_string();
    let in_json = json[1..json.len() - 1].to_owned();
    let in_url = Url::parse("http://x/").map_or_else(
        |_| secret.to_owned(),
        |mut url| {
            url.set_query(Some(secret));
            url.query().unwrap_or(secret).to_owned()
        },
    );
    let in_form = Url::parse_with_params("http://x/", [("", secret)])
        .ok()
        .and_then(|url| url.query().map(|query| query[1..].to_owned()))
        .unwrap_or_else(|| secret.to_owned());
    [secret.to_owned(), in_json, in_url, in_form]
}

#[cfg(test)]
mod tests {
    use super::Secrets;

    #[test]
    fn secrets_are_hidden_in_every_spelling() {
        let secrets = Secrets::new([("pw".to_owned(), "é \"p&w\" 1".to_owned())]);
        for repeated in [
            "got é \"p&w\" 1.",
            r#"got é \"p&w\" 1."#,
            "got %C3%A9%20%22p&w%22%201.",
            "got %C3%A9+%22p%26w%22+1.",
        ] {
            assert_eq!(secrets.hide(repeated), "got <pw>.");
        }
    }

    #[test]
    fn a_secret_inside_a_longer_one_does_not_spoil_it() {
        let values = [("a", "abcdef"), ("b", "abcdefgh")];
        let secrets = Secrets::new(values.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(secrets.hide("abcdefgh abcdef abc"), "<b> <a> abc");
    }
}
