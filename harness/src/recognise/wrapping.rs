//! Takes off what a piece is wrapped in, by the first bytes of each layer: gzip of several members,
//! Zstandard of several frames, xz, bzip2, LZ4 in frames.
//!
//! A layer is read to its end and nothing may follow it but zeros. What a layer finds wrong names
//! the layer, and passes through those above it unchanged.

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};

use crate::model::existing::Wrapping;

/// A stream that may be handed to another thread.
pub(super) type Stream = Box<dyn Read + Send>;

/// Buffer between two layers.
const LAYER_BYTES: usize = 256 * 1024;

/// What decoding xz may take: `xz -9` takes 65 MiB.
const XZ_MEMORY_BYTES_MAX: u64 = 100 * 1024 * 1024;

/// Window of a Zstandard frame that the library decodes unasked, as a power of two.
const ZSTD_WINDOW_LOG_MAX: u8 = 27;

/// The layers, by what they begin with. Source: RFC 1952, RFC 8878, the xz file format 1.2.1, the
/// bzip2 manual, the LZ4 frame format 1.6.4, the age specification, RFC 9580.
pub(super) fn of(head: &[u8]) -> Option<Wrapping> {
    const MAGIC: [(&[u8], Wrapping); 9] = [
        (&[0x1f, 0x8b, 8], Wrapping::Gzip),
        (&[0x28, 0xb5, 0x2f, 0xfd], Wrapping::Zstd),
        (&[0xfd, b'7', b'z', b'X', b'Z', 0], Wrapping::Xz),
        (&[0x04, 0x22, 0x4d, 0x18], Wrapping::Lz4),
        (b"age-encryption.org/v1\n", Wrapping::Age),
        (b"-----BEGIN AGE ENCRYPTED FILE-----", Wrapping::Age),
        (b"-----BEGIN PGP MESSAGE-----", Wrapping::Gpg),
        // pzstd and others begin with a frame that says nothing.
        (&[0x50, 0x2a, 0x4d, 0x18], Wrapping::Zstd),
        (&[0x5d, 0x2a, 0x4d, 0x18], Wrapping::Zstd),
    ];
    let named = MAGIC.iter().find(|(magic, _)| head.starts_with(magic));
    let named = named.map(|(_, wrapping)| *wrapping);
    named
        .or_else(|| is_bzip2(head).then_some(Wrapping::Bzip2))
        .or_else(|| is_openpgp(head).then_some(Wrapping::Gpg))
}

/// `BZh`, a level, and the mark of a block or of the end: three letters alone begin many texts.
fn is_bzip2(head: &[u8]) -> bool {
    matches!(head, [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..]
        if rest.starts_with(&[0x31, 0x41, 0x59, 0x26, 0x53, 0x59])
            || rest.starts_with(&[0x17, 0x72, 0x45, 0x38, 0x50, 0x90]))
}

/// Whether it begins with a packet that carries a session's key, of a version that exists. An
/// encrypted message has no other beginning (RFC 9580, section 10.3).
fn is_openpgp(head: &[u8]) -> bool {
    let (tag, after) = match head {
        [first @ 0xc0..=0xff, length, rest @ ..] => {
            let skipped = match length {
                0..192 => 0,
                192..224 => 1,
                255 => 4,
                _ => return false,
            };
            (first & 0x3f, rest.get(skipped..).unwrap_or_default())
        }
        [first @ 0x80..=0xbf, rest @ ..] => {
            let skipped = match first & 3 {
                0 => 1,
                1 => 2,
                2 => 4,
                _ => return false,
            };
            ((first >> 2) & 0xf, rest.get(skipped..).unwrap_or_default())
        }
        _ => return false,
    };
    match (tag, after) {
        // Encrypted to a public key: version, a key's identifier, a known algorithm.
        (1, [3, rest @ ..]) => rest.get(8).is_some_and(|it| matches!(it, 1 | 2 | 16 | 18 | 25)),
        // Encrypted with a passphrase: version, a known cipher.
        (3, [4, cipher, ..]) => (1..=13).contains(cipher),
        (1, [6, ..]) | (3, [5 | 6, ..]) | (18, [1 | 2, ..]) => true,
        _ => false,
    }
}

/// The stream within a layer of compression. Of `stream` nothing may have been read.
pub(super) fn unwrapped(wrapping: Wrapping, stream: Stream) -> io::Result<Stream> {
    let input = BufReader::with_capacity(LAYER_BYTES, stream);
    let inner: Stream = match wrapping {
        Wrapping::Gzip => Box::new(Members::new(Member::gzip(input))),
        Wrapping::Bzip2 => Box::new(Members::new(Member::bzip2(input))),
        Wrapping::Lz4 => Box::new(Members::new(Member::lz4(input))),
        Wrapping::Zstd => zstd_frames(input)?,
        Wrapping::Xz => {
            let streams = liblzma::stream::Stream::new_stream_decoder(
                XZ_MEMORY_BYTES_MAX,
                liblzma::stream::CONCATENATED,
            )?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(input, streams))
        }
        Wrapping::Age | Wrapping::Gpg => {
            return Err(io::Error::new(ErrorKind::Unsupported, "encryption inside of a wrapping"));
        }
    };
    Ok(Box::new(Layer { name: name(wrapping), inner }))
}

