//! Bytes that somebody made up, or that a disk did.

use proptest::prelude::*;

use super::{DUMPS, bytes_of, look};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000), magic in 0..8_usize) {
        let magics: [&[u8]; 8] = [
            b"", b"PGDMP\x01\x0e\x00\x04\x08\x01", b"\x1f\x8b\x08", b"SQLite format 3\0",
            b"-- PostgreSQL database dump\n", b"/*!40101 SET @OLD_CHARACTER_SET_CLIENT",
            b"PK\x03\x04", b"\x28\xb5\x2f\xfd",
        ];
        look(&[magics[magic], &bytes].concat());
    }

    #[test]
    fn no_alteration_of_a_dump_makes_it_panic(
        which in 0..DUMPS.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = bytes_of(DUMPS[which].0);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len()).max(16));
        look(&bytes);
    }
}
