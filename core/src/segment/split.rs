//! Rows of one request by the partition that their key hashes to.
//!
//! Hashes as Milvus (pkg/util/typeutil/hash.go): Int64 by murmur3 (32 bits, seed 0) of its 8 bytes little-endian without the top bit, VarChar by CRC-32
//! (IEEE) of at most its first 100 bytes; the partition is the hash modulo their number.

use std::sync::Arc;

use super::buffer::Buffer;
use super::column::{Column, Values};
use super::rows::Rows;
use crate::failure::{Failure, Outcome};

const TEXT_BYTES_HASHED: usize = 100;

/// murmur3_x86_32 with seed 0 of eight bytes. Source: A. Appleby, MurmurHash3.
fn murmur3(key: u64) -> u32 {
    let mut hash = 0u32;
    for word in [key as u32, (key >> 32) as u32] {
        let mixed = word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
        hash = (hash ^ mixed).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    hash ^= 8;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// CRC-32 of IEEE 802.3.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes
        .iter()
        .fold(!0, |crc, byte| (crc >> 8) ^ CRC_TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize])
}

/// Partition of each row; the column is an Int64 or VarChar without nulls.
fn partitions_of(column: &Column, row_count: usize, count: u32) -> Vec<u32> {
    let hash = |row: usize| match &column.values {
        Values::Int64(keys) => murmur3(keys[row] as u64) & 0x7fff_ffff,
        values => {
            let text = values.bytes_at(row);
            crc32(&text[..text.len().min(TEXT_BYTES_HASHED)])
        }
    };
    (0..row_count).map(|row| hash(row) % count).collect()
}

fn picked<T: bytemuck::Pod>(values: &Buffer<T>, rows: &[u32], width: usize) -> Buffer<T> {
    let mut out = Vec::with_capacity(rows.len() * width);
    for &row in rows {
        out.extend_from_slice(&values[row as usize * width..(row as usize + 1) * width]);
    }
    out.into()
}

fn picked_texts(values: &Values, rows: &[u32]) -> Values {
    let mut offsets = vec![0u64];
    let mut bytes = Vec::new();
    for &row in rows {
        bytes.extend_from_slice(values.bytes_at(row as usize));
        offsets.push(bytes.len() as u64);
    }
    Values::Bytes {
        offsets: offsets.into(),
        bytes: bytes.into(),
    }
}

fn picked_values(values: &Values, rows: &[u32]) -> Values {
    match values {
        Values::Bool(values) => Values::Bool(picked(values, rows, 1)),
        Values::Int8(values) => Values::Int8(picked(values, rows, 1)),
        Values::Int16(values) => Values::Int16(picked(values, rows, 1)),
        Values::Int32(values) => Values::Int32(picked(values, rows, 1)),
        Values::Int64(values) => Values::Int64(picked(values, rows, 1)),
        Values::Float(values) => Values::Float(picked(values, rows, 1)),
        Values::Double(values) => Values::Double(picked(values, rows, 1)),
        Values::Vectors { dim, values } => Values::Vectors {
            dim: *dim,
            values: picked(values, rows, *dim),
        },
        Values::Packed { width, bytes } => Values::Packed {
            width: *width,
            bytes: picked(bytes, rows, *width),
        },
        Values::Bytes { .. } => picked_texts(values, rows),
        Values::Repeated { text, .. } => Values::Repeated {
            text: Arc::clone(text),
            row_count: rows.len(),
        },
    }
}

fn picked_column(column: &Column, rows: &[u32]) -> Column {
    Column {
        id: column.id,
        values: picked_values(&column.values, rows),
        valid: column.valid.as_ref().map(|valid| picked(valid, rows, 1)),
    }
}

