//! Wrappings, one in the other, and what is wrong with them.

use std::io::{Read, Write};

use super::{bytes_of, damage, look};
use crate::model::existing::{Kind, Wrapping};
use crate::recognise::Opener;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    use lz4_flex::frame::{FrameEncoder, FrameInfo};
    let info = FrameInfo::new().content_checksum(true);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("memory");
    encoder.include_checksum(true).expect("a setting");
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

type Pack = fn(&[u8]) -> Vec<u8>;

const PACKS: [(Pack, Wrapping); 4] = [
    (gzip, Wrapping::Gzip),
    (bzip2, Wrapping::Bzip2),
    (lz4, Wrapping::Lz4),
    (zstd, Wrapping::Zstd),
];

#[test]
fn each_wrapping_is_taken_off_and_read_to_its_end() {
    let script = bytes_of("plain.sql");
    for (pack, wrapping) in PACKS {
        let piece = look(&pack(&script));
        assert_eq!((piece.kind, piece.wrapped.as_slice()), (Kind::PlainSql, &[wrapping][..]));
        assert_eq!(piece.damage, [""; 0], "{wrapping:?}");
    }
    let piece = look(&bytes_of("plain.sql.xz"));
    assert_eq!((piece.wrapped.as_slice(), damage(&piece).as_str()), (&[Wrapping::Xz][..], ""));
}

#[test]
fn streams_of_several_members_are_one() {
    let script = bytes_of("plain.sql");
    let (one, two) = script.split_at(3000);
    for (pack, wrapping) in PACKS {
        let piece = look(&[pack(one), pack(two)].concat());
        assert_eq!(piece.damage, [""; 0], "{wrapping:?}");
    }
}

#[test]
fn wrappings_within_wrappings_are_taken_off_up_to_three() {
    let script = bytes_of("plain.sql");
    let thrice = zstd(&gzip(&bzip2(&script)));
    let piece = look(&thrice);
    assert_eq!(piece.kind, Kind::PlainSql);
    assert_eq!(piece.wrapped, [Wrapping::Zstd, Wrapping::Gzip, Wrapping::Bzip2]);
    let piece = look(&gzip(&thrice));
    assert!(piece.open[0].contains("more than 3 wrappings"), "{piece:?}");
}

#[test]
fn a_wrapping_that_ends_early_is_named() {
    let script = bytes_of("plain.sql");
    for (pack, wrapping) in PACKS {
        let packed = pack(&script);
        for left in [packed.len() * 6 / 10, packed.len() - 1] {
            let piece = look(&packed[..left]);
            assert!(damage(&piece).contains("stream ends early"), "{wrapping:?}: {piece:?}");
        }
    }
    let xz = bytes_of("plain.sql.xz");
    assert!(damage(&look(&xz[..xz.len() - 3])).contains("the xz stream"));
}

#[test]
fn a_wrapping_with_a_wrong_sum_or_garbage_behind_it_is_named() {
    let script = bytes_of("plain.sql");
    for (pack, wrapping) in PACKS {
        let whole = pack(&script);
        let mut altered = whole.clone();
        let at = altered.len() * 6 / 10;
        altered[at] ^= 4;
        assert!(!look(&altered).damage.is_empty(), "{wrapping:?} altered");
        let piece = look(&[&whole[..], b"Connection closed"].concat());
        assert!(damage(&piece).contains("stream is damaged"), "{wrapping:?}: {piece:?}");
    }
    let mut gzip = gzip(&script);
    gzip.extend([0; 512]);
    assert_eq!(look(&gzip).damage, [""; 0], "zeros fill up a block");
}

#[test]
fn every_byte_of_a_wrapping_that_changed_shows_and_none_keeps_it_reading() {
    let whole = bytes_of("plain.sql.xz");
    for at in 0..whole.len() {
        let mut altered = whole.clone();
        altered[at] ^= 0x20;
        let piece = look(&altered);
        assert!(!piece.damage.is_empty() || !piece.open.is_empty(), "byte {at}: {piece:?}");
    }
}

#[test]
fn an_empty_stream_says_how_it_came_about() {
    let empty = gzip(b"");
    assert_eq!(empty.len(), 20);
    for (pack, _) in PACKS {
        assert!(damage(&look(&pack(b""))).contains("pipe without pipefail"));
    }
    assert_eq!(look(b"").damage, ["an empty file"]);
}

#[test]
fn what_is_encrypted_says_what_would_open_it() {
    for head in [
        &b"age-encryption.org/v1\n-> X25519 abc\n"[..],
        b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n",
        b"-----BEGIN PGP MESSAGE-----\n\nhQEMA\n",
        &[0x85, 1, 0x0c, 3, 1, 2, 3, 4, 5, 6, 7, 8, 1, 0],
        &[0x8c, 0x0d, 4, 9, 3, 2],
    ] {
        let piece = look(head);
        assert_eq!(piece.kind, Kind::Encrypted, "{head:?}");
        assert!(piece.open[0].contains("--identity FILE"), "{piece:?}");
        assert_eq!(piece.damage, [""; 0]);
    }
}

#[test]
fn the_opener_gives_the_bytes_that_were_recognised() {
    let script = bytes_of("plain.sql");
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(&zstd(&gzip(&script))).expect("room");
    let opener = Opener::without_keys();
    let piece = crate::recognise::recognise(file.path(), &opener).expect("readable");
    let mut stream = opener.stream(&piece.path, &piece.wrapped).expect("open");
    let mut read = Vec::new();
    stream.read_to_end(&mut read).expect("whole");
    assert!(read == script);
}
