//! WKB to WKT.

use std::io::Write;

use super::{Kind, Layout};

/// Bytes that are no WKB as `reader` makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

/// Appends the text of a geometry.
pub fn write_wkt(wkb: &[u8], out: &mut Vec<u8>) -> Result<(), Damaged> {
    walk(Writer { rest: wkb, out: Some(out) })
}

/// Whether `write_wkt` can read it.
pub fn is_wkb(bytes: &[u8]) -> bool {
    walk(Writer { rest: bytes, out: None }).is_ok()
}

fn walk(mut writer: Writer) -> Result<(), Damaged> {
    writer.geometry(0)?;
    if writer.rest.is_empty() { Ok(()) } else { Err(Damaged) }
}

const DEPTH_MAX: usize = 100;

struct Writer<'a, 'b> {
    rest: &'a [u8],
    /// None: the bytes are only checked.
    out: Option<&'b mut Vec<u8>>,
}

impl Writer<'_, '_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Damaged)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn number(&mut self) -> Result<u32, Damaged> {
        self.take().map(u32::from_le_bytes)
    }

    fn header(&mut self) -> Result<(Kind, Layout), Damaged> {
        if self.take()? != [1] {
            return Err(Damaged);
        }
        let code = self.number()?;
        let kind = Kind::of_code(code % 1000).ok_or(Damaged)?;
        Ok((kind, Layout::of_code(code - code % 1000).ok_or(Damaged)?))
    }

    fn put(&mut self, text: &str) {
        if let Some(out) = &mut self.out {
            out.extend_from_slice(text.as_bytes());
        }
    }

    fn geometry(&mut self, depth: usize) -> Result<(), Damaged> {
        if depth > DEPTH_MAX {
            return Err(Damaged);
        }
        let (kind, layout) = self.header()?;
        self.put(kind.name());
        self.put(" ");
        self.put(layout.suffix());
        match kind {
            Kind::Point => self.point(layout, true),
            Kind::LineString => self.points(layout),
            Kind::Polygon => self.list(|writer| writer.points(layout)),
            Kind::MultiPoint => self.list(|writer| {
                writer.header()?;
                writer.point(layout, false)
            }),
            Kind::MultiLineString => self.list(|writer| {
                writer.header()?;
                writer.points(layout)
            }),
            Kind::MultiPolygon => self.list(|writer| {
                writer.header()?;
                writer.list(|writer| writer.points(layout))
            }),
            Kind::Collection => self.list(|writer| writer.geometry(depth + 1)),
        }
    }

    fn list(&mut self, mut each: impl FnMut(&mut Self) -> Result<(), Damaged>) -> Result<(), Damaged> {
        let count = self.number()?;
        if count == 0 {
            self.put("EMPTY");
            return Ok(());
        }
        for at in 0..count {
            self.put(if at == 0 { "(" } else { ", " });
            each(self)?;
        }
        self.put(")");
        Ok(())
    }

    fn points(&mut self, layout: Layout) -> Result<(), Damaged> {
        self.list(|writer| writer.coordinates(layout))
    }

    fn point(&mut self, layout: Layout, brackets: bool) -> Result<(), Damaged> {
        let bytes = self.rest.get(..8 * layout.stride()).ok_or(Damaged)?;
        if bytes.as_chunks::<8>().0.iter().all(|number| f64::from_le_bytes(*number).is_nan()) {
            self.rest = &self.rest[bytes.len()..];
            self.put("EMPTY");
            return Ok(());
        }
        if brackets {
            self.put("(");
        }
        self.coordinates(layout)?;
        if brackets {
            self.put(")");
        }
        Ok(())
    }

    fn coordinates(&mut self, layout: Layout) -> Result<(), Damaged> {
        for at in 0..layout.stride() {
            let number = f64::from_le_bytes(self.take()?);
            let space = if at == 0 { "" } else { " " };
            if let Some(out) = &mut self.out {
                write!(out, "{space}{number}").map_err(|_| Damaged)?;
            }
        }
        Ok(())
    }
}
