//! Rows in PostgreSQL's binary COPY format (documentation of COPY, "Binary Format"): nothing
//! to quote, so what is stored is what was meant. Fields follow the order of the columns.

use std::net::IpAddr;

use uuid::Uuid;

use crate::dataset::school::{DAY_US, Instant};

/// Signature, flags, and the length of an empty extension.
pub(in crate::dataset) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// The end of the data.
pub(in crate::dataset) const TRAILER: &[u8] = &(-1_i16).to_be_bytes();

/// From 1970, where instants count from, to 2000, where PostgreSQL does.
const EPOCH_DAYS: i64 = 10_957;

/// Encoded rows.
#[derive(Default)]
pub(in crate::dataset) struct Rows {
    bytes: Vec<u8>,
}

impl Rows {
    pub(in crate::dataset) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(in crate::dataset) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Begins a row of so many fields.
    pub(in crate::dataset) fn row(&mut self, columns: u16) {
        self.bytes.extend_from_slice(&columns.to_be_bytes());
    }

    fn field(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    fn length(&mut self, length: usize) {
        let length = i32::try_from(length).expect("a field is far below 2 GB");
        self.bytes.extend_from_slice(&length.to_be_bytes());
    }

    pub(super) fn null(&mut self) {
        self.bytes.extend_from_slice(&(-1_i32).to_be_bytes());
    }

    /// The value as `put` writes it, or NULL.
    pub(super) fn optional<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T)) {
        match value {
            Some(value) => put(self, value),
            None => self.null(),
        }
    }

    pub(super) fn bool(&mut self, value: bool) {
        self.field(&[u8::from(value)]);
    }

    pub(super) fn int2(&mut self, value: i64) {
        let value = i16::try_from(value).expect("the column is a smallint");
        self.field(&value.to_be_bytes());
    }

    pub(super) fn int4(&mut self, value: i64) {
        let value = i32::try_from(value).expect("the column is an integer");
        self.field(&value.to_be_bytes());
    }

    pub(super) fn int8(&mut self, value: i64) {
        self.field(&value.to_be_bytes());
    }

    pub(super) fn oid(&mut self, value: u32) {
        self.field(&value.to_be_bytes());
    }

    pub(super) fn float8(&mut self, value: f64) {
        self.field(&value.to_be_bytes());
    }

    /// Any character type, and an enum by its label.
    pub(super) fn text(&mut self, value: &str) {
        self.field(value.as_bytes());
    }

    pub(super) fn jsonb(&mut self, document: &str) {
        self.length(1 + document.len());
        // The version of the format, then the text.
        self.bytes.push(1);
        self.bytes.extend_from_slice(document.as_bytes());
    }

    pub(super) fn uuid(&mut self, value: Uuid) {
        self.field(value.as_bytes());
    }

    pub(super) fn timestamptz(&mut self, value: Instant) {
        self.int8(value - EPOCH_DAYS * DAY_US);
    }

    pub(super) fn date(&mut self, value: Instant) {
        self.int4(value.div_euclid(DAY_US) - EPOCH_DAYS);
    }

    /// `units` of the last decimal place, of which there are `scale`: at most four, and at most
    /// four digits before the point. Both groups are sent; the server drops those that are zero.
    pub(super) fn numeric(&mut self, units: i64, scale: u16) {
        assert!(scale <= 4, "numeric of scale {scale}");
        let one = 10_i64.pow(u32::from(scale));
        let (whole, fraction) = (units.abs() / one, units.abs() % one);
        assert!(whole < 10_000, "numeric of {whole}");
        let sign: i64 = if units < 0 { 0x4000 } else { 0 };
        let words = [2, 0, sign, i64::from(scale), whole, fraction * (10_000 / one)];
        self.length(words.len() * 2);
        for word in words {
            let word = u16::try_from(word).expect("each is below 2^16");
            self.bytes.extend_from_slice(&word.to_be_bytes());
        }
    }

    pub(super) fn inet(&mut self, address: IpAddr, prefix: u8) {
        // PGSQL_AF_INET and PGSQL_AF_INET6 of the server's utils/inet.h; 0: not a cidr.
        match address {
            IpAddr::V4(address) => {
                self.length(8);
                self.bytes.extend_from_slice(&[2, prefix, 0, 4]);
                self.bytes.extend_from_slice(&address.octets());
            }
            IpAddr::V6(address) => {
                self.length(20);
                self.bytes.extend_from_slice(&[3, prefix, 0, 16]);
                self.bytes.extend_from_slice(&address.octets());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(put: impl FnOnce(&mut Rows)) -> Vec<u8> {
        let mut rows = Rows::default();
        put(&mut rows);
        rows.bytes
    }

    #[test]
    fn numerics_keep_their_scale() {
        let bytes = encoded(|rows| rows.numeric(-12_500, 3));
        // 12 bytes; 2 groups from 10000^0 on; negative; scale 3; 12 and 5000.
        assert_eq!(bytes, [0, 0, 0, 12, 0, 2, 0, 0, 0x40, 0, 0, 3, 0, 12, 0x13, 0x88]);
    }

    #[test]
    fn dates_count_from_2000() {
        assert_eq!(encoded(|rows| rows.date(EPOCH_DAYS * DAY_US)), [0, 0, 0, 4, 0, 0, 0, 0]);
        assert_eq!(encoded(|rows| rows.date(0))[4..], (-10_957_i32).to_be_bytes());
    }

    #[test]
    fn null_is_not_empty() {
        assert_eq!(encoded(Rows::null), [255; 4]);
        assert_eq!(encoded(|rows| rows.text("")), [0; 4]);
    }
}
