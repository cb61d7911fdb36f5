//! What the grader reads out of a page: its elements of one name, and the policies in it.
//!
//! Tag soup is read as browsers do, with three exceptions that the Observatory's parser
//! makes and that are kept: an `</script` always ends a script, `<![CDATA[` hides markup
//! everywhere, and `<noscript>` hides none.

use std::collections::BTreeMap;

use html5gum::{DefaultEmitter, Emitter, ForwardingEmitter, HtmlString, State, Token, Tokenizer};

use super::{ecma, site::Landing};

/// Content types of pages. Compared as they are: `Text/HTML` is none of them.
const PAGES: [&str; 2] = ["text/html", "application/xhtml+xml"];

/// Elements without content.
const VOID: [&[u8]; 19] = [
    b"area",
    b"base",
    b"basefont",
    b"br",
    b"col",
    b"command",
    b"embed",
    b"frame",
    b"hr",
    b"img",
    b"input",
    b"isindex",
    b"keygen",
    b"link",
    b"meta",
    b"param",
    b"source",
    b"track",
    b"wbr",
];

/// Elements of SVG and of formulas in which HTML starts again, wherever they stand.
const INTEGRATION: [&[u8]; 8] =
    [b"mi", b"mo", b"mn", b"ms", b"mtext", b"annotation-xml", b"desc", b"title"];

/// The attributes of an element, by lowered name; of two of one name, the first.
pub(super) type Attributes = BTreeMap<String, String>;

/// Policies that a page states about itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct InPagePolicies {
    /// Content security policies, in order.
    pub(super) content_security: Vec<String>,
    /// The last referrer policy.
    pub(super) referrer: Option<String>,
}

/// The media type of a landing, without parameters. Nothing if it has none.
pub(super) fn media_type(landing: &Landing) -> Option<String> {
    let value = landing.headers.value("content-type")?;
    value.split(';').next().map(str::to_owned)
}

/// Whether a media type is that of a page.
pub(super) fn is_page(media_type: &str) -> bool {
    PAGES.contains(&media_type)
}

/// Reads the policies out of a page; a response of another type has none.
pub(super) fn in_page_policies(landing: &Landing) -> InPagePolicies {
    let mut policies = InPagePolicies::default();
    if !media_type(landing).is_some_and(|media_type| is_page(&media_type)) {
        return policies;
    }
    for meta in elements(&landing.body, "meta") {
        let content = meta.get("content").filter(|content| !content.is_empty());
        let is = |attribute: &str, word: &str| {
            meta.get(attribute).is_some_and(|value| ecma::trim(&value.to_lowercase()) == word)
        };
        // An element with both attributes is never read as a referrer policy.
        if meta.contains_key("http-equiv") && meta.contains_key("content") {
            if is("http-equiv", "content-security-policy") {
                policies.content_security.extend(content.cloned());
            }
        } else if is("name", "referrer") && content.is_some() {
            policies.referrer = content.cloned();
        }
    }
    policies
}

/// The elements of one name, given in lower case, in order.
pub(super) fn elements(html: &str, name: &str) -> Vec<Attributes> {
    let mut found = Vec::new();
    let mut open = OpenElements::default();
    let mut tokens = Tokenizer::new_with_emitter(html, CdataEverywhere::default());
    while let Some(Ok(token)) = tokens.next() {
        match token {
            Token::StartTag(tag) => {
                if tag.name.as_slice() == name.as_bytes() {
                    let text = |bytes: &HtmlString| String::from_utf8_lossy(bytes).into_owned();
                    let attributes = tag.attributes.iter();
                    found.push(attributes.map(|(key, value)| (text(key), text(value))).collect());
                }
                if let Some(state) = open.start(&tag.name, tag.self_closing) {
                    tokens.set_state(state);
                }
            }
            Token::EndTag(tag) => open.end(&tag.name),
            _ => {}
        }
    }
    found
}

/// Emits tokens as the library does, and takes CDATA sections for real.
#[derive(Debug, Default)]
struct CdataEverywhere(DefaultEmitter);

impl ForwardingEmitter for CdataEverywhere {
    type Token = Token;

    fn inner(&mut self) -> &mut impl Emitter<Token = Self::Token> {
        &mut self.0
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&mut self) -> bool {
        true
    }
}

/// What rules hold for the content of an element.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Language {
    #[default]
    Html,
    Svg,
    MathMl,
}

/// The elements that are open, each with the language of its content: only in HTML does
/// an element have raw text as its content, and only elsewhere can a tag close itself.
#[derive(Debug, Default)]
struct OpenElements(Vec<(Vec<u8>, Language)>);

impl OpenElements {
    /// Notes a start tag, and says how the text after it is to be read if not as markup.
    fn start(&mut self, name: &[u8], self_closing: bool) -> Option<State> {
        let around = self.language();
        let within = match name {
            b"svg" => Language::Svg,
            b"math" => Language::MathMl,
            b"foreignobject" if around == Language::Svg => Language::Html,
            name if INTEGRATION.contains(&name) => Language::Html,
            _ => around,
        };
        let closes_itself = self_closing && within != Language::Html;
        if !VOID.contains(&name) && !closes_itself {
            self.0.push((name.to_vec(), within));
        }
        match name {
            _ if around != Language::Html => None,
            b"script" | b"style" | b"iframe" | b"noembed" | b"noframes" | b"xmp" => {
                Some(State::RawText)
            }
            b"title" | b"textarea" => Some(State::RcData),
            b"plaintext" => Some(State::PlainText),
            _ => None,
        }
    }

    /// Closes the innermost element of a name, and all within it.
    fn end(&mut self, name: &[u8]) {
        if let Some(at) = self.0.iter().rposition(|(open, _)| open == name) {
            self.0.truncate(at);
        }
    }

    /// The language around what comes next.
    fn language(&self) -> Language {
        self.0.last().map(|(_, within)| *within).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(html: &str) -> Vec<String> {
        elements(html, "script")
            .into_iter()
            .map(|mut attributes| attributes.remove("src").unwrap_or_default())
            .collect()
    }

    #[test]
    fn broken_markup_still_yields_its_scripts() {
        assert_eq!(
            sources(
                "<div><SCRIPT SRC=/a.js async></script><p><script src='/b.js?x=1&amp;y=2' src=c>"
            ),
            ["/a.js", "/b.js?x=1&y=2"]
        );
    }

    #[test]
    fn what_only_looks_like_a_script_is_none() {
        for hidden in [
            "<!-- <script src=a></script> -->",
            "<textarea><script src=a></script></textarea>",
            "<style><script src=a></script></style>",
            "<title><script src=a></title>",
            "<iframe><script src=a></script></iframe>",
            "<plaintext><script src=a></script>",
            "<![CDATA[ > <script src=a> ]]>",
            "<script src=a",
            "<scripts src=a>",
        ] {
            assert!(sources(hidden).is_empty(), "{hidden}");
        }
        assert_eq!(sources("<script>'<script src=a>'</script>"), [""]);
        assert_eq!(sources("<noscript><script src=a></script></noscript>"), ["a"]);
    }

    #[test]
    fn a_script_of_an_image_does_not_swallow_the_page() {
        assert_eq!(sources("<svg><script href=a /></svg><script src=b></script>"), ["", "b"]);
        assert_eq!(sources("<svg><style><script src=a></script></style></svg>"), ["a"]);
        assert_eq!(
            sources("<svg><foreignObject><style><script src=a></script></style>"),
            Vec::<String>::new()
        );
    }
}