fn zstd_frames(mut input: BufReader<Stream>) -> io::Result<Stream> {
    let window = match input.fill_buf()? {
        // Of a frame that is one segment the window is its content.
        [0x28, _, _, _, flags, window, ..] if flags & 0x20 == 0 => 10 + (window >> 3),
        _ => 0,
    };
    if window > ZSTD_WINDOW_LOG_MAX {
        let what = format!("made with --long={window}: it takes {} MiB", 1_u64 << (window - 20));
        return Err(io::Error::new(ErrorKind::OutOfMemory, what));
    }
    Ok(Box::new(zstd::Decoder::with_buffer(input)?))
}

/// What a layer is called.
pub(super) fn name(wrapping: Wrapping) -> &'static str {
    match wrapping {
        Wrapping::Gzip => "gzip",
        Wrapping::Zstd => "zstd",
        Wrapping::Xz => "xz",
        Wrapping::Bzip2 => "bzip2",
        Wrapping::Lz4 => "lz4",
        Wrapping::Age => "age",
        Wrapping::Gpg => "OpenPGP",
    }
}

/// Something that a layer found wrong, already in words.
#[derive(Debug)]
pub(super) struct Broken(pub(super) String);

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl StdError for Broken {}

/// An error that has its words.
pub(super) fn broken(kind: ErrorKind, what: impl Into<String>) -> io::Error {
    io::Error::new(kind, Broken(what.into()))
}

/// Whether an error comes from a layer, and not from how its content is read.
pub(super) fn is_broken(error: &io::Error) -> bool {
    error.get_ref().and_then(|inner| inner.downcast_ref::<Broken>()).is_some()
}

/// Gives the errors of a layer its name.
struct Layer {
    name: &'static str,
    inner: Stream,
}

impl Read for Layer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| match error.kind() {
            ErrorKind::Interrupted => error,
            _ if is_broken(&error) => error,
            kind @ ErrorKind::UnexpectedEof => {
                broken(kind, format!("the {} stream ends early", self.name))
            }
            kind => broken(kind, format!("the {} stream is damaged: {error}", self.name)),
        })
    }
}

/// One of several that follow each other.
enum Member {
    Gzip(flate2::bufread::GzDecoder<BufReader<Stream>>),
    Bzip2(bzip2::bufread::BzDecoder<BufReader<Stream>>),
    Lz4(lz4_flex::frame::FrameDecoder<BufReader<Stream>>),
}

impl Member {
    fn gzip(input: BufReader<Stream>) -> Self {
        Self::Gzip(flate2::bufread::GzDecoder::new(input))
    }

    fn bzip2(input: BufReader<Stream>) -> Self {
        Self::Bzip2(bzip2::bufread::BzDecoder::new(input))
    }

    fn lz4(input: BufReader<Stream>) -> Self {
        Self::Lz4(lz4_flex::frame::FrameDecoder::new(input))
    }

    /// What begins a member of this kind.
    fn magic(&self) -> &'static [u8] {
        match self {
            Self::Gzip(_) => &[0x1f, 0x8b],
            Self::Bzip2(_) => b"BZh",
            Self::Lz4(_) => &[0x04, 0x22, 0x4d, 0x18],
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Bzip2(decoder) => decoder.read(buffer),
            Self::Lz4(decoder) => decoder.read(buffer),
        }
    }

    fn input(&mut self) -> &mut BufReader<Stream> {
        match self {
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Bzip2(decoder) => decoder.get_mut(),
            Self::Lz4(decoder) => decoder.get_mut(),
        }
    }

    /// The member that follows.
    fn next(self) -> Self {
        match self {
            Self::Gzip(decoder) => Self::gzip(decoder.into_inner()),
            Self::Bzip2(decoder) => Self::bzip2(decoder.into_inner()),
            Self::Lz4(decoder) => Self::lz4(decoder.into_inner()),
        }
    }
}

/// Members one after the other: the decoders disagree on what follows the first, so it is judged
/// here.
struct Members {
    member: Option<Member>,
}

impl Members {
    fn new(first: Member) -> Self {
        Self { member: Some(first) }
    }
}

impl Read for Members {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let Some(member) = &mut self.member else { return Ok(0) };
            let read = member.read(buffer)?;
            if read > 0 {
                return Ok(read);
            }
            let magic = member.magic();
            match follows(member.input(), magic)? {
                Follows::Member => self.member = self.member.take().map(Member::next),
                Follows::Nothing => self.member = None,
                Follows::Garbage => {
                    self.member = None;
                    let what = "something follows its end that is no part of it";
                    return Err(io::Error::new(ErrorKind::InvalidData, what));
                }
            }
        }
    }
}

enum Follows {
    Member,
    Nothing,
    Garbage,
}

/// What comes after the end of a member. Zeros are what a tape or a block device fills up with.
fn follows(input: &mut BufReader<Stream>, magic: &[u8]) -> io::Result<Follows> {
    loop {
        let rest = input.fill_buf()?;
        match rest {
            [] => return Ok(Follows::Nothing),
            [first, ..] if *first == magic[0] => return Ok(Follows::Member),
            _ => {}
        }
        if rest.iter().any(|byte| *byte != 0) {
            return Ok(Follows::Garbage);
        }
        let zeros = rest.len();
        input.consume(zeros);
    }
}
