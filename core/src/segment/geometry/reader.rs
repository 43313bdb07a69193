//! WKT to WKB.
//!
//! Layouts, as go-geom has them: the first name with Z or M, else the number of coordinates of the first point, decides for the whole text. A plain
//! `EMPTY` is XY, unless a collection with Z or M is around it; M is never told by coordinates alone, so a plain name in such a collection must be EMPTY.

use super::lexer::{Lexer, Token};
use super::wkb::{begin, numbers_of, set_code};
use super::{Kind, Layout};

/// Collections in collections.
const DEPTH_MAX: usize = 64;

/// The WKB of a WKT text, or why it is none.
pub fn wkb_of(text: &str) -> Result<Vec<u8>, String> {
    let mut reader = Reader {
        lexer: Lexer::new(text),
        peeked: None,
        frames: vec![Frame {
            layout: None,
            plain: true,
            only_empty: false,
        }],
    };
    let mut out = Vec::new();
    reader.geometry(&mut out)?;
    match reader.peek()? {
        Token::End => Ok(out),
        token => Err(reader.unexpected(token, "")),
    }
}

/// What is known of the layout inside one collection, or outside all.
struct Frame {
    layout: Option<Layout>,
    /// No collection around tells its layout.
    plain: bool,
    /// A plain name was read where only M may have points.
    only_empty: bool,
}

struct Reader<'a> {
    lexer: Lexer<'a>,
    peeked: Option<Token>,
    frames: Vec<Frame>,
}

type Read<T> = Result<T, String>;

