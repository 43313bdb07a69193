//! The index as bytes, little-endian; all sizes follow from the header and the rows' levels.
//!
//! | part | content |
//! | --- | --- |
//! | header | magic (8 bytes), version u32, metric u8, flags u8 (1: some rows are null, 2: codes, 4: twins), zero u16, dim u64, rows u64, M u64, efConstruction u64, seed u64 |
//! | present | a bit a row in u64 words, when some are null |
//! | twins | their number u64, then pairs of u32: a linked row and one that equals it |
//! | links | u32: level 0, 2M a row; then M for each row and level above, by row |
//! | inverse norms | f32 a row, for COSINE |
//! | codes | scale f32, mean f32 a dimension, bias f32 a row, then the codes, each row filled up to 64 bytes |
//! | end | xxh3 (64 bits) of all bytes before |

use xxhash_rust::xxh3::xxh3_64;

use super::codes::Codes;
use super::graph::Graph;
use super::twins::Twins;
use super::walk::ScratchPool;
use super::{Hnsw, HnswParameters, linked_rows};
use crate::distance::Metric;
use crate::distance::code_line::{lines_for, zeroed_lines};
use crate::failure::{Arg, Failure, Outcome};
use crate::index::row_set::RowSet;

const MAGIC: &[u8; 8] = b"ELANHNSW";
const VERSION: u32 = 1;
const SOME_NULL: u8 = 1;
const CODED: u8 = 2;
const HAS_TWINS: u8 = 4;
const CHECKSUM_BYTES: usize = 8;
/// Above every M that Milvus takes; keeps sizes in range.
const M_MAX: usize = 1 << 16;

fn damaged(offset: usize, what: &str) -> Failure {
    Failure::new("damaged", vec![Arg::from(""), Arg::from(offset), Arg::from(what)])
}

struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Outcome<&'a [u8]> {
        let taken = self.bytes.get(self.offset..).and_then(|rest| rest.get(..count));
        let taken = taken.ok_or_else(|| damaged(self.offset, "the index ends too early"))?;
        self.offset += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Outcome<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn size(&mut self) -> Outcome<usize> {
        let value = u64::from_le_bytes(self.array()?);
        usize::try_from(value).map_err(|_| damaged(self.offset, "a size of the index is out of range"))
    }

    fn list<const N: usize, T>(&mut self, count: usize, read: fn([u8; N]) -> T) -> Outcome<Vec<T>> {
        let bytes = count
            .checked_mul(N)
            .ok_or_else(|| damaged(self.offset, "a size of the index is out of range"))?;
        Ok(self.take(bytes)?.as_chunks::<N>().0.iter().map(|&chunk| read(chunk)).collect())
    }

    fn expect(&mut self, found: bool, what: &str) -> Outcome<()> {
        if found { Ok(()) } else { Err(damaged(self.offset, what)) }
    }
}

