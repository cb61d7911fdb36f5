//! Paths inside a tree, as text: how odd names are written, and where a path leads.
//!
//! Pure. Nothing here looks at a file system, so an archive can be judged before it is unpacked
//! and a certificate months later.

use std::fmt::Write as _;

/// Symbolic links that one path may lead through, as in Linux (`path_resolution(7)`).
const LINKS_MAX: usize = 40;

/// Writes a path or a link's target: a backslash as `\\`, control characters and bytes that are
/// not UTF-8 as `\xNN`. Two different names never give the same text.
#[must_use]
pub fn escape(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => text.push_str(r"\\"),
                control if control.is_control() => {
                    escape_bytes(&mut text, control.encode_utf8(&mut [0; 4]).as_bytes());
                }
                plain => text.push(plain),
            }
        }
        escape_bytes(&mut text, chunk.invalid());
    }
    text
}

fn escape_bytes(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, r"\x{byte:02x}");
    }
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Led {
    /// To this path below the root, `.` for the root itself. It need not exist.
    To(String),
    /// Out of the tree.
    Outside,
    /// Through more symbolic links than any system follows.
    Around,
}

/// Follows a path, relative to `directory`, through the symbolic links of a tree.
///
/// Both are written as [`escape`] does; `target_of` gives the target of a path that is a
/// symbolic link. An absolute path leads outside, and so does `..` above the root.
pub fn follow<'tree>(
    directory: &str,
    path: &str,
    target_of: impl Fn(&str) -> Option<&'tree str>,
) -> Led {
    let mut at: Vec<String> = components(directory).map(str::to_owned).collect();
    // Reversed: the next component is last.
    let mut ahead: Vec<String> = Vec::new();
    let push = |ahead: &mut Vec<String>, path: &str| {
        let absolute = path.starts_with('/');
        ahead.extend(path.split('/').rev().map(str::to_owned));
        !absolute
    };
    if !push(&mut ahead, path) {
        return Led::Outside;
    }
    let mut links = 0;
    while let Some(component) = ahead.pop() {
        match component.as_str() {
            "" | "." => {}
            ".." => {
                if at.pop().is_none() {
                    return Led::Outside;
                }
            }
            _ => {
                at.push(component);
                if let Some(target) = target_of(&at.join("/")) {
                    links += 1;
                    if links > LINKS_MAX {
                        return Led::Around;
                    }
                    at.pop();
                    if !push(&mut ahead, target) {
                        return Led::Outside;
                    }
                }
            }
        }
    }
    Led::To(named(&at.join("/")))
}

/// A path that only leads down from the root, without `.` and doubled slashes; none if it is
/// absolute or holds `..`.
#[must_use]
pub fn downward(path: &str) -> Option<String> {
    let parts: Vec<_> = components(path).collect();
    (!path.starts_with('/') && !parts.contains(&"..")).then(|| named(&parts.join("/")))
}

/// The components of a path that are not `.` or empty.
pub fn components(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !matches!(*part, "" | "."))
}

/// The directories above a path, outermost first, without the root.
pub fn above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(end, _)| &path[..end])
}

/// The directory that holds a path: empty for what lies in the root.
#[must_use]
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// A path as entries are named: the root is `.`.
#[must_use]
pub fn named(path: &str) -> String {
    if path.is_empty() { "." } else { path }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_are_escaped_and_stay_distinct() {
        assert_eq!(escape("copies/é t.pdf".as_bytes()), "copies/é t.pdf");
        assert_eq!(escape(b"a\nb"), r"a\x0ab");
        assert_eq!(escape(b"a\xffb"), r"a\xffb");
        assert_eq!(escape(br"a\xffb"), r"a\\xffb");
        assert_eq!(escape("\u{85}".as_bytes()), r"\xc2\x85");
    }

    /// A tree in which `d/up` is the root, `d/loop` is itself, and `away` is `/etc`.
    fn target_of(path: &str) -> Option<&'static str> {
        match path {
            "d/up" => Some(".."),
            "d/loop" => Some("loop"),
            "away" => Some("/etc"),
            "latest" => Some("d//./c.pdf"),
            _ => None,
        }
    }

    fn to(path: &str) -> Led {
        Led::To(path.to_owned())
    }

    #[test]
    fn plain_paths_lead_below_the_root() {
        assert_eq!(follow("", "./d//c.pdf", target_of), to("d/c.pdf"));
        assert_eq!(follow("d", "../latest", target_of), to("d/c.pdf"));
        assert_eq!(follow("d", "..", target_of), to("."));
    }

    #[test]
    fn downward_paths_are_normalised() {
        assert_eq!(downward("./copies//a.pdf/").as_deref(), Some("copies/a.pdf"));
        assert_eq!(downward("./").as_deref(), Some("."));
        assert_eq!(downward("a/../b"), None);
        assert_eq!(downward("/a"), None);
    }

    #[test]
    fn paths_out_of_the_root_are_seen_through_links() {
        assert_eq!(follow("", "/d", target_of), Led::Outside);
        assert_eq!(follow("d", "../../x", target_of), Led::Outside);
        assert_eq!(follow("", "away/passwd", target_of), Led::Outside);
        // Word by word this stays inside: `d/up/..` is `d` only if `up` were no link.
        assert_eq!(follow("", "d/up/..", target_of), Led::Outside);
    }

    #[test]
    fn circles_end() {
        assert_eq!(follow("", "d/loop", target_of), Led::Around);
    }
}
