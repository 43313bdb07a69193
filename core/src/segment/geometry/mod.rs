//! Geometries: clients give and get them as WKT, columns keep them as WKB (ISO codes: 1000 more for Z, 2000 for M; little-endian; an empty point is NaN).
//!
//! The texts that are taken, the words of refusal and the text given back are those of Milvus's reader and writer
//! (github.com/twpayne/go-geom/encoding/wkt): a text without Z or M has the dimensions of its first point, all points of a geometry have the
//! same, rings are closed, numbers come back with the fewest digits that give the same number, never with an exponent.

mod lexer;
mod reader;
mod wkb;
mod writer;

pub use reader::wkb_of;
pub use writer::{Damaged, is_wkb, write_wkt};

/// Which numbers a point has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Xy,
    Xyz,
    Xym,
    Xyzm,
}

impl Layout {
    /// Numbers of one point.
    fn stride(self) -> usize {
        match self {
            Layout::Xy => 2,
            Layout::Xyz | Layout::Xym => 3,
            Layout::Xyzm => 4,
        }
    }

    /// Added to the code of a kind.
    fn code(self) -> u32 {
        match self {
            Layout::Xy => 0,
            Layout::Xyz => 1000,
            Layout::Xym => 2000,
            Layout::Xyzm => 3000,
        }
    }

    fn of_code(code: u32) -> Option<Self> {
        [Layout::Xy, Layout::Xyz, Layout::Xym, Layout::Xyzm]
            .into_iter()
            .find(|layout| layout.code() == code)
    }

    /// What stands behind the name of a kind.
    fn suffix(self) -> &'static str {
        match self {
            Layout::Xy => "",
            Layout::Xyz => "Z ",
            Layout::Xym => "M ",
            Layout::Xyzm => "ZM ",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Layout::Xy => "XY",
            Layout::Xyz => "XYZ",
            Layout::Xym => "XYM",
            Layout::Xyzm => "XYZM",
        }
    }
}

/// Kinds of geometry by their WKB codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Point = 1,
    LineString,
    Polygon,
    MultiPoint,
    MultiLineString,
    MultiPolygon,
    Collection,
}

impl Kind {
    const ALL: [Kind; 7] = [
        Kind::Point,
        Kind::LineString,
        Kind::Polygon,
        Kind::MultiPoint,
        Kind::MultiLineString,
        Kind::MultiPolygon,
        Kind::Collection,
    ];

    fn of_code(code: u32) -> Option<Self> {
        Kind::ALL.into_iter().find(|kind| *kind as u32 == code)
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Point => "POINT",
            Kind::LineString => "LINESTRING",
            Kind::Polygon => "POLYGON",
            Kind::MultiPoint => "MULTIPOINT",
            Kind::MultiLineString => "MULTILINESTRING",
            Kind::MultiPolygon => "MULTIPOLYGON",
            Kind::Collection => "GEOMETRYCOLLECTION",
        }
    }
}

#[cfg(test)]
mod tests;
