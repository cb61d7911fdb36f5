//! Says how one value became another, in one bounded line.

/// Longest excerpt of a value in a detail, in characters.
const EXCERPT: usize = 100;

/// `name a → b` for every attribute that differs; for a text without attributes `a → b`, and for
/// one of several lines its first line that differs. Texts that are `alike` do not.
pub(super) fn difference(
    before: &str,
    after: &str,
    alike: impl Fn(&str, &str) -> bool + Copy,
) -> String {
    let (was, is) = (Value::parse(before), Value::parse(after));
    let mut said: Vec<String> = Vec::new();
    for (name, value) in &was.attributes {
        match is.get(name) {
            Some(now) if now == *value || alike(value, now) => {}
            Some(now) => said.push(format!("{name} {}", change(value, now, alike))),
            None => said.push(format!("{name} {} → none", excerpt(value))),
        }
    }
    for (name, value) in &is.attributes {
        if was.get(name).is_none() {
            said.push(format!("{name} none → {}", excerpt(value)));
        }
    }
    if was.text != is.text && !alike(was.text, is.text) {
        said.push(change(was.text, is.text, alike));
    }
    said.join("; ")
}

/// What a value says first about its thing, after a colon; nothing if it says no more than that
/// the thing is there.
pub(super) fn summary(value: &str) -> String {
    let parsed = Value::parse(value);
    let telling = match parsed.attributes.first() {
        Some(("kind" | "definition" | "type" | "version", first)) => first,
        Some(_) => "",
        None => parsed.text,
    };
    if telling.is_empty() || telling.contains('\n') {
        String::new()
    } else {
        format!(": {}", excerpt(telling))
    }
}

/// Lines of `attribute: value`, and the text below `definition:` or all of a value without
/// attributes.
struct Value<'a> {
    attributes: Vec<(&'a str, &'a str)>,
    text: &'a str,
}

impl<'a> Value<'a> {
    fn parse(value: &'a str) -> Self {
        let mut attributes = Vec::new();
        let mut rest = value;
        while !rest.is_empty() {
            if let Some(text) = rest.strip_prefix("definition:\n") {
                return Self { attributes, text };
            }
            let (line, below) = rest.split_once('\n').unwrap_or((rest, ""));
            match line.split_once(": ") {
                Some((name, text)) if is_name(name) => attributes.push((name, text)),
                _ => {
                    return Self { attributes, text: rest };
                }
            }
            rest = below;
        }
        Self { attributes, text: rest }
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.chars().all(|sign| sign.is_ascii_lowercase() || sign == ' ')
}

fn change(before: &str, after: &str, alike: impl Fn(&str, &str) -> bool) -> String {
    if !before.contains('\n') && !after.contains('\n') {
        return arrow(before, after);
    }
    let (mut was, mut is) = (before.lines(), after.lines());
    let mut number = 0;
    loop {
        number += 1;
        match (was.next(), is.next()) {
            (Some(before), Some(after)) if before == after || alike(before, after) => {}
            (None, None) => return "line ends differ".to_owned(),
            (before, after) => {
                let [before, after] = [before, after].map(|line| line.unwrap_or("").trim());
                return format!("line {number}: {}", arrow(before, after));
            }
        }
    }
}

/// Long texts are shown from where they begin to differ.
fn arrow(before: &str, after: &str) -> String {
    let same = before.chars().zip(after.chars()).take_while(|(was, is)| was == is).count();
    if same < EXCERPT / 2 {
        return format!("{} → {}", excerpt(before), excerpt(after));
    }
    let [was, is] =
        [before, after].map(|text| text.chars().skip(same - EXCERPT / 4).collect::<String>());
    format!("…{} → …{}", excerpt(&was), excerpt(&is))
}

/// One bounded line; `none` for nothing.
fn excerpt(text: &str) -> String {
    if text.is_empty() {
        return "none".to_owned();
    }
    let line = text.replace('\n', " ");
    match line.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