impl Reader<'_> {
    fn peek(&mut self) -> Read<Token> {
        let token = match self.peeked {
            Some(token) => token,
            None => self.lexer.next()?,
        };
        self.peeked = Some(token);
        Ok(token)
    }

    fn frame(&mut self) -> &mut Frame {
        self.frames.last_mut().unwrap_or_else(|| unreachable!("the outermost frame stays"))
    }

    fn unexpected(&self, token: Token, expected: &str) -> String {
        let expecting = if expected.is_empty() { "" } else { ", expecting " };
        self.lexer.refuse(&format!("unexpected {}{expecting}{expected}", token.name()), "")
    }

    fn expect(&mut self, wanted: Token, expected: &str) -> Read<()> {
        let token = self.peek()?;
        if token != wanted {
            return Err(self.unexpected(token, expected));
        }
        self.peeked = None;
        Ok(())
    }

    /// One geometry, appended as WKB.
    fn geometry(&mut self, out: &mut Vec<u8>) -> Read<()> {
        let token = self.peek()?;
        let Token::Name(kind, layout) = token else {
            return Err(self.unexpected(token, ""));
        };
        self.peeked = None;
        if kind == Kind::Collection {
            return self.collection(layout, out);
        }
        match layout {
            Some(layout) => self.set_layout(layout)?,
            None => self.check_plain_name()?,
        }
        let start = begin(out, kind);
        match kind {
            Kind::Point => self.point(layout, out)?,
            Kind::LineString => self.line_or_empty(layout, "'('", out)?,
            Kind::Polygon => self.polygon_or_empty(layout, "'('", out)?,
            _ => self.many(kind, layout, out)?,
        }
        let layout = self.frame().layout.unwrap_or(Layout::Xy);
        set_code(out, start, kind, layout);
        Ok(())
    }

    fn collection(&mut self, layout: Option<Layout>, out: &mut Vec<u8>) -> Read<()> {
        if self.frames.len() > DEPTH_MAX {
            return Err(self.lexer.refuse("too many collections in collections", ""));
        }
        let around = self.frame().layout;
        if let (Some(around), Some(layout)) = (around, layout)
            && around != layout
        {
            return Err(self.other_layout(Some(layout), ""));
        }
        let plain = self.frame().plain && layout.is_none();
        self.frames.push(Frame {
            layout: layout.or(around),
            plain,
            only_empty: false,
        });
        let start = begin(out, Kind::Collection);
        let mut count = 0u32;
        if self.empty(layout)? {
            out.extend_from_slice(&0u32.to_le_bytes());
        } else {
            self.expect(Token::Open, "'('")?;
            let count_at = out.len();
            out.extend_from_slice(&0u32.to_le_bytes());
            loop {
                self.geometry(out)?;
                count += 1;
                if !self.comma()? {
                    break;
                }
            }
            out[count_at..count_at + 4].copy_from_slice(&count.to_le_bytes());
        }
        let inner = self.frames.pop().and_then(|frame| frame.layout);
        if self.frame().layout.is_none() {
            self.frame().layout = inner;
        }
        set_code(out, start, Kind::Collection, inner.unwrap_or(Layout::Xy));
        Ok(())
    }

    /// After an element of a list: whether another follows. Takes the bracket that ends the list.
    fn comma(&mut self) -> Read<bool> {
        let token = self.peek()?;
        match token {
            Token::Comma | Token::Close => {
                self.peeked = None;
                Ok(token == Token::Comma)
            }
            _ => Err(self.unexpected(token, "')' or ','")),
        }
    }

    /// Takes EMPTY, if it stands here.
    fn empty(&mut self, named: Option<Layout>) -> Read<bool> {
        if self.peek()? != Token::Empty {
            return Ok(false);
        }
        self.peeked = None;
        if named.is_none() {
            self.check_plain_empty()?;
        }
        Ok(true)
    }

    fn open(&mut self, expected: &str) -> Read<()> {
        self.expect(Token::Open, expected)?;
        match self.frame().only_empty {
            true => Err(self.needs_m()),
            false => Ok(()),
        }
    }

    fn point(&mut self, layout: Option<Layout>, out: &mut Vec<u8>) -> Read<()> {
        if self.empty(layout)? {
            self.empty_point(out);
            return Ok(());
        }
        self.open("'('")?;
        self.numbers("NUM", out)?;
        self.expect(Token::Close, "')'")
    }

    fn empty_point(&mut self, out: &mut Vec<u8>) {
        let stride = self.frame().layout.unwrap_or(Layout::Xy).stride();
        for _ in 0..stride {
            out.extend_from_slice(&f64::NAN.to_le_bytes());
        }
    }

    /// The numbers of one point.
    fn numbers(&mut self, expected: &str, out: &mut Vec<u8>) -> Read<()> {
        let start = out.len();
        while let Token::Number(number) = self.peek()? {
            self.peeked = None;
            out.extend_from_slice(&number.to_le_bytes());
        }
        let stride = (out.len() - start) / 8;
        let layout = match stride {
            0 => {
                let token = self.peek()?;
                return Err(self.unexpected(token, expected));
            }
            1 => return Err(self.lexer.refuse("not enough coordinates", "each point needs at least 2 coords")),
            2 => Layout::Xy,
            3 => Layout::Xyz,
            4 => Layout::Xyzm,
            _ => return Err(self.lexer.refuse("too many coordinates", "each point can have at most 4 coords")),
        };
        match self.frame().layout {
            None => self.frame().layout = Some(layout),
            Some(known) if known.stride() == stride => {}
            Some(known) => {
                let problem = format!(
                    "mixed dimensionality, parsed layout is {} so expecting {} coords but got {stride} coords",
                    known.name(),
                    known.stride(),
                );
                return Err(self.lexer.refuse(&problem, ""));
            }
        }
        Ok(())
    }

    /// The points of a line or ring behind their number. Returns where they begin.
    fn points(&mut self, expected: &str, out: &mut Vec<u8>) -> Read<usize> {
        self.open(expected)?;
        let count_at = out.len();
        out.extend_from_slice(&0u32.to_le_bytes());
        let mut count = 0u32;
        loop {
            self.numbers("NUM", out)?;
            count += 1;
            if !self.comma()? {
                break;
            }
        }
        out[count_at..count_at + 4].copy_from_slice(&count.to_le_bytes());
        Ok(count_at + 4)
    }

    fn line_or_empty(&mut self, layout: Option<Layout>, expected: &str, out: &mut Vec<u8>) -> Read<()> {
        if self.empty(layout)? {
            out.extend_from_slice(&0u32.to_le_bytes());
            return Ok(());
        }
        let start = self.points(expected, out)?;
        let bytes = 8 * self.frame().layout.map_or(2, Layout::stride);
        if out.len() - start < 2 * bytes {
            return Err(self
                .lexer
                .refuse("non-empty linestring with only one point", "minimum number of points is 2"));
        }
        Ok(())
    }

    fn polygon_or_empty(&mut self, layout: Option<Layout>, expected: &str, out: &mut Vec<u8>) -> Read<()> {
        if self.empty(layout)? {
            out.extend_from_slice(&0u32.to_le_bytes());
            return Ok(());
        }
        self.open(expected)?;
        let count_at = out.len();
        out.extend_from_slice(&0u32.to_le_bytes());
        let mut count = 0u32;
        loop {
            let start = self.points("'('", out)?;
            self.check_ring(start, out)?;
            count += 1;
            if !self.comma()? {
                break;
            }
        }
        out[count_at..count_at + 4].copy_from_slice(&count.to_le_bytes());
        Ok(())
    }

    fn check_ring(&mut self, start: usize, out: &[u8]) -> Read<()> {
        let layout = self.frame().layout.unwrap_or(Layout::Xy);
        let bytes = 8 * layout.stride();
        let ring = &out[start..];
        if ring.len() < 4 * bytes {
            return Err(self
                .lexer
                .refuse("polygon ring doesn't have enough points", "minimum number of points is 4"));
        }
        // M is no place: a ring may end with another M than it began with.
        let places = if matches!(layout, Layout::Xyz | Layout::Xyzm) { 3 } else { 2 };
        let (first, last) = (numbers_of(&ring[..bytes]), numbers_of(&ring[ring.len() - bytes..]));
        if first.take(places).ne(last.take(places)) {
            return Err(self
                .lexer
                .refuse("polygon ring not closed", "ensure first and last point are the same"));
        }
        Ok(())
    }

    /// MULTIPOINT, MULTILINESTRING, MULTIPOLYGON: parts that are geometries of their own.
    fn many(&mut self, kind: Kind, layout: Option<Layout>, out: &mut Vec<u8>) -> Read<()> {
        let count_at = out.len();
        out.extend_from_slice(&0u32.to_le_bytes());
        if self.empty(layout)? {
            return Ok(());
        }
        self.open("EMPTY or '('")?;
        let part = match kind {
            Kind::MultiPoint => Kind::Point,
            Kind::MultiLineString => Kind::LineString,
            _ => Kind::Polygon,
        };
        let mut count = 0u32;
        loop {
            let start = begin(out, part);
            match part {
                Kind::Point => self.bare_point(layout, out)?,
                Kind::LineString => self.line_or_empty(layout, "EMPTY or '('", out)?,
                _ => self.polygon_or_empty(layout, "EMPTY or '('", out)?,
            }
            let layout = self.frame().layout.unwrap_or(Layout::Xy);
            set_code(out, start, part, layout);
            count += 1;
            if !self.comma()? {
                break;
            }
        }
        out[count_at..count_at + 4].copy_from_slice(&count.to_le_bytes());
        Ok(())
    }

    /// A point of a MULTIPOINT: with brackets or without.
    fn bare_point(&mut self, layout: Option<Layout>, out: &mut Vec<u8>) -> Read<()> {
        if self.empty(layout)? {
            self.empty_point(out);
            return Ok(());
        }
        if self.peek()? != Token::Open {
            return self.numbers("EMPTY or NUM or '('", out);
        }
        self.open("")?;
        self.numbers("NUM", out)?;
        self.expect(Token::Close, "')'")
    }

    fn set_layout(&mut self, layout: Layout) -> Read<()> {
        match self.frame().layout {
            Some(known) if known != layout => Err(self.other_layout(Some(layout), "")),
            _ => {
                self.frame().layout = Some(layout);
                Ok(())
            }
        }
    }

    fn check_plain_name(&mut self) -> Read<()> {
        let frame = self.frame();
        let is_m = frame.layout == Some(Layout::Xym);
        if is_m && frame.plain {
            return Err(self.needs_m());
        }
        frame.only_empty = is_m;
        Ok(())
    }

    fn check_plain_empty(&mut self) -> Read<()> {
        let frame = self.frame();
        if !frame.plain {
            frame.only_empty = false;
            return Ok(());
        }
        match frame.layout {
            None | Some(Layout::Xy) => {
                frame.layout = Some(Layout::Xy);
                Ok(())
            }
            Some(_) => Err(self.other_layout(Some(Layout::Xy), "EMPTY is XY layout in base geometry type")),
        }
    }

    fn needs_m(&mut self) -> String {
        self.other_layout(
            None,
            "the M variant is required for non-empty XYM geometries in GEOMETRYCOLLECTIONs",
        )
    }

    fn other_layout(&mut self, found: Option<Layout>, hint: &str) -> String {
        let name = |layout: Option<Layout>| layout.map_or("not XYM", Layout::name);
        let problem = format!(
            "mixed dimensionality, parsed layout is {} but encountered layout of {}",
            name(self.frame().layout),
            name(found)
        );
        self.lexer.refuse(&problem, hint)
    }
}
