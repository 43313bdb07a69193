//! Bits of one block of rows, and the three-valued answer to a test on them.
//!
//! A block is 1,024 rows: small enough that ten thousand nested nodes need a few megabytes, large enough that choosing a loop costs nothing per row.

/// Rows that are tested together.
pub const BLOCK_ROWS: usize = 1024;
const WORDS: usize = BLOCK_ROWS / 64;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mask(pub [u64; WORDS]);

impl Mask {
    pub const NONE: Mask = Mask([0; WORDS]);
    pub const ALL: Mask = Mask([u64::MAX; WORDS]);

    /// The bits of `values` (at most a block of them) for which `test` holds; bits beyond are 0.
    #[inline(always)]
    pub fn of<T: Copy>(values: &[T], test: impl Fn(T) -> bool) -> Mask {
        let mut mask = Mask::NONE;
        let groups = values.chunks_exact(64);
        let rest = groups.remainder();
        let full = values.len() / 64;
        for (word, group) in mask.0.iter_mut().zip(groups) {
            let mut bytes = [0u8; 64];
            for (byte, &value) in bytes.iter_mut().zip(group) {
                *byte = u8::from(test(value));
            }
            *word = pack(&bytes);
        }
        for (at, &value) in rest.iter().enumerate() {
            mask.0[full] |= u64::from(test(value)) << at;
        }
        mask
    }

    /// The bits of `self` for whose rows `test` holds.
    pub fn filtered(&self, mut test: impl FnMut(usize) -> bool) -> Mask {
        let mut kept = Mask::NONE;
        self.each(|row| kept.0[row / 64] |= u64::from(test(row)) << (row % 64));
        kept
    }

    /// Calls `visit` with each row of the block whose bit is set, ascending.
    pub fn each(&self, mut visit: impl FnMut(usize)) {
        for (at, &word) in self.0.iter().enumerate() {
            let mut rest = word;
            while rest != 0 {
                visit(at * 64 + rest.trailing_zeros() as usize);
                rest &= rest - 1;
            }
        }
    }

    pub fn get(&self, row: usize) -> bool {
        self.0[row / 64] >> (row % 64) & 1 != 0
    }

    pub fn set(&mut self, row: usize) {
        self.0[row / 64] |= 1 << (row % 64);
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }

    pub fn and(&self, other: &Mask) -> Mask {
        Mask(std::array::from_fn(|at| self.0[at] & other.0[at]))
    }

    pub fn and_not(&self, other: &Mask) -> Mask {
        Mask(std::array::from_fn(|at| self.0[at] & !other.0[at]))
    }

    pub fn or(&self, other: &Mask) -> Mask {
        Mask(std::array::from_fn(|at| self.0[at] | other.0[at]))
    }
}

/// One bit a byte: byte i (0 or 1) becomes bit i.
#[inline(always)]
fn pack(bytes: &[u8; 64]) -> u64 {
    let mut word = 0;
    for (at, eight) in bytes.as_chunks::<8>().0.iter().enumerate() {
        // The product gathers the eight low bits in the top byte, the first one lowest.
        let bits = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word |= bits << (at * 8);
    }
    word
}

/// Rows that are true and rows that are false; the others are null. Rows that nobody asked for may be anything.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truth {
    pub yes: Mask,
    pub no: Mask,
}

impl Truth {
    pub const TRUE: Truth = Truth {
        yes: Mask::ALL,
        no: Mask::NONE,
    };
    pub const FALSE: Truth = Truth {
        yes: Mask::NONE,
        no: Mask::ALL,
    };

    pub fn constant(value: bool) -> Truth {
        if value { Truth::TRUE } else { Truth::FALSE }
    }

    /// `holds` where it is known, else null.
    pub fn known(holds: &Mask, known: &Mask) -> Truth {
        Truth {
            yes: holds.and(known),
            no: known.and_not(holds),
        }
    }

    pub fn not(&self) -> Truth {
        Truth {
            yes: self.no,
            no: self.yes,
        }
    }

    pub fn and(&self, other: &Truth) -> Truth {
        Truth {
            yes: self.yes.and(&other.yes),
            no: self.no.or(&other.no),
        }
    }

    pub fn or(&self, other: &Truth) -> Truth {
        Truth {
            yes: self.yes.or(&other.yes),
            no: self.no.and(&other.no),
        }
    }
}
