//! The file of an index. Little-endian; sections start at multiples of 64, those of at least a page at multiples of 4096, so that a map of the file can be
//! read as it is.
//!
//! ```text
//! file    := header table sections
//! header  := magic "ELANINDX" version:u32 (2) kind:u32 metric:u32 section_count:u32 row_count:u64 dim:u64 vector_type:u32 zeros, 64 bytes in all
//! table   := entry{section_count} checksum:u64 (of header and entries)
//! entry   := tag:u32 reserved:u32 (0) offset:u64 length:u64 (without the zeros that fill it up) checksum:u64
//! ```
//!
//! Checksums are xxh3-64. Tags are each kind's own. Every section is verified when the file is opened; a failure is of kind `damaged` with an empty file
//! name, the offset and what is wrong.

use std::sync::Arc;

use bytemuck::Pod;
use memmap2::Mmap;
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::vector_index::IndexKind;
use super::vectors::Vectors;
use crate::distance::Metric;
use crate::failure::{Arg, Failure, Outcome};
use crate::segment::buffer::Buffer;

const MAGIC: &[u8; 8] = b"ELANINDX";
const VERSION: u32 = 2;
const HEADER: usize = 64;
const ENTRY: usize = 32;
const ALIGNMENT: usize = 64;
/// Sections of at least a page start at one.
const PAGE: usize = 4096;
const METRICS: [Metric; 6] = [
    Metric::L2,
    Metric::Ip,
    Metric::Cosine,
    Metric::Hamming,
    Metric::Jaccard,
    Metric::Bm25,
];

pub fn damaged(offset: usize, what: &str) -> Failure {
    Failure::new("damaged", vec![Arg::from(""), Arg::from(offset), Arg::from(what)])
}

#[derive(Clone, Copy, Debug)]
struct Section {
    tag: u32,
    offset: usize,
    length: usize,
    checksum: u64,
}

/// An index file that was opened and verified.
pub struct IndexFile {
    pub kind: IndexKind,
    pub metric: Metric,
    map: Arc<Mmap>,
    sections: Vec<Section>,
}

impl IndexFile {
    pub fn open(map: Arc<Mmap>, vectors: &Vectors) -> Outcome<IndexFile> {
        let header = map.get(..HEADER).ok_or_else(|| damaged(0, "the index ends too early"))?;
        let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap_or_default());
        let long = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().unwrap_or_default());
        if &header[..8] != MAGIC {
            return Err(damaged(0, "this is not an index"));
        }
        if word(8) != VERSION {
            return Err(damaged(8, "the index has an unknown version"));
        }
        let sections = read_table(&map, word(20) as usize)?;
        let kind = IndexKind::from_number(word(12)).ok_or_else(|| damaged(12, "the index is of an unknown kind"))?;
        let metric = METRICS.into_iter().find(|&metric| metric as u32 == word(16));
        let metric = metric.ok_or_else(|| damaged(16, "the index has an unknown metric"))?;
        if (long(24), long(32), word(40)) != (vectors.row_count as u64, vectors.dim as u64, vectors.kind.number()) {
            return Err(damaged(24, "the index is of another segment"));
        }
        let wrong = sections
            .par_iter()
            .find_any(|section| xxh3_64(&map[section.offset..section.offset + section.length]) != section.checksum);
        if let Some(section) = wrong {
            return Err(damaged(section.offset, "the checksum of the index does not match"));
        }
        Ok(IndexFile {
            kind,
            metric,
            map,
            sections,
        })
    }

    /// The values of a section as a view of the map.
    pub fn section<T: Pod>(&self, tag: u32) -> Outcome<Buffer<T>> {
        let section = self.find(tag)?;
        if !section.length.is_multiple_of(size_of::<T>()) {
            return Err(damaged(section.offset, "a section of the index has a wrong length"));
        }
        Ok(Buffer::mapped(
            Arc::clone(&self.map),
            section.offset,
            section.length / size_of::<T>(),
        ))
    }

    /// As `section`, of exactly so many values.
    pub fn section_of<T: Pod>(&self, tag: u32, count: usize) -> Outcome<Buffer<T>> {
        let values = self.section(tag)?;
        if values.len() != count {
            return Err(damaged(self.find(tag)?.offset, "a section of the index has a wrong length"));
        }
        Ok(values)
    }

    pub fn has(&self, tag: u32) -> bool {
        self.sections.iter().any(|section| section.tag == tag)
    }

    fn find(&self, tag: u32) -> Outcome<&Section> {
        let found = self.sections.iter().find(|section| section.tag == tag);
        found.ok_or_else(|| damaged(HEADER, "a section of the index is missing"))
    }
}

fn read_table(map: &Mmap, count: usize) -> Outcome<Vec<Section>> {
    let end = count
        .checked_mul(ENTRY)
        .and_then(|size| size.checked_add(HEADER))
        .ok_or_else(|| damaged(20, "the index ends too early"))?;
    let checksum = map
        .get(end..end.saturating_add(8))
        .ok_or_else(|| damaged(end, "the index ends too early"))?;
    if xxh3_64(&map[..end]).to_le_bytes() != checksum {
        return Err(damaged(0, "the checksum of the index's table does not match"));
    }
    let entries = map[HEADER..end].as_chunks::<ENTRY>().0.iter().map(|entry| {
        let long = |at: usize| u64::from_le_bytes(entry[at..at + 8].try_into().unwrap_or_default());
        let (offset, length) = (long(8) as usize, long(16) as usize);
        let whole = offset.is_multiple_of(ALIGNMENT) && offset.checked_add(length).is_some_and(|end| end <= map.len());
        whole
            .then_some(Section {
                tag: u32::from_le_bytes(entry[..4].try_into().unwrap_or_default()),
                offset,
                length,
                checksum: long(24),
            })
            .ok_or_else(|| damaged(offset, "the index ends too early"))
    });
    entries.collect()
}

/// Where a section of that length may start.
fn aligned(offset: usize, length: usize) -> usize {
    offset.next_multiple_of(if length >= PAGE { PAGE } else { ALIGNMENT })
}

/// The content of an index file, from sections.
pub fn encode(kind: IndexKind, metric: Metric, vectors_of: (usize, usize, u32), sections: &[(u32, &[u8])]) -> Vec<u8> {
    let (row_count, dim, vector_type) = vectors_of;
    let mut end = HEADER + sections.len() * ENTRY + 8;
    let place = |(_, bytes): &(u32, &[u8])| {
        let offset = aligned(end, bytes.len());
        end = offset + bytes.len();
        offset
    };
    let offsets: Vec<usize> = sections.iter().map(place).collect();
    let size = end.next_multiple_of(ALIGNMENT);
    let mut out = Vec::with_capacity(size);
    out.extend_from_slice(MAGIC);
    for word in [VERSION, kind as u32, metric as u32, sections.len() as u32] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    for long in [row_count as u64, dim as u64] {
        out.extend_from_slice(&long.to_le_bytes());
    }
    out.extend_from_slice(&vector_type.to_le_bytes());
    out.resize(HEADER, 0);
    for ((tag, bytes), &offset) in sections.iter().zip(&offsets) {
        out.extend_from_slice(&tag.to_le_bytes());
        out.extend_from_slice(&0u32.to_le_bytes());
        for long in [offset as u64, bytes.len() as u64, xxh3_64(bytes)] {
            out.extend_from_slice(&long.to_le_bytes());
        }
    }
    let checksum = xxh3_64(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    for ((_, bytes), &offset) in sections.iter().zip(&offsets) {
        out.resize(offset, 0);
        out.extend_from_slice(bytes);
    }
    out.resize(size, 0);
    out
}
