//! The grammar: words, quotes, `;`, `{`, `}` and `#`. Includes are put in their place; what an
//! include names and the dump does not have, such as a file without content, is left out.

use crate::model::finding::Place;

/// What separates the files in the output of `nginx -T`.
const FILE_LINE: &str = "# configuration file ";

/// A directive, with its block if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// Name: `add_header`.
    pub name: String,
    /// Arguments, without quotes.
    pub args: Vec<String>,
    /// Where it is written.
    pub place: Place,
    /// What is between its braces.
    pub block: Vec<Directive>,
}

impl Directive {
    /// An argument, or nothing.
    #[must_use]
    pub fn arg(&self, at: usize) -> &str {
        self.args.get(at).map_or("", String::as_str)
    }
}

/// A whole configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree(pub Vec<Directive>);

/// Takes the output of `nginx -T` apart: path and text of each file, the main one first.
#[must_use]
pub fn dump(text: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    for line in text.split_inclusive('\n') {
        let path = line.strip_prefix(FILE_LINE).and_then(|rest| rest.trim_end().strip_suffix(':'));
        match (path, files.last_mut()) {
            (Some(path), _) => files.push((path.to_owned(), String::new())),
            (None, Some((_, text))) => text.push_str(line),
            (None, None) => {}
        }
    }
    // nginx ends each file with an empty line of its own.
    for (_, text) in &mut files {
        if text.ends_with("\n\n") {
            text.pop();
        }
    }
    files
}

impl Tree {
    /// Parses files, of which the first is the main one.
    #[must_use]
    pub fn parse(files: &[(String, String)]) -> Self {
        let Some((main, _)) = files.first() else { return Self::default() };
        Self(file(main, files, 0))
    }
}

fn file(path: &str, files: &[(String, String)], depth: usize) -> Vec<Directive> {
    const DEPTH_MAX: usize = 16;
    let Some((_, text)) = files.iter().find(|(known, _)| known == path) else { return Vec::new() };
    if depth > DEPTH_MAX {
        return Vec::new();
    }
    let mut words = words(text).into_iter();
    block(path, &mut words, files, depth)
}

fn block(
    path: &str,
    tokens: &mut impl Iterator<Item = (Token, u32)>,
    files: &[(String, String)],
    depth: usize,
) -> Vec<Directive> {
    let mut found = Vec::new();
    let mut open: Vec<(String, u32)> = Vec::new();
    while let Some((token, line)) = tokens.next() {
        match token {
            Token::Word(word) => open.push((word, line)),
            Token::Close => break,
            Token::End | Token::Open => {
                let mut parts = std::mem::take(&mut open).into_iter();
                let Some((name, line)) = parts.next() else { continue };
                let args = parts.map(|(word, _)| word).collect::<Vec<_>>();
                let block = match token {
                    Token::Open => block(path, tokens, files, depth),
                    _ => Vec::new(),
                };
                if name == "include" {
                    let named = absolute(args.first().map_or("", String::as_str));
                    let paths = files.iter().map(|(path, _)| path);
                    for path in paths.filter(|path| matches(&named, path)) {
                        found.extend(file(path, files, depth + 1));
                    }
                    continue;
                }
                let place = Place { file: path.to_owned(), line: Some(line) };
                found.push(Directive { name, args, place, block });
            }
        }
    }
    found
}

/// Relative includes are below the folder of the main file, which is `/etc/nginx` in Debian.
fn absolute(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("/etc/nginx/{path}") }
}

/// Whether a path is what a pattern with at most one `*` names.
fn matches(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((before, after)) => path
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .is_some_and(|star| !star.contains('/')),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    End,
    Open,
    Close,
}

fn words(text: &str) -> Vec<(Token, u32)> {
    let mut found = Vec::new();
    let mut line = 1;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => line += 1,
            c if c.is_whitespace() => {}
            '#' => while chars.next_if(|c| *c != '\n').is_some() {},
            ';' => found.push((Token::End, line)),
            '{' => found.push((Token::Open, line)),
            '}' => found.push((Token::Close, line)),
            '"' | '\'' => {
                let began = line;
                let mut word = String::new();
                while let Some(next) = chars.next().filter(|next| *next != c) {
                    line += u32::from(next == '\n');
                    word.push(if next == '\\' { chars.next().unwrap_or(next) } else { next });
                }
                found.push((Token::Word(word), began));
            }
            _ => {
                let mut word = String::from(c);
                // A variable in braces is part of its word.
                let mut braces = 0;
                while let Some(next) = chars.next_if(|next| {
                    !(next.is_whitespace() || *next == ';' || (braces == 0 && *next == '}'))
                        && (*next != '{' || word.ends_with('$'))
                        || (braces > 0 && *next == '}')
                }) {
                    braces += i32::from(next == '{') - i32::from(next == '}');
                    word.push(next);
                }
                found.push((Token::Word(word), line));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\n\
        # configuration file /etc/nginx/nginx.conf:\nhttp {\n  # a comment { with a brace\n  \
        include headers.conf;\n  server { listen 80; server_name a.test; }\n}\n\n\
        # configuration file /etc/nginx/headers.conf:\n\nadd_header X-A \"one; {two}\" always;\n\
        set $x ${y}z;\n\n";

    #[test]
    fn every_directive_knows_its_file_and_line() {
        let files = dump(DUMP);
        assert_eq!(files[0].0, "/etc/nginx/nginx.conf");
        let tree = Tree::parse(&files);
        let http = &tree.0[0];
        let header = &http.block[0];
        assert_eq!(header.args, ["X-A", "one; {two}", "always"]);
        assert_eq!(header.place.file, "/etc/nginx/headers.conf");
        assert_eq!(header.place.line, Some(2));
        assert_eq!(http.block[1].args, ["$x", "${y}z"]);
        assert_eq!(http.block[2].place.line, Some(4));
        assert_eq!(http.block[2].block[1].args, ["a.test"]);
    }
}
