//! Vectors of other elements than 32-bit floats: what is taken, rounded and refused.

use super::*;
use crate::failure::{Arg, Failure};
use crate::segment::decode::decode_column;
use crate::segment::float_of_half;

fn column(kind: u32, dim: usize) -> ColumnSchema {
    let schema = Schema::parse(&format!(
        r#"[{{"id":1,"type":5,"primary":true}},{{"id":2,"type":{kind},"dim":{dim}}}]"#
    ))
    .unwrap();
    schema.columns[1].clone()
}

fn halves(kind: u32, values: &[f32]) -> Result<Vec<u16>, Failure> {
    let floats = field_data(&column(101, values.len()), &[Some(Cell::Vector(values.to_vec()))], true);
    let decoded = decode_column(&column(kind, values.len()), 1, &floats)?;
    let (halves, _) = decoded.values.as_bytes().as_chunks::<2>();
    Ok(halves.iter().map(|half| u16::from_le_bytes(*half)).collect())
}

/// What a float16 means.
fn value_of(half: u16) -> f64 {
    let fraction = f64::from(half & 0x3ff);
    let size = match half >> 10 & 31 {
        0 => fraction * 2f64.powi(-24),
        exponent => (1024.0 + fraction) * 2f64.powi(i32::from(exponent) - 25),
    };
    if half & 0x8000 != 0 { -size } else { size }
}

#[test]
fn floats_become_the_nearest_float16() {
    let mut random = Random::new();
    let exact: Vec<u16> = (0..0x7c00).chain(0x8000..0xfc00).collect();
    let values: Vec<f32> = exact.iter().map(|&half| value_of(half) as f32).collect();
    assert_eq!(halves(102, &values).unwrap(), exact);
    let ties: Vec<f32> = (0..0x7bffu16)
        .map(|half| ((value_of(half) + value_of(half + 1)) / 2.0) as f32)
        .collect();
    let even: Vec<u16> = (0..0x7bffu16).map(|half| half + (half & 1)).collect();
    assert_eq!(halves(102, &ties).unwrap(), even);
    for _ in 0..2000 {
        let value = value_of(random.below(0x7bff) as u16) as f32 * (1.0 + random.below(1000) as f32 / 2_000_000.0);
        let half = halves(102, &[value]).unwrap()[0];
        let off = |half: u16| (value_of(half) - f64::from(value)).abs();
        assert!(
            off(half) <= off(half.saturating_sub(1)) && off(half) <= off((half + 1).min(0x7bff)),
            "{value}"
        );
    }
    assert_eq!(halves(102, &[65_519.0, -1e-9]).unwrap(), [0x7bff, 0x8000]);
}

#[test]
fn halves_become_the_floats_they_mean() {
    for half in (0..0x7c00u16).flat_map(|half| [half, half | 0x8000]) {
        assert_eq!(
            f64::from(float_of_half(ColumnType::Float16Vector, half)),
            value_of(half),
            "{half:#x}"
        );
        let upper = f32::from_bits(u32::from(half) << 16);
        assert_eq!(float_of_half(ColumnType::BFloat16Vector, half), upper);
    }
}

#[test]
fn floats_become_bfloat16_by_their_upper_half() {
    assert_eq!(
        halves(103, &[1.0, -2.5, 1.003_906_2, f32::MAX]).unwrap(),
        [0x3f80, 0xc020, 0x3f80, 0x7f7f]
    );
}

fn check(kind: u32, dim: usize, vector: &[u8], failure: &'static str, args: Vec<Arg>) {
    let data = field_data(&column(kind, dim), &[Some(Cell::Bytes(vector.to_vec()))], true);
    let found = decode_column(&column(kind, dim), 1, &data).unwrap_err();
    assert_eq!(found, Failure::of_field(failure, 2, args), "type {kind}");
}

#[test]
fn each_fault_of_a_vector_has_its_kind_and_arguments() {
    let numbers = |numbers: &[usize]| numbers.iter().map(|&number| Arg::from(number)).collect::<Vec<_>>();
    check(100, 16, &[1, 2, 3], "vectorLength", numbers(&[24, 16]));
    check(100, 16, &[1, 2, 3, 4], "rowCount", numbers(&[2, 1]));
    check(102, 2, &[1, 2, 3], "vectorLength", numbers(&[3, 4]));
    check(105, 2, &[1, 2, 3], "vectorLength", numbers(&[3, 2]));
    check(102, 1, &[0, 0x7c], "halfNotFinite", vec!["float16".into()]);
    check(103, 1, &[0xff, 0xff], "halfNotFinite", vec!["bfloat16".into()]);
    for value in [65_520.0, f32::MAX] {
        assert_eq!(halves(102, &[value]).unwrap_err().kind, "halfNotFinite");
    }
    assert_eq!(halves(103, &[f32::NAN]).unwrap_err().kind, "notFinite");
    let floats = field_data(&column(101, 3), &[Some(Cell::Vector(vec![1.0; 3]))], true);
    let failure = decode_column(&column(102, 2), 1, &floats).unwrap_err();
    assert_eq!(failure, Failure::of_field("vectorLength", 2, numbers(&[6, 4])));
    let wrong = field_data(&column(105, 4), &[Some(Cell::Bytes(vec![0; 4]))], true);
    assert_eq!(decode_column(&column(105, 8), 1, &wrong).unwrap_err().kind, "dimMismatch");
    assert_eq!(decode_column(&column(100, 8), 1, &wrong).unwrap_err().kind, "typeMismatch");
    for (kind, dim) in [(100, 12), (100, 0), (102, 0), (105, 0)] {
        let schema = format!(r#"[{{"id":1,"type":5,"primary":true}},{{"id":2,"type":{kind},"dim":{dim}}}]"#);
        assert_eq!(Schema::parse(&schema).unwrap_err().kind, "malformed");
    }
}

#[test]
fn sparse_vectors_are_pairs_in_order() {
    let pairs = |pairs: &[(u32, f32)]| {
        pairs
            .iter()
            .flat_map(|(index, value)| [index.to_le_bytes(), value.to_le_bytes()].concat())
            .collect::<Vec<_>>()
    };
    check(104, 0, &[0; 9], "sparseLength", vec![9usize.into()]);
    check(104, 0, &pairs(&[(u32::MAX, 1.0)]), "sparseIndex", vec![]);
    check(104, 0, &pairs(&[(3, 1.0), (3, 1.0)]), "sparseOrder", vec![]);
    check(104, 0, &pairs(&[(3, 1.0), (2, 1.0)]), "sparseOrder", vec![]);
    check(104, 0, &pairs(&[(3, f32::INFINITY)]), "notFinite", vec!["+Inf".into()]);
    check(104, 0, &pairs(&[(3, -0.5)]), "sparseNegative", vec![]);
    for whole in [pairs(&[]), pairs(&[(0, 0.0), (u32::MAX - 1, 2.0)])] {
        let data = field_data(&column(104, 0), &[Some(Cell::Bytes(whole.clone()))], true);
        assert_eq!(decode_column(&column(104, 0), 1, &data).unwrap().values.bytes_at(0), whole);
    }
}
