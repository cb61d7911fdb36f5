//! What PostgreSQL says for `hash_array_extended(ARRAY[page], hashint4extended(number, 0))`, on
//! processors of the lower byte first. Its hash functions are Bob Jenkins' lookup3 (public
//! domain, <http://burtleburtle.net/bob/c/lookup3.c>), as `src/common/hashfn.c` uses it, the same
//! since they have seeds (PostgreSQL 11).

/// The hash of a page of a large object, which stands at a number.
pub(super) fn hash(page: &[u8], number: i32) -> i64 {
    // An array of one element: one, times 31, plus the element's.
    let hash = 31u64.wrapping_add(hash_bytes(page, hash_uint32(number.cast_unsigned())));
    hash.cast_signed()
}

/// `hash_bytes_uint32_extended` without a seed.
fn hash_uint32(key: u32) -> u64 {
    let mut state = State::of(4);
    state.a = state.a.wrapping_add(key);
    state.finish()
}

/// `hash_bytes_extended`.
fn hash_bytes(key: &[u8], seed: u64) -> u64 {
    let mut state = State::of(u32::try_from(key.len()).unwrap_or(u32::MAX));
    if seed != 0 {
        let [high, low] = halves(seed);
        state.a = state.a.wrapping_add(high);
        state.b = state.b.wrapping_add(low);
        state.mix();
    }
    let (blocks, tail) = key.as_chunks::<12>();
    for block in blocks {
        state.add(block);
        state.mix();
    }
    // The lowest byte of `c` stands for the length: the last bytes are moved up by one.
    let mut last = [0; 12];
    let (words, rest) = tail.split_at(tail.len().min(8));
    last[..words.len()].copy_from_slice(words);
    last[9..9 + rest.len()].copy_from_slice(rest);
    state.add(&last);
    state.finish()
}

fn halves(seed: u64) -> [u32; 2] {
    [seed >> 32, seed & 0xffff_ffff].map(|half| u32::try_from(half).unwrap_or_default())
}

struct State {
    a: u32,
    b: u32,
    c: u32,
}

impl State {
    fn of(length: u32) -> Self {
        let begin = 0x9e37_79b9_u32.wrapping_add(length).wrapping_add(3_923_095);
        Self { a: begin, b: begin, c: begin }
    }

    fn add(&mut self, block: &[u8; 12]) {
        let word = |at: usize| {
            u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
        };
        self.a = self.a.wrapping_add(word(0));
        self.b = self.b.wrapping_add(word(4));
        self.c = self.c.wrapping_add(word(8));
    }

    fn mix(&mut self) {
        let Self { a, b, c } = self;
        step(a, b, c, 4);
        step(b, c, a, 6);
        step(c, a, b, 8);
        step(a, b, c, 16);
        step(b, c, a, 19);
        step(c, a, b, 4);
    }

    fn finish(self) -> u64 {
        let Self { mut a, mut b, mut c } = self;
        close(&mut c, b, 14);
        close(&mut a, c, 11);
        close(&mut b, a, 25);
        close(&mut c, b, 16);
        close(&mut a, c, 4);
        close(&mut b, a, 14);
        close(&mut c, b, 24);
        u64::from(b) << 32 | u64::from(c)
    }
}

/// `x -= z; x ^= rot(z, by); z += y`.
fn step(x: &mut u32, y: &mut u32, z: &mut u32, by: u32) {
    *x = x.wrapping_sub(*z) ^ z.rotate_left(by);
    *z = z.wrapping_add(*y);
}

/// `x ^= y; x -= rot(y, by)`.
fn close(x: &mut u32, y: u32, by: u32) {
    *x = (*x ^ y).wrapping_sub(y.rotate_left(by));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As PostgreSQL 15 on x86-64 says.
    #[test]
    fn the_server_says_the_same() {
        let page: Vec<u8> = (0..=250).cycle().take(2048).collect();
        assert_eq!(hash_uint32(7).cast_signed(), -3_288_951_424_994_980_865);
        for (page, number, said) in [
            (page.as_slice(), 0, 7_418_549_142_252_952_325),
            (&page[..11], 1, -3_013_507_843_949_989_269),
            (&page[..8], 2, -186_583_181_740_622_327),
            (b"", 3, -1_919_250_619_604_825_470),
        ] {
            assert_eq!(hash(page, number), said, "{} bytes, page {number}", page.len());
        }
    }
}
