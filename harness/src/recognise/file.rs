//! One file: its wrappings are taken off, and what is inside is read to its end.

use std::io::Read;
use std::path::Path;

use super::bound::Bounded;
use super::opener::{NEEDS_KEY, Opener, Reason, Trouble, WRAPPINGS_MAX};
use super::peek::Peeked;
use super::seen::{Seen, shown};
use super::wrapping::{self, is_broken, unwrapped};
use super::{pg_archive, sql, sqlite, tar, zip};
use crate::error::{Error, Result};
use crate::model::existing::{Kind, Wrapping};

/// What is inside of a file's wrappings.
struct Inside {
    wrapped: Vec<Wrapping>,
    stream: Peeked,
    trouble: Trouble,
}

/// Whether a file could be opened up to what it holds.
enum Opened {
    Inside(Inside),
    /// No further than this.
    Closed(Vec<Wrapping>, Box<Seen>),
}

/// Says what a file of `bytes` is.
pub(super) fn look(path: &Path, bytes: u64, opener: &Opener) -> Result<(Vec<Wrapping>, Seen)> {
    let inside = match open(path, bytes, opener)? {
        Opened::Inside(inside) => inside,
        Opened::Closed(wrapped, seen) => return Ok((wrapped, *seen)),
    };
    let Inside { wrapped, mut stream, trouble } = inside;
    let plain = wrapped.is_empty().then_some(path);
    let mut seen = if stream.is_empty() { empty(&wrapped) } else { read(&mut stream, plain) };
    // The last word of a wrapping, and of the tool that decrypts, is at its end.
    if let Err(error) = sql::drain(&mut stream) {
        seen.damage(error.to_string());
    }
    match trouble.take() {
        None => Ok((wrapped, seen)),
        Some(Reason::Unreadable(cause)) => {
            Err(Error::undecided(format!("cannot read {}", path.display())).because(cause))
        }
        Some(Reason::Closed(what)) => {
            let mut seen = Seen::of(Kind::Encrypted);
            seen.open(what);
            Ok((wrapped, seen))
        }
    }
}

/// Takes off one wrapping after the other.
fn open(path: &Path, bytes: u64, opener: &Opener) -> Result<Opened> {
    let mut source = opener.opened(path, None)?;
    let mut wrapped = Vec::new();
    loop {
        let stream = Peeked::new(source.stream);
        let Some(next) = wrapping::of(stream.head()) else {
            return Ok(Opened::Inside(Inside { wrapped, stream, trouble: source.trouble }));
        };
        if wrapped.len() == WRAPPINGS_MAX {
            let mut seen = Seen::of(Kind::Unknown);
            seen.open(format!("it has more than {WRAPPINGS_MAX} wrappings: take one off"));
            return Ok(Opened::Closed(wrapped, Box::new(seen)));
        }
        let is_outermost = wrapped.is_empty();
        wrapped.push(next);
        if matches!(next, Wrapping::Age | Wrapping::Gpg) {
            if let Some(why) = closed(next, is_outermost, opener) {
                let mut seen = Seen::of(Kind::Encrypted);
                seen.open(why);
                return Ok(Opened::Closed(wrapped, Box::new(seen)));
            }
            source = opener.opened(path, Some(next))?;
            continue;
        }
        match unwrapped(next, Box::new(stream)) {
            Ok(inner) => source.stream = Box::new(Bounded::new(inner, bytes)),
            Err(error) => {
                let mut seen = Seen::of(Kind::Unknown);
                if is_broken(&error) {
                    seen.damage(error.to_string());
                } else {
                    seen.open(format!("{}: {error}", wrapping::name(next)));
                }
                return Ok(Opened::Closed(wrapped, Box::new(seen)));
            }
        }
    }
}

/// Why an encrypted piece stays closed, if it does.
fn closed(wrapping: Wrapping, is_outermost: bool, opener: &Opener) -> Option<String> {
    if !is_outermost {
        let name = wrapping::name(wrapping);
        return Some(format!(
            "it is encrypted with {name} inside of another wrapping: take that off"
        ));
    }
    (!opener.has_key(wrapping)).then(|| NEEDS_KEY.to_owned())
}

fn empty(wrapped: &[Wrapping]) -> Seen {
    let mut seen = Seen::of(Kind::Unknown);
    seen.damage(if wrapped.is_empty() {
        "an empty file"
    } else {
        "an empty stream, compressed: what a pipe without pipefail leaves when the dump fails"
    });
    seen
}

/// Reads what is inside, by what it begins with; `plain` is its path if it is in no wrapping.
fn read(stream: &mut Peeked, plain: Option<&Path>) -> Seen {
    let head = stream.head().to_vec();
    if head.starts_with(pg_archive::MAGIC) {
        return pg_archive::read(stream);
    }
    if head.starts_with(sqlite::MAGIC) {
        return sqlite::read(&head, stream, plain);
    }
    if zip::begins(&head) {
        return zip::read(plain);
    }
    if tar::begins(&head) {
        return tar::read(&head, stream);
    }
    if let Some((dialect, before)) = sql::dialect(&head) {
        return sql::read(dialect, before, stream);
    }
    unknown(&head, stream)
}

fn unknown(head: &[u8], stream: &mut impl Read) -> Seen {
    let mut seen = Seen::of(Kind::Unknown);
    if sql::is_of_two_bytes(head) {
        seen.kind = Kind::PlainSql;
        seen.damage("a script in UTF-16, as PowerShell's `>` writes it: psql reads no such thing");
    } else if let Err(error) = sql::drain(stream) {
        seen.damage(error.to_string());
    }
    let looks = if head.iter().all(|byte| *byte == 0) {
        "zeros: a file that was never written out".to_owned()
    } else if std::str::from_utf8(&head[..head.len().min(512)]).is_ok_and(|it| !it.contains('\0')) {
        format!("text: {}", shown(head.split(|byte| *byte == b'\n').next().unwrap_or_default()))
    } else {
        let bytes = head.iter().take(16).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>();
        format!("bytes {}", bytes.join(" "))
    };
    if seen.kind == Kind::Unknown {
        seen.open(format!("it begins with {looks}"));
    }
    seen
}
