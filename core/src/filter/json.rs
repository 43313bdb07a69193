//! Finds a value in JSON text and reads it, without building a tree and without recursion.
//!
//! The text was checked when the row came in; should it be broken nevertheless, what lies beyond the fault counts as absent. Of equal keys in an object
//! the first one counts. A step fits both containers, as in a JSON pointer: the index 3 is the key "3" of an object, and the key "3" is the index 3.

use std::borrow::Cow;

use super::program::Step;

/// A step in both of its readings.
#[derive(Clone, Debug, PartialEq)]
pub struct PathStep {
    key: Vec<u8>,
    index: Option<usize>,
}

impl From<&Step> for PathStep {
    fn from(step: &Step) -> Self {
        match step {
            Step::Index(index) => PathStep {
                key: index.to_string().into_bytes(),
                index: Some(*index as usize),
            },
            Step::Key(key) => {
                let index = key.parse::<usize>().ok().filter(|index| index.to_string() == *key);
                PathStep {
                    key: key.clone().into_bytes(),
                    index,
                }
            }
        }
    }
}

/// What a value is; containers are not opened.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// Also integers beyond int64.
    Float(f64),
    Text(Cow<'a, [u8]>),
    Array,
    Object,
}

/// The text from the first byte of the value at `path` on; what follows the value is still behind it.
pub fn find<'a>(text: &'a [u8], path: &[PathStep]) -> Option<&'a [u8]> {
    let mut at = skip_space(text, 0);
    for step in path {
        at = match text.get(at)? {
            b'{' => find_member(text, at + 1, &step.key)?,
            b'[' => find_element(text, at + 1, step.index?)?,
            _ => return None,
        };
    }
    text.get(at..).filter(|rest| !rest.is_empty())
}

/// Reads the value that `text` begins with.
pub fn kind(text: &[u8]) -> Option<Kind<'_>> {
    Some(match text.first()? {
        b'n' => Kind::Null,
        b't' => Kind::Bool(true),
        b'f' => Kind::Bool(false),
        b'[' => Kind::Array,
        b'{' => Kind::Object,
        b'"' => Kind::Text(unescaped(&text[..skip_string(text, 0)?])?),
        _ => {
            let number = std::str::from_utf8(&text[..skip_scalar(text, 0)]).ok()?;
            match number.parse::<i64>() {
                Ok(integer) => Kind::Int(integer),
                Err(_) => Kind::Float(number.parse().ok()?),
            }
        }
    })
}

/// The value that `text` begins with, alone.
pub fn value_text(text: &[u8]) -> Option<&[u8]> {
    Some(&text[..skip_value(text, 0)?])
}

/// The elements of the array that `text` begins with, each alone; none when it begins with something else.
pub fn elements(text: &[u8]) -> Elements<'_> {
    let at = if text.first() == Some(&b'[') {
        skip_space(text, 1)
    } else {
        text.len()
    };
    Elements {
        text,
        at: if text.get(at) == Some(&b']') { text.len() } else { at },
    }
}

pub struct Elements<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let end = skip_value(self.text, self.at)?;
        let element = &self.text[self.at..end];
        let behind = skip_space(self.text, end);
        self.at = if self.text.get(behind) == Some(&b',') {
            skip_space(self.text, behind + 1)
        } else {
            self.text.len()
        };
        Some(element)
    }
}

/// Whether the value that `text` begins with is, or contains, something other than null and empty containers.
pub fn has_leaf(text: &[u8]) -> bool {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return false;
                }
            }
            b'"' => {
                let Some(end) = skip_string(text, at) else { return false };
                at = skip_space(text, end);
                if text.get(at) != Some(&b':') {
                    return true;
                }
            }
            b'n' => {
                if depth == 0 {
                    return false;
                }
                at += 3;
            }
            b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' => {}
            _ => return true,
        }
        at += 1;
    }
    false
}

/// The start of the value of a key; `at` is behind the opening brace.
fn find_member(text: &[u8], at: usize, key: &[u8]) -> Option<usize> {
    let mut at = skip_space(text, at);
    loop {
        if text.get(at) != Some(&b'"') {
            return None;
        }
        let end = skip_string(text, at)?;
        let name = &text[at..end];
        at = skip_space(text, end);
        if text.get(at) != Some(&b':') {
            return None;
        }
        at = skip_space(text, at + 1);
        if is_key(name, key) {
            return Some(at);
        }
        at = skip_space(text, skip_value(text, at)?);
        if text.get(at) != Some(&b',') {
            return None;
        }
        at = skip_space(text, at + 1);
    }
}

/// The start of an element; `at` is behind the opening bracket.
fn find_element(text: &[u8], at: usize, index: usize) -> Option<usize> {
    let mut at = skip_space(text, at);
    if text.get(at) == Some(&b']') {
        return None;
    }
    for _ in 0..index {
        at = skip_space(text, skip_value(text, at)?);
        if text.get(at) != Some(&b',') {
            return None;
        }
        at = skip_space(text, at + 1);
    }
    Some(at)
}

