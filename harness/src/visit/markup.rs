//! What a page of HTML shows and leads to: title, links, assets, forms. Pure.

use std::collections::{BTreeMap, BTreeSet};

use html5gum::{DefaultEmitter, Token, Tokenizer};

use super::fetch::Place;

/// Characters of a title that are kept.
const TITLE_MAX: usize = 200;

/// Characters of headings, legends and buttons that are kept.
const SIGNS_MAX: usize = 4000;

/// Elements whose text says what a page is for.
const SIGNS: [&[u8]; 7] = [b"h1", b"h2", b"h3", b"legend", b"button", b"label", b"title"];

/// A page, as far as it is looked at.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Markup {
    pub(super) title: Option<String>,
    /// Title, headings, legends, labels and buttons, in lower case, spaces single.
    pub(super) signs: String,
    /// Paths with queries on the same host, in the page's order, each once.
    pub(super) links: Vec<String>,
    /// The same, of scripts, styles and images.
    pub(super) sources: Vec<String>,
    /// Their paths, without queries.
    pub(super) assets: BTreeSet<String>,
    pub(super) has_form: bool,
    pub(super) login: bool,
    pub(super) sign_up: bool,
}

/// The form that is open.
#[derive(Default)]
struct Form {
    passwords: usize,
    /// Fields that only somebody fills in who is not known yet.
    introduces: bool,
    action: String,
}

struct Reader {
    place: Place,
    page: Markup,
    title: Option<String>,
    form: Option<Form>,
    /// How deep in elements of [`SIGNS`] the text stands.
    signs: usize,
    in_title: bool,
}

/// Reads a page that came from `place`.
pub(super) fn read(html: &str, place: &Place) -> Markup {
    let mut reader = Reader {
        place: place.clone(),
        page: Markup::default(),
        title: None,
        form: None,
        signs: 0,
        in_title: false,
    };
    let mut emitter: DefaultEmitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut tokens = Tokenizer::new_with_emitter(html, emitter);
    while let Some(Ok(token)) = tokens.next() {
        match token {
            Token::StartTag(tag) => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let attributes = tag.attributes.iter();
                let attributes = attributes.map(|(key, value)| (text(key), text(value))).collect();
                reader.start(&tag.name, &attributes);
            }
            Token::EndTag(tag) => reader.end(&tag.name),
            Token::String(text) => reader.text(&String::from_utf8_lossy(&text)),
            _ => {}
        }
    }
    reader.finish()
}

impl Reader {
    fn start(&mut self, name: &[u8], attributes: &BTreeMap<String, String>) {
        let value = |key: &str| attributes.get(key).map_or("", |value| value.trim());
        match name {
            b"base" if !value("href").is_empty() => self.place = self.place.based(value("href")),
            b"a" | b"area" if !attributes.contains_key("download") => self.link(value("href")),
            b"iframe" | b"frame" => self.link(value("src")),
            b"meta" if value("http-equiv").eq_ignore_ascii_case("refresh") => {
                let content = value("content").to_ascii_lowercase();
                if let Some(at) = content.find("url=") {
                    self.link(value("content")[at + 4..].trim_matches(['\'', '"', ' ']));
                }
            }
            b"link" => {
                let relation = value("rel").to_ascii_lowercase();
                let shows = |word| matches!(word, "stylesheet" | "icon" | "manifest");
                if relation.split_ascii_whitespace().any(shows) {
                    self.asset(value("href"));
                }
            }
            b"script" | b"img" => self.asset(value("src")),
            b"form" => {
                self.close_form();
                self.page.has_form = true;
                let action = value("action").to_ascii_lowercase();
                self.form = Some(Form { action, ..Form::default() });
            }
            b"input" => self.input(value("type"), value("name"), value("autocomplete")),
            b"title" => self.in_title = self.title.is_none(),
            _ => {}
        }
        if SIGNS.contains(&name) {
            self.signs += 1;
            self.page.signs.push(' ');
        }
        if name == b"input" && value("type").eq_ignore_ascii_case("submit") {
            self.sign(&format!(" {} ", value("value")));
        }
    }

    fn input(&mut self, kind: &str, name: &str, autocomplete: &str) {
        // Fields outside of a form are sent by a script.
        let form = self.form.get_or_insert_default();
        let name: String =
            name.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        if kind.eq_ignore_ascii_case("password") {
            form.passwords += 1;
        }
        form.introduces |= autocomplete.eq_ignore_ascii_case("new-password")
            || [
                "password2",
                "passwordconfirm",
                "passwordrepeat",
                "retype",
                "firstname",
                "fullname",
            ]
            .iter()
            .any(|word| name.contains(word));
    }