impl Hnsw {
    /// The index as the content of a file.
    pub fn encode(&self) -> Vec<u8> {
        let HnswParameters {
            metric,
            m,
            ef_construction,
        } = self.parameters;
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        let flags = flag(self.present.is_some(), SOME_NULL) | flag(self.codes.is_some(), CODED) | flag(self.twins.is_some(), HAS_TWINS);
        let mut bytes = Vec::with_capacity(self.byte_size() + 1024);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[metric as u8, flags, 0, 0]);
        for size in [self.dim, self.row_count(), m, ef_construction] {
            bytes.extend_from_slice(&(size as u64).to_le_bytes());
        }
        bytes.extend_from_slice(&self.graph.seed().to_le_bytes());
        let words = self.present.iter().flat_map(|present| present.words());
        words.for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
        if let Some(twins) = &self.twins {
            bytes.extend_from_slice(&(twins.pairs().len() as u64).to_le_bytes());
            let rows = twins.pairs().iter().flat_map(|&(first, twin)| [first, twin]);
            rows.for_each(|row| bytes.extend_from_slice(&row.to_le_bytes()));
        }
        self.graph.all_links().for_each(|link| bytes.extend_from_slice(&link.to_le_bytes()));
        let mut put_floats = |values: &[f32]| values.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
        put_floats(&self.inverse_norms);
        if let Some(codes) = &self.codes {
            put_floats(&[codes.scale]);
            put_floats(&codes.mean);
            put_floats(&codes.bias);
            bytes.extend_from_slice(bytemuck::cast_slice(&codes.lines));
        }
        let checksum = xxh3_64(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The index that `encode` wrote for a segment of that shape.
    ///
    /// Fails with kind `damaged` (file name empty, for the caller to fill in; offset; what) on bytes that are not whole, not an index, or of another segment.
    pub fn decode(bytes: &[u8], row_count: usize, dim: usize) -> Outcome<Hnsw> {
        let body = bytes
            .len()
            .checked_sub(CHECKSUM_BYTES)
            .ok_or_else(|| damaged(0, "the index ends too early"))?;
        let (body, checksum) = bytes.split_at(body);
        if xxh3_64(body).to_le_bytes() != checksum {
            return Err(damaged(body.len(), "the checksum of the index does not match"));
        }
        let mut reader = Reader { bytes: body, offset: 0 };
        let (parameters, flags, seed) = read_header(&mut reader, row_count, dim)?;
        let present = if flags & SOME_NULL != 0 {
            Some(RowSet::from_words(
                reader.list(row_count.div_ceil(64), u64::from_le_bytes)?,
                row_count,
            ))
        } else {
            None
        };
        let twins = if flags & HAS_TWINS != 0 {
            Some(read_twins(&mut reader, row_count)?)
        } else {
            None
        };
        let linked = linked_rows(present.as_ref(), twins.as_ref());
        let fits = row_count
            .checked_mul(2 * parameters.m * size_of::<u32>())
            .is_some_and(|links| links <= body.len());
        reader.expect(fits, "the index ends too early")?;
        let graph = Graph::new(row_count, linked.as_ref(), parameters.m, seed);
        let links = reader.list(graph.link_count(), u32::from_le_bytes)?;
        let graph = graph
            .restore(&links, linked.as_ref())
            .ok_or_else(|| damaged(reader.offset, "a link of the index leads nowhere"))?;
        let norm_count = if parameters.metric == Metric::Cosine { row_count } else { 0 };
        let inverse_norms = reader.list(norm_count, f32::from_le_bytes)?;
        let codes = if flags & CODED != 0 {
            Some(read_codes(&mut reader, parameters.metric, row_count, dim)?)
        } else {
            None
        };
        reader.expect(reader.offset == body.len(), "the index goes on after its end")?;
        Ok(Hnsw {
            parameters,
            dim,
            graph,
            present,
            twins,
            linked,
            inverse_norms,
            codes,
            pool: ScratchPool::default(),
        })
    }
}

fn read_header(reader: &mut Reader<'_>, row_count: usize, dim: usize) -> Outcome<(HnswParameters, u8, u64)> {
    let magic = reader.array()?;
    reader.expect(&magic == MAGIC, "this is not an HNSW index")?;
    let version = u32::from_le_bytes(reader.array()?);
    reader.expect(version == VERSION, "the index has an unknown version")?;
    let [metric, flags, ..]: [u8; 4] = reader.array()?;
    let metric = [Metric::L2, Metric::Ip, Metric::Cosine]
        .into_iter()
        .find(|&known| known as u8 == metric);
    let metric = metric.ok_or_else(|| damaged(reader.offset, "the index has an unknown metric"))?;
    let (found_dim, found_rows) = (reader.size()?, reader.size()?);
    reader.expect(found_dim == dim && found_rows == row_count, "the index is of another segment")?;
    let (m, ef_construction) = (reader.size()?, reader.size()?);
    reader.expect((2..=M_MAX).contains(&m), "the index has an impossible M")?;
    Ok((
        HnswParameters {
            metric,
            m,
            ef_construction,
        },
        flags,
        u64::from_le_bytes(reader.array()?),
    ))
}

fn read_twins(reader: &mut Reader<'_>, row_count: usize) -> Outcome<Twins> {
    let count = reader.size()?;
    let pairs = reader.list(count, |bytes: [u8; 8]| {
        let pair = u64::from_le_bytes(bytes);
        (pair as u32, (pair >> 32) as u32)
    })?;
    Twins::from_pairs(pairs, row_count).ok_or_else(|| damaged(reader.offset, "the index has impossible twins"))
}

fn read_codes(reader: &mut Reader<'_>, metric: Metric, row_count: usize, dim: usize) -> Outcome<Codes> {
    let scale = f32::from_le_bytes(reader.array()?);
    let mean = reader.list(dim, f32::from_le_bytes)?;
    let bias = reader.list(row_count, f32::from_le_bytes)?;
    let mut lines = zeroed_lines(row_count * lines_for(dim));
    let codes: &mut [u8] = bytemuck::cast_slice_mut(&mut lines);
    codes.copy_from_slice(reader.take(codes.len())?);
    Ok(Codes {
        metric,
        mean,
        scale,
        lines,
        bias,
    })
}
