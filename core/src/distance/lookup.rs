//! Sums of table entries that 8-bit codes pick: the asymmetric distances of product quantisation.
//!
//! A byte always lies in a table of 256, so plain Rust reads without checks; the gathering loads of the instruction sets are no faster than the two or
//! three plain loads that a processor does in each cycle.

/// The sum over j of `tables[j][codes[j]]`; panics unless there is a table for each code.
#[inline]
pub fn lookup_sum(tables: &[[f32; 256]], codes: &[u8]) -> f32 {
    assert_eq!(tables.len(), codes.len());
    let (table_fours, table_rest) = tables.as_chunks::<4>();
    let (code_fours, code_rest) = codes.as_chunks::<4>();
    let mut sums = [0.0f32; 4];
    for (tables, codes) in table_fours.iter().zip(code_fours) {
        for lane in 0..4 {
            sums[lane] += tables[lane][usize::from(codes[lane])];
        }
    }
    let rest: f32 = table_rest
        .iter()
        .zip(code_rest)
        .map(|(table, &code)| table[usize::from(code)])
        .sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// `lookup_sum` of four rows, each table being read for all of them while it is near.
#[inline]
pub fn lookup_sum_four(tables: &[[f32; 256]], rows: [&[u8]; 4]) -> [f32; 4] {
    assert!(rows.iter().all(|row| row.len() == tables.len()));
    let [first, second, third, fourth] = rows;
    let mut sums = [0.0f32; 4];
    let codes = first.iter().zip(second).zip(third.iter().zip(fourth));
    for (table, ((&first, &second), (&third, &fourth))) in tables.iter().zip(codes) {
        sums[0] += table[usize::from(first)];
        sums[1] += table[usize::from(second)];
        sums[2] += table[usize::from(third)];
        sums[3] += table[usize::from(fourth)];
    }
    sums
}
