//! The texts and JSON documents that rows carry. Most are plain French; the specimens are
//! those that careless quoting, encoding, trimming or rescaling changes on the way.

use super::random::Stream;

/// Strings that a faithful copy must keep to the byte. Never NUL: PostgreSQL cannot store it.
pub(super) const SPECIMENS: [&str; 36] = [
    "",
    " ",
    "  blanks before and after  ",
    "\\N",
    "\\.",
    "NULL",
    "null",
    "\\ \\\\ \\n \\t \\x41 \\101",
    "O'Brien \"dit\" `Bob` ''",
    "'; DROP TABLE grading_copy; --",
    "E'\\x00' $$ $tag$",
    "one\nline\n\nfeed\n",
    "carriage\r\nreturn\r",
    "\ttab\tand\u{b}vertical\u{c}form\t",
    "\u{1}\u{2}\u{1b}[31m\u{7f} control",
    "a,b;c|d\"e\",\"f",
    "<script>alert('x')</script> &amp; &lt;",
    "%s %d {0} ${HOME} $(id) %00",
    "é è ê ë ç œ Œ æ ÿ",
    "e\u{301} a\u{300} c\u{327} o\u{302}\u{323} (combining)",
    "Å Å A\u{30a} K K",
    "ß ẞ ı İ ſ ﬁ ﬄ",
    "👩🏽‍🏫 👨‍👩‍👧‍👦 🏳️‍🌈 🇫🇷 ✍️",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𠜎 𓀀",
    "שלום עליכם",
    "مرحبا بالعالم ١٢٣",
    "\u{202e}reversed\u{202c} \u{2066}isolated\u{2069}",
    "日本語 中文 한국어 ไทย",
    "\u{fffd} replaced \u{fffd}\u{fffd}",
    "\u{feff}byte order mark",
    "\u{a0}no-break\u{202f}narrow\u{200b}zero\u{ad}soft",
    "line\u{2028}and\u{2029}paragraph\u{85}next",
    "\u{ffff}\u{10ffff} noncharacters",
    "z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}\u{30a}\u{30b}\u{30c}",
    "1.10",
    "-0",
];

/// Documents in which spelling matters: scale, exponent, escapes, order, duplicates.
const DOCUMENTS: [&str; 14] = [
    "{}",
    r#"{"zoom": 1.0}"#,
    r#"{"zoom": 1.00}"#,
    r#"{"zoom": 1}"#,
    r#"{"zoom": 0.10000000000000000000000000000000000001}"#,
    r#"{"big": 123456789012345678901234567890.500, "tiny": 1.5e-9, "huge": 1E+20}"#,
    r#"{"note": "caf\u00e9 \ud83d\ude00 \u2028 \\ \" \/ \b\f\n\r\t"}"#,
    r#"{"note": "café 😀 'single' \\N", "": null, " ": "blank key"}"#,
    r#"{"zz": 1, "a": 2, "é": 3, "aa": 4, "A": 5}"#,
    r#"{"twice": 1, "twice": 2}"#,
    r#"{"list": [1, 1.0, "1", true, false, null, [], {}, [[[]]]]}"#,
    r##"{"path": [0.125, 0.250, 0.5], "color": "#c00", "width": 2}"##,
    r#"{"nested": {"a": {"b": {"c": {"d": [{"e": "\u0001\u001f\u007f"}]}}}}}"#,
    r#"{"theme": "sombre", "lang": "fr", "columns": ["nom", "note"]}"#,
];

const WORDS: [&str; 48] = [
    "le",
    "la",
    "un",
    "une",
    "de",
    "et",
    "calcul",
    "juste",
    "faux",
    "réponse",
    "incomplète",
    "méthode",
    "rédaction",
    "soignée",
    "démonstration",
    "à",
    "reprendre",
    "bonne",
    "idée",
    "erreur",
    "de",
    "signe",
    "voir",
    "cours",
    "unité",
    "oubliée",
    "résultat",
    "non",
    "justifié",
    "exercice",
    "partie",
    "schéma",
    "clair",
    "trop",
    "rapide",
    "très",
    "bien",
    "copie",
    "page",
    "suivante",
    "question",
    "théorème",
    "appliqué",
    "sans",
    "hypothèse",
    "vérifier",
    "où",
    "déjà",
];

