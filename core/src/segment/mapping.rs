//! Memory maps of files, and what the system is told of their pages.

use std::fs::File;

use memmap2::Mmap;

/// Maps a segment file.
pub fn map(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: segment files are written once and never changed or cut afterwards; the folder's lock keeps other processes away.
    unsafe { Mmap::map(file) }
}

const PAGE_BYTES: usize = 4096;

/// Reads the pages of a map into memory, or lets go of them.
pub fn advise(map: &Mmap, resident: bool) {
    if resident {
        #[cfg(target_os = "linux")]
        if map.advise(memmap2::Advice::PopulateRead).is_ok() {
            return;
        }
        // Systems without that advice read a page when it is touched.
        let touched = map.iter().step_by(PAGE_BYTES).fold(0u8, |sum, byte| sum ^ byte);
        std::hint::black_box(touched);
        return;
    }
    #[cfg(unix)]
    // SAFETY: the map is a read-only view of a file that never changes, so pages that are let go are read again as they were.
    let _ = unsafe { map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
}
