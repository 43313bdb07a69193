//! Whether lists are faster than a scan of the allowed rows: nanoseconds that each takes, from measurements on 2 cores with AVX-512.

use super::Ivf;
use super::codes::Coder;
use crate::index::vector_index::{IndexKind, Look};
use crate::segment::schema::ColumnType;

/// What a search costs besides.
const SEARCH_NS: f32 = 2_000.0;
/// A row that is read on its own.
const ROW_NS: f32 = 30.0;

impl Ivf {
    pub(super) fn pays(&self, allowed: usize, look: &Look) -> bool {
        // Who looks at all lists of flat rows wants what a scan finds.
        if self.kind == IndexKind::IvfFlat && self.probes_for(look, allowed) >= self.lists.count() {
            return false;
        }
        let dim = self.space.dim() as f32;
        let value_ns = if self.vector_type == ColumnType::FloatVector { 0.125 } else { 0.08 };
        let scan_ns = allowed as f32 * (4.0 + value_ns * dim);
        let probed = self.probes_for(look, allowed) as f32 / self.lists.count() as f32;
        let rows = self.lists.rows().len() as f32 * probed;
        let allowed_rows = allowed as f32 * probed;
        let lists_ns = self.lists.count() as f32 * (3.0 + 0.03 * dim);
        let rows_ns = match self.codes.as_ref().map(|codes| &codes.coder) {
            None => rows + allowed_rows * (5.0 + 1.2 * value_ns * dim),
            Some(Coder::Levels(levels)) => rows + allowed_rows * (3.0 + 0.022 * dim * levels.bits as f32 / 8.0),
            Some(coder @ Coder::Books(_)) => rows + allowed_rows * (2.0 + 0.15 * coder.width() as f32),
            Some(coder) => rows * (0.4 + 0.01 * coder.width() as f32),
        };
        let ranked = if self.codes.is_some() {
            self.kept_for(look, look.k.max(10))
        } else {
            0
        };
        SEARCH_NS + lists_ns + rows_ns + ranked as f32 * (ROW_NS + value_ns * dim) < scan_ns
    }
}
