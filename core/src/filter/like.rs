//! Patterns of `like`: `%` is any run of bytes, `_` one code point, `\` takes the next byte as it is; a line break is a byte like others.
//!
//! A pattern is cut at its `%`: the first piece must match at the start, the last at the end, and those between one after another, each as early as it
//! can (which never spoils a later one). Pieces without `_` are plain byte strings and found as such.

use crate::failure::{Failure, Outcome};

/// What the engine that Milvus runs calls an expression it cannot run.
const EXPRESSION_INVALID: i64 = 2028;

#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    first: Piece,
    /// The pieces after each `%`; none when there is no `%`.
    rest: Vec<Piece>,
}

/// Bytes to match one after another; None is one code point of any kind.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Plain(Vec<u8>),
    Holes(Vec<Option<u8>>),
}

impl Pattern {
    pub fn parse(text: &str) -> Outcome<Pattern> {
        let mut pieces = vec![Vec::new()];
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            let unit = match byte {
                b'%' => {
                    pieces.push(Vec::new());
                    continue;
                }
                b'_' => None,
                b'\\' => Some(bytes.next().ok_or_else(|| {
                    Failure::new(
                        "execution",
                        vec![
                            EXPRESSION_INVALID.into(),
                            format!("pattern ends with an escape character: {text}").into(),
                        ],
                    )
                })?),
                byte => Some(byte),
            };
            if let Some(piece) = pieces.last_mut() {
                piece.push(unit);
            }
        }
        let mut pieces = pieces.into_iter().map(Piece::new);
        let first = pieces.next().unwrap_or(Piece::Plain(Vec::new()));
        Ok(Pattern {
            first,
            rest: pieces.collect(),
        })
    }

    pub fn matches(&self, text: &[u8]) -> bool {
        let Some(mut at) = self.first.match_at(text, 0) else { return false };
        let Some((last, between)) = self.rest.split_last() else {
            return at == text.len();
        };
        for piece in between {
            match piece.find(text, at) {
                Some(end) => at = end,
                None => return false,
            }
        }
        last.match_end(text, at)
    }
}

impl Piece {
    fn new(units: Vec<Option<u8>>) -> Piece {
        match units.iter().copied().collect::<Option<Vec<u8>>>() {
            Some(bytes) => Piece::Plain(bytes),
            None => Piece::Holes(units),
        }
    }

    /// The end of a match that starts at `at`.
    fn match_at(&self, text: &[u8], at: usize) -> Option<usize> {
        match self {
            Piece::Plain(bytes) => text[at..].starts_with(bytes).then(|| at + bytes.len()),
            Piece::Holes(units) => {
                let mut at = at;
                for unit in units {
                    let &byte = text.get(at)?;
                    match unit {
                        Some(wanted) if *wanted != byte => return None,
                        Some(_) => at += 1,
                        None => at = next_code_point(text, at),
                    }
                }
                Some(at)
            }
        }
    }

    /// The end of the earliest match that starts at `from` or later.
    fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        match self {
            Piece::Plain(bytes) => {
                let Some(&head) = bytes.first() else { return Some(from) };
                let mut at = from;
                while let Some(step) = text[at..].iter().position(|&byte| byte == head) {
                    at += step;
                    if text[at..].starts_with(bytes) {
                        return Some(at + bytes.len());
                    }
                    at += 1;
                }
                None
            }
            Piece::Holes(_) => {
                let mut at = from;
                loop {
                    if let Some(end) = self.match_at(text, at) {
                        return Some(end);
                    }
                    if at >= text.len() {
                        return None;
                    }
                    at = next_code_point(text, at);
                }
            }
        }
    }

    /// Whether the piece matches some end of the text that starts at `from` or later.
    fn match_end(&self, text: &[u8], from: usize) -> bool {
        match self {
            Piece::Plain(bytes) => text[from..].ends_with(bytes),
            Piece::Holes(units) => {
                let mut end = text.len();
                for unit in units.iter().rev() {
                    if end == from {
                        return false;
                    }
                    end -= 1;
                    match unit {
                        Some(wanted) if *wanted != text[end] => return false,
                        Some(_) => {}
                        None => {
                            while end > from && is_continuation(text[end]) {
                                end -= 1;
                            }
                        }
                    }
                }
                true
            }
        }
    }
}

fn next_code_point(text: &[u8], at: usize) -> usize {
    let mut next = at + 1;
    while next < text.len() && is_continuation(text[next]) {
        next += 1;
    }
    next
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    fn like(text: &str, pattern: &str) -> bool {
        Pattern::parse(pattern).expect("a pattern").matches(text.as_bytes())
    }

    /// By definition: tries every length for each `%`.
    fn naive(text: &[char], pattern: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['%', rest @ ..] => (0..=text.len()).any(|skip| naive(&text[skip..], rest)),
            ['_', rest @ ..] => !text.is_empty() && naive(&text[1..], rest),
            ['\\', byte, rest @ ..] | [byte, rest @ ..] => text.first() == Some(byte) && naive(&text[1..], rest),
        }
    }

    #[test]
    fn takes_the_wildcards_as_sql_does() {
        assert!(like("", "") && like("", "%") && like("", "%%") && !like("", "_"));
        assert!(like("über", "_ber") && like("über", "%_ber") && like("日本語", "___") && !like("日本語", "____"));
        assert!(like("a\nb", "a_b") && like("a\nb", "a%b") && !like("Ab", "ab"));
        assert!(like("50%", r"50\%") && !like("50x", r"50\%") && like(r"a\b", r"a\\b"));
    }

    #[test]
    fn refuses_a_lone_escape_at_the_end() {
        assert_eq!(Pattern::parse("a\\").expect_err("lone escape").kind, "execution");
    }

    #[test]
    fn agrees_with_the_definition_on_all_small_cases() {
        let text_units = ['a', 'b', 'é'];
        let pattern_units = ['a', 'é', '_', '%'];
        let words = |units: &[char], length: u32| -> Vec<Vec<char>> {
            let count = units.len().pow(length);
            (0..count)
                .map(|n| (0..length).map(|at| units[n / units.len().pow(at) % units.len()]).collect())
                .collect()
        };
        for pattern in (0..5).flat_map(|length| words(&pattern_units, length)) {
            let parsed = Pattern::parse(&pattern.iter().collect::<String>()).expect("a pattern");
            for text in (0..5).flat_map(|length| words(&text_units, length)) {
                let string: String = text.iter().collect();
                assert_eq!(
                    parsed.matches(string.as_bytes()),
                    naive(&text, &pattern),
                    "{string:?} like {pattern:?}"
                );
            }
        }
    }
}