/// `name` has its quotes.
fn is_key(name: &[u8], key: &[u8]) -> bool {
    let bare = &name[1..name.len() - 1];
    bare == key || (bare.contains(&b'\\') && unescaped(name).is_some_and(|name| *name == *key))
}

/// The bytes of a string that is given with its quotes.
fn unescaped(quoted: &[u8]) -> Option<Cow<'_, [u8]>> {
    let bare = &quoted[1..quoted.len() - 1];
    if !bare.contains(&b'\\') {
        return Some(Cow::Borrowed(bare));
    }
    serde_json::from_slice::<String>(quoted)
        .ok()
        .map(|text| Cow::Owned(text.into_bytes()))
}

fn skip_space(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// The position behind the string whose opening quote is at `at`.
fn skip_string(text: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        at += text.get(at..)?.iter().position(|&byte| byte == b'"' || byte == b'\\')?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

fn skip_scalar(text: &[u8], at: usize) -> usize {
    let length = text[at..]
        .iter()
        .position(|byte| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r'));
    length.map_or(text.len(), |length| at + length)
}

/// The position behind the value that starts at `at`.
fn skip_value(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at)? {
        b'"' => return skip_string(text, at),
        b'{' | b'[' => {}
        _ => return Some(skip_scalar(text, at)),
    }
    let mut depth = 0usize;
    let mut at = at;
    loop {
        at += text[at..]
            .iter()
            .position(|byte| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']'))?;
        match text[at] {
            b'"' => at = skip_string(text, at)? - 1,
            b'{' | b'[' => depth += 1,
            _ => depth -= 1,
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
        text.get(at)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at<'a>(text: &'a str, steps: &[&str]) -> Option<Kind<'a>> {
        let path: Vec<PathStep> = steps.iter().map(|step| PathStep::from(&Step::Key((*step).to_owned()))).collect();
        find(text.as_bytes(), &path).and_then(kind)
    }

    fn text(text: &str) -> Option<Kind<'_>> {
        Some(Kind::Text(Cow::Borrowed(text.as_bytes())))
    }

    #[test]
    fn follows_keys_and_indexes() {
        let json = r#" { "skip" : {"a":[1,"}]",{}]} , "a" : [ [ ] , -7, {"b\n": "é\u0041"} ], "3": 1.5, "big": 18446744073709551615 } "#;
        assert_eq!(at(json, &["a", "1"]), Some(Kind::Int(-7)));
        assert_eq!(at(json, &["a", "2", "b\n"]), text("éA"));
        assert_eq!(at(json, &["skip", "a", "1"]), text("}]"));
        assert_eq!(at(json, &["3"]), Some(Kind::Float(1.5)));
        assert_eq!(at(json, &["big"]), Some(Kind::Float(18446744073709551615.0)));
        assert_eq!(at(json, &[]), Some(Kind::Object));
        for absent in [&["b"][..], &["a", "3"], &["a", "0", "0"], &["a", "01"], &["3", "x"], &["a", "x"]] {
            assert_eq!(at(json, absent), None, "{absent:?}");
        }
    }

    #[test]
    fn walks_the_elements_of_an_array() {
        let all = |text: &'static str| -> Vec<&[u8]> { elements(text.as_bytes()).collect() };
        assert_eq!(
            all(r#"[ 1 , "a,]" ,[2,3], {"k":[]}] , 4"#),
            [&b"1"[..], b"\"a,]\"", b"[2,3]", br#"{"k":[]}"#]
        );
        for (text, count) in [
            ("[]", 0),
            ("[ ]", 0),
            ("[null]", 1),
            ("{}", 0),
            ("1", 0),
            ("", 0),
            ("[1,2", 2),
            ("[1,", 1),
            (r#"["a"#, 0),
        ] {
            assert_eq!(all(text).len(), count, "{text}");
        }
    }

    #[test]
    fn tells_whether_there_is_a_leaf() {
        for (json, expected) in [
            ("null", false),
            ("{}", false),
            (r#"{"a":[null,{"b":{}}]}, 1"#, false),
            ("0", true),
            ("false", true),
            (r#""""#, true),
            (r#"{"a":[null,{"b":[""]}]}"#, true),
            (r#"{"a":null,"b":0}"#, true),
        ] {
            assert_eq!(has_leaf(json.as_bytes()), expected, "{json}");
        }
    }

    #[test]
    fn broken_text_is_absent_and_deep_text_needs_no_stack() {
        let whole = r#"{"a":{"b":["x\"\\",1]},"c":"\u00e9"}"#;
        for end in 0..whole.len() {
            for path in [&["a", "b", "1"][..], &["c"], &["z"], &["a", "b", "0"], &[]] {
                at(&whole[..end], path);
                has_leaf(&whole.as_bytes()[..end]);
            }
        }
        let deep = "[".repeat(200_000);
        assert_eq!(at(&deep, &["1"]), None);
        assert!(!has_leaf(deep.as_bytes()));
    }
}