impl Rows {
    /// The rows of each partition, in their order; None where no row falls.
    pub fn split(&self, field_id: u32, count: u32) -> Outcome<Vec<Option<Rows>>> {
        let position = self
            .schema
            .position(field_id)
            .ok_or_else(|| Failure::malformed(format!("no column {field_id}")))?;
        let key = &self.columns[position];
        let hashable = matches!(key.values, Values::Int64(_) | Values::Bytes { .. } | Values::Repeated { .. });
        if count == 0 || !hashable || key.valid.is_some() {
            return Err(Failure::of_field("malformed", field_id, vec!["not a partition key".into()]));
        }
        let mut parts: Vec<Vec<u32>> = vec![Vec::new(); count as usize];
        for (row, partition) in partitions_of(key, self.row_count, count).into_iter().enumerate() {
            parts[partition as usize].push(row as u32);
        }
        let pick = |rows: Vec<u32>| {
            (!rows.is_empty()).then(|| Rows {
                schema: Arc::clone(&self.schema),
                row_count: rows.len(),
                columns: self.columns.iter().map(|column| picked_column(column, &rows)).collect(),
                given_keys: self.given_keys.as_ref().map(|keys| picked_column(keys, &rows)),
            })
        };
        Ok(parts.into_iter().map(pick).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_milvus() {
        // What the reference implementation gives for the eight bytes, and the check value of CRC-32.
        let known = [
            (0, 0x6385_2afc),
            (1, 0x5307_5d44),
            (123_456_789, 0x2920_fe31),
            (i64::MAX as u64, 0x8271_44bf),
        ];
        for (key, hash) in known {
            assert_eq!(murmur3(key), hash);
        }
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn every_row_goes_to_one_part_in_order() {
        let json = r#"[{"id":100,"type":5,"primary":true},{"id":101,"type":21,"maxLength":200},{"id":102,"type":10,"nullable":true}]"#;
        let schema = Arc::new(crate::segment::schema::Schema::parse(json).unwrap());
        let texts: Vec<String> = (0..500).map(|row| format!("{}key {}", "x".repeat(row % 120), row % 37)).collect();
        let mut offsets = vec![0u64];
        let mut bytes = Vec::new();
        for text in &texts {
            bytes.extend_from_slice(text.as_bytes());
            offsets.push(bytes.len() as u64);
        }
        let column = |id, values, valid: Option<Vec<u8>>| Column {
            id,
            values,
            valid: valid.map(Into::into),
        };
        let rows = Rows {
            schema,
            row_count: 500,
            columns: vec![
                column(100, Values::Int64((0..500).collect::<Vec<i64>>().into()), None),
                column(
                    101,
                    Values::Bytes {
                        offsets: offsets.into(),
                        bytes: bytes.into(),
                    },
                    None,
                ),
                column(
                    102,
                    Values::Float((0..500).map(|row| row as f32).collect::<Vec<_>>().into()),
                    Some((0..500).map(|row| u8::from(row % 3 > 0)).collect()),
                ),
            ],
            given_keys: None,
        };
        for field_id in [100, 101] {
            let parts = rows.split(field_id, 7).unwrap();
            let mut seen = Vec::new();
            for (partition, part) in parts.iter().enumerate() {
                let part = part.as_ref().unwrap();
                let Values::Int64(keys) = &part.columns[0].values else {
                    panic!("keys")
                };
                assert!(keys.windows(2).all(|pair| pair[0] < pair[1]));
                for (at, &key) in keys.iter().enumerate() {
                    let row = key as usize;
                    assert_eq!(part.columns[1].values.bytes_at(at), texts[row].as_bytes());
                    assert_eq!(part.columns[2].is_valid(at), !row.is_multiple_of(3));
                    let hash = if field_id == 100 {
                        murmur3(key as u64) & 0x7fff_ffff
                    } else {
                        crc32(&texts[row].as_bytes()[..texts[row].len().min(100)])
                    };
                    assert_eq!(hash as usize % 7, partition);
                    seen.push(row);
                }
            }
            seen.sort_unstable();
            assert_eq!(seen, (0..500).collect::<Vec<_>>());
        }
        assert_eq!(rows.split(102, 7).unwrap_err().kind, "malformed");
        assert_eq!(rows.split(100, 0).unwrap_err().kind, "malformed");
    }
}
