//! Each table of kernels against the portable one, and the scores that users see.

mod bytes;
mod floats;
mod halves;
mod product;

/// A small generator (splitmix64), so that a printed seed repeats a run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    /// Mostly small values, some large, tiny, denormal or zero; squares of sums stay finite.
    fn value(&mut self) -> f32 {
        match self.next() % 16 {
            0 => 1e16 * self.unit(),
            1 => 1e-30 * self.unit(),
            2 => f32::from_bits(self.next() as u32 & 0x807F_FFFF),
            3 => 0.0,
            4 => -0.0,
            _ => self.unit(),
        }
    }

    /// Any int8 value, the outermost ones often.
    fn code(&mut self) -> i8 {
        match self.next() % 8 {
            0 => 127,
            1 => -128,
            2 => 0,
            _ => self.next() as i8,
        }
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

fn dims() -> impl Iterator<Item = usize> {
    (1..=130).chain([255, 256, 257, 384, 511, 768, 1000, 1536, 2049, 32_768])
}
