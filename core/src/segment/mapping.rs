//! Memory maps of files, and what the system is told of their pages.

use std::fs::File;
use std::ops::Range;

use memmap2::Mmap;

/// Maps the file of a segment or an index.
pub fn map(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: such files are written once and never changed or cut afterwards; the folder's lock keeps other processes away.
    unsafe { Mmap::map(file) }
}

const PAGE_BYTES: usize = 4096;

/// Reads the pages of a part of a map into memory, or lets go of them.
pub fn advise(map: &Mmap, range: Range<usize>, resident: bool) {
    if range.is_empty() {
        return;
    }
    if resident {
        #[cfg(target_os = "linux")]
        if map.advise_range(memmap2::Advice::PopulateRead, range.start, range.len()).is_ok() {
            return;
        }
        // Systems without that advice read a page when it is touched.
        let touched = map[range].iter().step_by(PAGE_BYTES).fold(0u8, |sum, byte| sum ^ byte);
        std::hint::black_box(touched);
        return;
    }
    #[cfg(unix)]
    // SAFETY: the map is a read-only view of a file that never changes, so pages that are let go are read again as they were.
    let _ = unsafe { map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, range.start, range.len()) };
}