    fn close_form(&mut self) {
        let Some(form) = self.form.take().filter(|form| form.passwords > 0) else { return };
        let registers = ["register", "signup", "sign-up", "sign_up"]
            .iter()
            .any(|word| form.action.contains(word));
        if form.introduces || registers || form.passwords > 1 {
            self.page.sign_up = true;
        } else {
            self.page.login = true;
        }
    }

    fn end(&mut self, name: &[u8]) {
        if name == b"title" {
            self.in_title = false;
        }
        if name == b"form" {
            self.close_form();
        }
        if SIGNS.contains(&name) {
            self.signs = self.signs.saturating_sub(1);
            self.page.signs.push(' ');
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_title {
            self.title.get_or_insert_default().push_str(text);
        }
        if self.signs > 0 {
            self.sign(text);
        }
    }

    fn sign(&mut self, text: &str) {
        if self.page.signs.len() < SIGNS_MAX {
            self.page.signs.push_str(&text.to_lowercase());
        }
    }

    fn link(&mut self, reference: &str) {
        if let Some(path) = self.local(reference)
            && !self.page.links.contains(&path)
        {
            self.page.links.push(path);
        }
    }

    fn asset(&mut self, reference: &str) {
        if let Some(path) = self.local(reference) {
            let bare = path.split('?').next().unwrap_or_default().to_owned();
            if self.page.assets.insert(bare) {
                self.page.sources.push(path);
            }
        }
    }

    fn local(&self, reference: &str) -> Option<String> {
        if reference.is_empty() || reference.starts_with('#') {
            return None;
        }
        self.place.local(&self.place.resolve(reference)?)
    }

    fn finish(mut self) -> Markup {
        self.close_form();
        let single = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.page.title = self
            .title
            .map(|title| single(&title).chars().take(TITLE_MAX).collect::<String>())
            .filter(|title| !title.is_empty());
        self.page.signs = single(&self.page.signs);
        self.page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(html: &str) -> Markup {
        read(html, &Place::at("http://app.test:8000/shop/"))
    }

    #[test]
    fn links_of_the_same_host_are_found_in_order_and_others_are_not() {
        let page = page(
            "<title> A \n shop </title><a href='items/1?x=1&amp;y=2#top'>1</a><a href=/about>a</a>
             <a href=http://app.test/port>p</a><a href='https://other.test/'>o</a><a href=#f>f</a>
             <a href='mailto:a@b'>m</a><a href=\"javascript:x()\">j</a><a href=/about>again</a>
             <a href=/get download>d</a><meta http-equiv=refresh content='0; URL=/next'>
             <script src='/app.js?v=3'>'<a href=/not>'</script><img src=//cdn.test/x.png>
             <img src=logo.png><link rel='shortcut icon' href=/i.ico><link rel=next href=/n>",
        );
        assert_eq!(page.title.as_deref(), Some("A shop"));
        assert_eq!(page.links, ["/shop/items/1?x=1&y=2", "/about", "/port", "/next"]);
        assert_eq!(page.sources, ["/app.js?v=3", "/shop/logo.png", "/i.ico"]);
        let assets: Vec<_> = page.assets.iter().map(String::as_str).collect();
        assert_eq!(assets, ["/app.js", "/i.ico", "/shop/logo.png"]);
    }

    #[test]
    fn a_base_moves_what_is_relative() {
        assert_eq!(page("<base href=/ui/><a href=x>x</a>").links, ["/ui/x"]);
    }

    #[test]
    fn a_login_is_told_from_a_registration() {
        let login =
            page("<form action=/login><input name=user><input type=password name=p></form>");
        assert!(login.login && !login.sign_up);
        let twice = page("<form><input type=password name=a><input type=password name=b></form>");
        assert!(twice.sign_up && !twice.login);
        let action = page("<form action=/register><input type=password name=p></form>");
        assert!(action.sign_up);
        let search = page("<form><input name=q></form>");
        assert!(search.has_form && !search.login && !search.sign_up);
    }

    #[test]
    fn signs_are_headings_and_buttons_and_not_the_text() {
        let page = page(
            "<title>T</title><h2>Create an <strong>admin</strong> account</h2><p>not me</p>
             <input type=submit value=Go>",
        );
        assert_eq!(page.signs, "t create an admin account go");
    }
}
