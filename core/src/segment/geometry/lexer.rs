//! Words, numbers and brackets of a WKT text, and where each stands.

use super::{Kind, Layout};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Token {
    End,
    /// A kind, with the layout that its name tells.
    Name(Kind, Option<Layout>),
    Empty,
    Number(f64),
    Open,
    Close,
    Comma,
}

impl Token {
    /// As messages name it.
    pub fn name(self) -> String {
        match self {
            Token::End => String::from("$end"),
            Token::Name(kind, layout) => format!("{}{}", kind.name(), layout.map_or("", Layout::suffix).trim_end()),
            Token::Empty => String::from("EMPTY"),
            Token::Number(_) => String::from("NUM"),
            Token::Open => String::from("'('"),
            Token::Close => String::from("')'"),
            Token::Comma => String::from("','"),
        }
    }
}

pub struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    /// Start of the token read last.
    start: usize,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Self {
        Lexer {
            text: text.as_bytes(),
            at: 0,
            start: 0,
        }
    }

    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    fn take_while(&mut self, keep: impl Fn(u8) -> bool) -> &'a [u8] {
        let start = self.at;
        while self.text.get(self.at).is_some_and(|byte| keep(*byte)) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    fn skip_spaces(&mut self) {
        self.take_while(|byte| matches!(byte, b'\t'..=b'\r' | b' '));
    }

    pub fn next(&mut self) -> Result<Token, String> {
        self.skip_spaces();
        self.start = self.at;
        if self.at == self.text.len() {
            return Ok(Token::End);
        }
        let single = match self.peek() {
            b'(' => Token::Open,
            b')' => Token::Close,
            b',' => Token::Comma,
            byte if byte.is_ascii_alphabetic() => return self.keyword(),
            b'0'..=b'9' | b'-' | b'.' => return self.number(),
            _ => return Err(self.refuse("invalid character", "")),
        };
        self.at += 1;
        Ok(single)
    }

    fn keyword(&mut self) -> Result<Token, String> {
        let mut word = self.take_while(|byte| byte.is_ascii_alphabetic()).to_ascii_uppercase();
        if word == b"EMPTY" {
            return Ok(Token::Empty);
        }
        self.skip_spaces();
        for letter in [b'Z', b'M'] {
            if self.peek().to_ascii_uppercase() == letter {
                self.at += 1;
                word.push(letter);
            }
        }
        let layouts = [
            (None, ""),
            (Some(Layout::Xyz), "Z"),
            (Some(Layout::Xym), "M"),
            (Some(Layout::Xyzm), "ZM"),
        ];
        for kind in Kind::ALL {
            for (layout, suffix) in layouts {
                if word.strip_prefix(kind.name().as_bytes()) == Some(suffix.as_bytes()) {
                    return Ok(Token::Name(kind, layout));
                }
            }
        }
        Err(self.refuse("invalid keyword", ""))
    }

    fn number(&mut self) -> Result<Token, String> {
        let digits = self.take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E'));
        let value = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<f64>().ok());
        match value.filter(|value| value.is_finite()) {
            Some(value) => Ok(Token::Number(value)),
            None => Err(self.refuse("invalid number", "")),
        }
    }

    /// A message that shows the line of the token read last, at most 30 bytes to both sides.
    pub fn refuse(&self, problem: &str, hint: &str) -> String {
        const AROUND: usize = 30;
        let line_number = self.text[..self.start].iter().filter(|byte| **byte == b'\n').count() + 1;
        let line_start = self.text[..self.start]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let line_end = self.text[self.start..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(self.text.len(), |length| self.start + length);
        let first = line_start.max(self.start.saturating_sub(AROUND));
        let last = line_end.min(self.start + AROUND);
        let prefix = format!("LINE {line_number}: {}", if first > line_start { "..." } else { "" });
        let snippet = String::from_utf8_lossy(&self.text[first..last]).replace('\t', " ");
        let more = if last < line_end { "..." } else { "" };
        let cursor = " ".repeat(prefix.len() + self.start - first);
        let hint = if hint.is_empty() {
            String::new()
        } else {
            format!("\nHINT: {hint}")
        };
        let position = self.start - line_start;
        format!("syntax error: {problem} at line {line_number}, pos {position}\n{prefix}{snippet}{more}\n{cursor}^{hint}")
    }
}
