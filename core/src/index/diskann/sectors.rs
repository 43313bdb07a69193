//! The rows as records in sectors of 4 KiB, which is what a disk reads at once: full vector and links of a row lie together.
//!
//! ```text
//! record := vector inverse_norm:f32 (1 unless COSINE) count:u32 link:u32{count}, filled up to max_degree links
//! ```
//!
//! A sector holds as many records as fit; a record larger than a sector starts at one and takes as many as it needs.

use std::ops::Range;

use rayon::prelude::*;

use crate::index::hnsw::graph::Graph;
use crate::index::vectors::Vectors;
use crate::segment::buffer::Buffer;

pub const SECTOR: usize = 4096;
const WORDS: usize = SECTOR / size_of::<u64>();

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Bytes of a vector.
    pub width: usize,
    pub max_degree: usize,
}

impl Layout {
    fn record(&self) -> usize {
        (self.width + (2 + self.max_degree) * size_of::<u32>()).next_multiple_of(4)
    }

    /// Bytes of all rows; None: more than a file can have.
    pub fn size(&self, row_count: usize) -> Option<usize> {
        let record = self.record();
        if record <= SECTOR {
            row_count.div_ceil(SECTOR / record).checked_mul(SECTOR)
        } else {
            row_count.checked_mul(record.next_multiple_of(SECTOR))
        }
    }

    fn place(&self, row: usize) -> Range<usize> {
        let record = self.record();
        let start = if record <= SECTOR {
            let together = SECTOR / record;
            row / together * SECTOR + row % together * record
        } else {
            row * record.next_multiple_of(SECTOR)
        };
        start..start + record
    }
}

#[derive(Debug)]
pub struct Sectors {
    pub layout: Layout,
    /// Words, so that records are aligned in memory, too.
    pub words: Buffer<u64>,
}

/// What a sector says of a row.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub vector: &'a [u8],
    pub inverse_norm: f32,
    pub links: &'a [u32],
}

/// The sectors while a search reads them.
#[derive(Clone, Copy)]
pub struct SectorView<'a> {
    layout: Layout,
    bytes: &'a [u8],
}

impl Sectors {
    pub fn write(vectors: &Vectors, inverse_norms: &[f32], graph: &Graph, max_degree: usize) -> Sectors {
        let layout = Layout {
            width: vectors.kind.width(vectors.dim).unwrap_or(0),
            max_degree,
        };
        let size = layout.size(vectors.row_count).unwrap_or(0);
        let mut words = vec![0u64; size / size_of::<u64>()];
        let unit = if layout.record() <= SECTOR {
            SECTOR
        } else {
            layout.record().next_multiple_of(SECTOR)
        };
        let together = (SECTOR / layout.record()).max(1);
        let view = graph.view();
        let write = |(at, unit): (usize, &mut [u64])| {
            let bytes: &mut [u8] = bytemuck::cast_slice_mut(unit);
            for row in at * together..((at + 1) * together).min(vectors.row_count) {
                let record = &mut bytes[row % together * layout.record()..][..layout.record()];
                let (vector, rest) = record.split_at_mut(layout.width);
                vector.copy_from_slice(vectors.row_bytes(row));
                let links: Vec<u32> = view.neighbours(row as u32, 0).collect();
                let inverse_norm = inverse_norms.get(row).copied().unwrap_or(1.0);
                let numbers = [inverse_norm.to_bits(), links.len() as u32].into_iter().chain(links);
                for (place, number) in rest.as_chunks_mut::<4>().0.iter_mut().zip(numbers) {
                    *place = number.to_le_bytes();
                }
            }
        };
        words.par_chunks_mut(unit / size_of::<u64>()).enumerate().for_each(write);
        Sectors {
            layout,
            words: words.into(),
        }
    }

    pub fn view(&self) -> SectorView<'_> {
        SectorView {
            layout: self.layout,
            bytes: bytemuck::cast_slice(&self.words),
        }
    }

    /// Asks the system to read the sectors of a row, without waiting for them.
    pub fn will_need(&self, row: u32) {
        self.advise(self.layout.place(row as usize), false);
    }

    /// Tells the system that rows are read here and there: it need not read around them.
    pub fn expect_random_reads(&self) {
        self.advise(0..self.words.len() * size_of::<u64>(), true);
    }

    #[cfg(unix)]
    fn advise(&self, range: Range<usize>, random: bool) {
        use memmap2::Advice;
        let Buffer::Mapped { map, offset, .. } = &self.words else { return };
        let start = range.start / SECTOR * SECTOR;
        let advice = if random { Advice::Random } else { Advice::WillNeed };
        if range.end > start {
            // A hint that is refused changes nothing but the time that reads take.
            let _refused = map.advise_range(advice, offset + start, range.end - start);
        }
    }

    #[cfg(not(unix))]
    fn advise(&self, _range: Range<usize>, _random: bool) {}
}

impl<'a> SectorView<'a> {
    #[inline]
    pub fn record(&self, row: u32) -> Record<'a> {
        let record = &self.bytes[self.layout.place(row as usize)];
        let (vector, rest) = record.split_at(self.layout.width);
        let numbers: &[u32] = bytemuck::cast_slice(&rest[..rest.len() / 4 * 4]);
        let count = (numbers[1] as usize).min(self.layout.max_degree);
        Record {
            vector,
            inverse_norm: f32::from_bits(numbers[0]),
            links: &numbers[2..2 + count],
        }
    }
}

/// Words of so many bytes of sectors.
pub fn words_of(bytes: usize) -> usize {
    bytes / SECTOR * WORDS
}
