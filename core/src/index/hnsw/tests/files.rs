//! Index files: what is opened answers as what was written, from the map; damage is told.

use super::*;
use crate::index::file;
use crate::index::vector_index;

impl Data {
    /// The index as its file holds it.
    pub(super) fn reopen(&self, index: &Hnsw) -> Hnsw {
        self.with(|vectors| {
            let file = IndexFile::open(map_of(&index.encode()), vectors).expect("a whole file");
            Hnsw::open(&file, vectors).expect("a whole index")
        })
    }
}

#[test]
fn an_opened_index_answers_as_the_written_one_and_holds_next_to_nothing() {
    for (dim, valid) in [(8, None), (40, None), (40, Some([1u8, 0, 1].repeat(200)))] {
        let data = Data {
            valid,
            ..uniform(600, dim, 81)
        };
        for metric in METRICS {
            let index = data.build(metric, true, 1);
            let opened = data.reopen(&index);
            assert_eq!((opened.parameters(), opened.row_count()), (index.parameters(), 600));
            assert_eq!(opened.encode(), index.encode());
            assert!(opened.byte_size() <= dim * 4 && index.byte_size() > 600 * 128);
            for query in data.queries().take(10) {
                assert_eq!(
                    data.search_by(&opened, None, query, (K, 32), None),
                    data.search_by(&index, None, query, (K, 32), None)
                );
            }
        }
    }
}

/// Opening must fail with kind `damaged`.
fn refused(data: &Data, bytes: &[u8]) {
    data.with(|vectors| {
        let failure = vector_index::open(map_of(bytes), vectors).expect_err("damage");
        assert_eq!((failure.kind, failure.args.len()), ("damaged", 3));
    });
}

#[test]
fn damaged_bytes_are_told_and_never_opened() {
    let data = uniform(300, 40, 91);
    let bytes = data.build(Metric::Cosine, true, 1).encode();
    let padding = |at: usize| bytes[at] == 0 && at % 64 > 40;
    for at in (0..500)
        .chain((500..bytes.len()).step_by(bytes.len() / 300))
        .filter(|&at| !padding(at))
    {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        data.with(|vectors| {
            // A flipped bit may lie in the zeros between sections.
            if let Err(failure) = vector_index::open(map_of(&flipped), vectors) {
                assert_eq!((failure.kind, failure.args.len()), ("damaged", 3));
            } else {
                assert_eq!(bytes[at], 0, "byte {at}");
            }
        });
    }
    for length in [0, 7, 8, 50, bytes.len() / 2, bytes.len() - 64] {
        refused(&data, &bytes[..length]);
    }
    for other in [uniform(301, 40, 91), uniform(300, 41, 91)] {
        refused(&other, &bytes);
    }
}

#[test]
fn a_file_with_whole_checksums_and_impossible_content_is_refused() {
    let data = uniform(300, 40, 92);
    data.with(|vectors| {
        let whole = IndexFile::open(map_of(&data.build(Metric::Cosine, true, 1).encode()), vectors).expect("a whole file");
        let tags: Vec<u32> = (1..=11).filter(|&tag| whole.has(tag)).collect();
        let section = |tag: u32| whole.section::<u8>(tag).expect("a section").to_vec();
        let forged = |forge: &dyn Fn(u32, &mut Vec<u8>)| {
            let sections: Vec<(u32, Vec<u8>)> = tags
                .iter()
                .map(|&tag| {
                    let mut bytes = section(tag);
                    forge(tag, &mut bytes);
                    (tag, bytes)
                })
                .collect();
            let sections: Vec<(u32, &[u8])> = sections.iter().map(|(tag, bytes)| (*tag, bytes.as_slice())).collect();
            file::encode(
                IndexKind::Hnsw,
                Metric::Cosine,
                (300, 40, ColumnType::FloatVector.number()),
                &sections,
            )
        };
        assert!(vector_index::open(map_of(&forged(&|_, _| ())), vectors).is_ok());
        // A number of the header, a link of each part, a start, a length.
        let numbers = [(0, 0u64), (0, 1), (0, 1 << 40), (2, 300), (2, 7), (3, 9), (4, 9)];
        for (at, value) in numbers {
            let bytes = forged(&|tag, bytes| {
                if tag == 1 {
                    bytes[at * 8..at * 8 + 8].copy_from_slice(&value.to_le_bytes());
                }
            });
            refused(&data, &bytes);
        }
        for changed in [4, 5, 6] {
            let bytes = forged(&|tag, bytes| {
                if tag == changed {
                    let at = bytes.len() / 8 * 4;
                    bytes[at..at + 4].copy_from_slice(&300u32.to_le_bytes());
                }
            });
            refused(&data, &bytes);
        }
        for &changed in &tags {
            refused(
                &data,
                &forged(&|tag, bytes| bytes.truncate(bytes.len() - 4 * usize::from(tag == changed))),
            );
        }
    });
}
