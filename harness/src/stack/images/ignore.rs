//! Which files of a build context its `.dockerignore` keeps out of the image.
//!
//! Understands literal names, `*`, `?`, `**` and `!` as docker does (last match wins, a match
//! of a folder holds for what is in it). At anything else it keeps every file: an image built
//! once too often is slow, one that is not built again is wrong.

use std::fs;
use std::path::Path;

use crate::error::{Attempt, Result};

/// The rules of one context.
#[derive(Debug, Default)]
pub(super) struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    keeps: bool,
    segments: Vec<String>,
}

impl Ignore {
    /// The rules for building `dockerfile` in `context`.
    pub(super) fn of(context: &Path, dockerfile: &Path) -> Result<Self> {
        // BuildKit prefers rules beside the Dockerfile, the classic builder knows only the others.
        let beside = format!("{}.dockerignore", dockerfile.display());
        let file = context.join(".dockerignore");
        if context.join(beside).exists() || !file.exists() {
            return Ok(Self::default());
        }
        let text =
            fs::read_to_string(&file).attempt(|| format!("cannot read {}", file.display()))?;
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let mut rules = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if line.starts_with('#') {
                continue;
            }
            let (keeps, pattern) = match line.strip_prefix('!') {
                Some(pattern) => (true, pattern.trim()),
                None => (false, line),
            };
            let segments = pattern
                .split('/')
                .filter(|segment| !segment.is_empty() && *segment != ".")
                .map(str::to_owned)
                .collect::<Vec<_>>();
            let understood = segments.iter().all(|segment| {
                let plain = !segment.contains(['[', ']', '\\']) && segment != "..";
                plain && (segment == "**" || !segment.contains("**"))
            });
            if !understood {
                return Self::default();
            }
            rules.push(Rule { keeps, segments });
        }
        Self { rules }
    }

    /// Whether `path`, relative to the context, stays out of the image.
    pub(super) fn leaves_out(&self, path: &Path) -> bool {
        let names = path.iter().map(|name| name.to_string_lossy().into_owned()).collect::<Vec<_>>();
        let last =
            self.rules.iter().rev().find(|rule| {
                (1..=names.len()).any(|depth| matches(&rule.segments, &names[..depth]))
            });
        last.is_some_and(|rule| !rule.keeps)
    }
}

fn matches(pattern: &[String], names: &[String]) -> bool {
    match pattern.split_first() {
        None => names.is_empty(),
        // `folder/**` is what is in the folder, and not the folder.
        Some((first, [])) if first == "**" => !names.is_empty(),
        Some((first, rest)) if first == "**" => {
            (0..=names.len()).any(|skipped| matches(rest, &names[skipped..]))
        }
        Some((first, rest)) => names.split_first().is_some_and(|(name, names)| {
            fits(first.as_bytes(), name.as_bytes()) && matches(rest, names)
        }),
    }
}

fn fits(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((b'*', rest)) => (0..=name.len()).any(|taken| fits(rest, &name[taken..])),
        Some((&wanted, rest)) => name
            .split_first()
            .is_some_and(|(&byte, name)| (wanted == b'?' || wanted == byte) && fits(rest, name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves_out(rules: &str, path: &str) -> bool {
        Ignore::parse(rules).leaves_out(Path::new(path))
    }

    #[test]
    fn everything_but_some_folders_keeps_what_is_in_them() {
        let rules = "# only these\n*\n!frontend\n!proxy\n";
        assert!(leaves_out(rules, "backend/manage.py"));
        assert!(leaves_out(rules, ".env"));
        assert!(!leaves_out(rules, "frontend/app.js"));
        assert!(!leaves_out(rules, "proxy/conf/nginx.conf"));
    }

    #[test]
    fn two_stars_match_at_any_depth_and_one_within_a_name() {
        let rules = "**/__pycache__\n**/*.pyc\ndocs/*.md\n/build/\n";
        assert!(leaves_out(rules, "__pycache__/a.pyc"));
        assert!(leaves_out(rules, "grading/models/__pycache__/x"));
        assert!(leaves_out(rules, "a/b/c.pyc"));
        assert!(leaves_out(rules, "docs/a.md"));
        assert!(leaves_out(rules, "build/x/y"));
        assert!(leaves_out("a/**", "a/b"));
        assert!(!leaves_out("a/**", "a"));
        assert!(!leaves_out(rules, "docs/deep/a.md"));
        assert!(!leaves_out(rules, "grading/a.py"));
        assert!(!leaves_out(rules, "src/build/x"));
    }

    #[test]
    fn the_last_matching_rule_wins() {
        assert!(!leaves_out("*.md\n!README.md", "README.md"));
        assert!(leaves_out("!README.md\n*.md", "README.md"));
    }

    #[test]
    fn rules_that_are_not_understood_keep_every_file() {
        assert!(!leaves_out("secret\nfile[0-9]", "secret"));
        assert!(!leaves_out("secret\na**b", "secret"));
    }
}