const LAST_NAMES: [&str; 24] = [
    "Martin",
    "Bernard",
    "Dubois",
    "Lefèvre",
    "Nguyễn",
    "Le Goff",
    "d'Aubigné",
    "Muñoz",
    "Østergård",
    "Kowalska-Łuczak",
    "Benali",
    "García",
    "Traoré",
    "Öztürk",
    "Petit",
    "Żak",
    "Šimić",
    "Kerviel",
    "Müller",
    "Diop",
    "Moreau",
    "Haddad",
    "Ferreira",
    "O'Neill",
];

const FIRST_NAMES: [&str; 20] = [
    "Zoé",
    "Léa",
    "Noël",
    "Anaïs",
    "Maëlle",
    "Yann",
    "Inès",
    "Amadou",
    "Chloé",
    "Jean-Baptiste",
    "Łukasz",
    "Nour",
    "Aïcha",
    "Hugo",
    "Élise",
    "Gwénaëlle",
    "Tom",
    "Lucía",
    "Björn",
    "Thị",
];

/// A few French words.
pub(super) fn phrase(stream: &mut Stream) -> String {
    let mut phrase = String::with_capacity(80);
    for position in 0..stream.between(3, 9) {
        if position > 0 {
            phrase.push(' ');
        }
        phrase.push_str(stream.pick(&WORDS));
    }
    phrase
}

/// The specimen of every fifth `index`, words otherwise; at most `chars` characters.
pub(super) fn text(index: u64, stream: &mut Stream, chars: usize) -> String {
    match specimen(index) {
        Some(specimen) => fit(specimen, chars),
        None => fit(&phrase(stream), chars),
    }
}

/// Longer than a page of PostgreSQL even when compressed, so it is stored out of line.
pub(super) fn long_text(stream: &mut Stream) -> String {
    let length = stream.between(20_000, 60_000);
    let mut text = stream.token(usize::try_from(length).expect("a length fits"));
    text.push_str(" fin de l'annotation\n");
    text
}

pub(super) fn last_name(index: u64, stream: &mut Stream) -> String {
    specimen(index).map_or_else(|| (*stream.pick(&LAST_NAMES)).into(), |name| fit(name, 150))
}

pub(super) fn first_name(index: u64, stream: &mut Stream) -> String {
    // Shifted, so that a row has one awkward name at a time.
    specimen(index + 2).map_or_else(|| (*stream.pick(&FIRST_NAMES)).into(), |name| fit(name, 150))
}

/// A JSON object; they take turns.
pub(super) fn document(index: u64) -> &'static str {
    turn(&DOCUMENTS, index)
}

fn specimen(index: u64) -> Option<&'static str> {
    (index % 5 == 4).then(|| turn(&SPECIMENS, index / 5))
}

fn turn(choices: &[&'static str], index: u64) -> &'static str {
    choices[usize::try_from(index % choices.len() as u64).expect("an index fits")]
}

/// The first `chars` characters: what a varchar of that length holds.
fn fit(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => text[..end].to_owned(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::Seed;
    use super::*;

    #[test]
    fn every_text_can_be_stored() {
        assert!(SPECIMENS.iter().all(|text| !text.contains('\0')));
        for document in DOCUMENTS {
            let parsed: serde_json::Value = serde_json::from_str(document).unwrap();
            assert!(parsed.is_object(), "{document}");
            assert!(!document.contains(r"\u0000"), "{document}");
        }
    }

    #[test]
    fn texts_fit_their_column_by_characters() {
        assert_eq!(fit("ééé", 2), "éé");
        assert_eq!(fit("éé", 2), "éé");
        assert_eq!(fit("", 2), "");
    }

    #[test]
    fn the_specimens_include_what_naive_copies_lose() {
        for text in ["", "\\N", "\\.", "\u{fffd}"] {
            assert!(SPECIMENS.iter().any(|specimen| specimen.contains(text)));
        }
        assert!(SPECIMENS.iter().any(|text| text.starts_with(' ') && text.ends_with(' ')));
    }

    #[test]
    fn a_long_text_outgrows_a_page() {
        assert!(long_text(&mut Seed::new(1).stream("long", 0)).len() > 8192);
    }
}
