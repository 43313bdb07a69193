//! A segment's deletes as bytes with a checksum, and back. Little-endian:
//!
//! ```text
//! set     := magic "ELANDELS" version:u32 (1) count:u32 row_count:u64 entry* checksum:u64
//! entry   := row:u32 timestamp:u64                rows counted through the chunks, ascending
//! checksum: xxh3-64 of everything before it
//! ```

use xxhash_rust::xxh3::xxh3_64;

use super::chunk::ALIVE;
use super::segment::Segment;
use crate::failure::{Failure, Outcome};

const MAGIC: &[u8; 8] = b"ELANDELS";
const VERSION: u32 = 1;
const HEAD: usize = 24;
const ENTRY: usize = 12;
const TAIL: usize = 8;

impl Segment {
    pub fn encode_deletes(&self) -> Vec<u8> {
        let snapshot = self.snapshot();
        let mut entries = Vec::new();
        let mut first = 0;
        for chunk in &snapshot.chunks {
            let rows = if chunk.deletes.count() == 0 { 0 } else { chunk.row_count };
            for row in 0..rows {
                let timestamp = chunk.deletes.at(row);
                if timestamp != ALIVE {
                    entries.extend_from_slice(&(first + row as u32).to_le_bytes());
                    entries.extend_from_slice(&timestamp.to_le_bytes());
                }
            }
            first += chunk.row_count as u32;
        }
        let mut out = Vec::with_capacity(HEAD + entries.len() + TAIL);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&((entries.len() / ENTRY) as u32).to_le_bytes());
        out.extend_from_slice(&(snapshot.row_count as u64).to_le_bytes());
        out.extend_from_slice(&entries);
        let checksum = xxh3_64(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }

    /// Marks the rows of an encoded set as deleted that were so at `up_to`; changes nothing when the bytes are damaged (kind `damaged`) or of another segment.
    pub fn apply_deletes(&self, bytes: &[u8], up_to: u64) -> Outcome<()> {
        let snapshot = self.snapshot();
        let entries = read_entries(bytes, snapshot.row_count)?;
        let mut entries = entries.iter().peekable();
        let mut first = 0;
        for chunk in &snapshot.chunks {
            while let Some((row, timestamp)) = entries.next_if(|(row, _)| (*row as usize) < first + chunk.row_count) {
                if *timestamp <= up_to {
                    chunk.deletes.mark(*row as usize - first, chunk.row_count, *timestamp);
                }
            }
            first += chunk.row_count;
        }
        Ok(())
    }
}

fn read_entries(bytes: &[u8], row_count: usize) -> Outcome<Vec<(u32, u64)>> {
    let damaged = |offset: usize, what: &str| Failure::new("damaged", vec!["delete set".into(), offset.into(), what.into()]);
    let body = bytes
        .len()
        .checked_sub(TAIL)
        .filter(|&body| body >= HEAD)
        .ok_or_else(|| damaged(bytes.len(), "too short"))?;
    let (body, checksum) = bytes.split_at(body);
    if xxh3_64(body).to_le_bytes() != checksum {
        return Err(damaged(body.len(), "checksum"));
    }
    let (head, entries) = body.split_at(HEAD);
    let expected = [&MAGIC[..], &VERSION.to_le_bytes(), &((entries.len() / ENTRY) as u32).to_le_bytes()].concat();
    if head[..16] != expected || entries.len() % ENTRY != 0 {
        return Err(damaged(0, "magic, version or count"));
    }
    if head[16..] != (row_count as u64).to_le_bytes() {
        return Err(damaged(16, "is of a segment with another number of rows"));
    }
    let mut read: Vec<(u32, u64)> = Vec::with_capacity(entries.len() / ENTRY);
    for entry in entries.as_chunks::<ENTRY>().0 {
        let (row, timestamp) = entry.split_at(4);
        let row = u32::from_le_bytes(row.try_into().unwrap_or_default());
        if row as usize >= row_count || read.last().is_some_and(|(before, _)| *before >= row) {
            return Err(damaged(HEAD + read.len() * ENTRY, "row out of order"));
        }
        read.push((row, u64::from_le_bytes(timestamp.try_into().unwrap_or_default())));
    }
    Ok(read)
}
