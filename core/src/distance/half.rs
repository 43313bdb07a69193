//! 16-bit floats made float32, which holds each of their values.

use super::kernels::Half;

/// The value of a bfloat16.
#[inline]
pub fn float_of_bf16(half: Half) -> f32 {
    f32::from_bits(u32::from(u16::from_le_bytes(half)) << 16)
}

/// The value of an IEEE binary16.
#[inline]
pub fn float_of_f16(half: Half) -> f32 {
    let bits = u32::from(u16::from_le_bytes(half));
    let magnitude = bits & 0x7fff;
    let size = if magnitude >= 0x7c00 {
        f32::from_bits(0x7f80_0000 | magnitude << 13)
    } else {
        // Exponents and fractions in their places, then the exponents' bias, which makes denormals right, too.
        f32::from_bits(magnitude << 13) * f32::from_bits((127 + 112) << 23)
    };
    f32::from_bits(size.to_bits() | (bits & 0x8000) << 16)
}
