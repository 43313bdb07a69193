//! Letters as ASCII has them: marks are left out, and letters that are no ASCII letter with a mark are spelled.
//!
//! A letter whose decomposition (Unicode's NFKD) is ASCII and marks becomes that; the few Latin letters without a decomposition are in a table. All
//! others stay as they are.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

const SPELLED: [(char, &str); 44] = [
    ('Æ', "AE"),
    ('æ', "ae"),
    ('Ǽ', "AE"),
    ('ǽ', "ae"),
    ('Œ', "OE"),
    ('œ', "oe"),
    ('Ø', "O"),
    ('ø', "o"),
    ('Ǿ', "O"),
    ('ǿ', "o"),
    ('ß', "ss"),
    ('ẞ', "SS"),
    ('Ð', "D"),
    ('ð', "d"),
    ('Đ', "D"),
    ('đ', "d"),
    ('Þ', "TH"),
    ('þ', "th"),
    ('Ħ', "H"),
    ('ħ', "h"),
    ('ı', "i"),
    ('ĸ', "q"),
    ('Ł', "L"),
    ('ł', "l"),
    ('Ŋ', "N"),
    ('ŋ', "n"),
    ('Ŧ', "T"),
    ('ŧ', "t"),
    ('ƀ', "b"),
    ('Ƀ', "B"),
    ('Ɖ', "D"),
    ('ƒ', "f"),
    ('Ƒ', "F"),
    ('ƙ', "k"),
    ('Ɨ', "I"),
    ('ɨ', "i"),
    ('ƶ', "z"),
    ('Ƶ', "Z"),
    ('ə', "a"),
    ('Ə', "A"),
    ('ɓ', "b"),
    ('‘', "'"),
    ('’', "'"),
    ('–', "-"),
];

/// None when the text stays as it is.
pub fn fold(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii() {
            folded.push(letter);
        } else if let Some((_, spelled)) = SPELLED.iter().find(|(of, _)| *of == letter) {
            folded.push_str(spelled);
        } else {
            push_without_marks(letter, &mut folded);
        }
    }
    (folded != text).then_some(folded)
}

fn push_without_marks(letter: char, out: &mut String) {
    let start = out.len();
    let mut is_ascii = true;
    decompose_compatible(letter, |part| match part {
        _ if part.is_ascii() => out.push(part),
        _ => is_ascii &= is_combining_mark(part),
    });
    if !is_ascii || out.len() == start {
        out.truncate(start);
        out.push(letter);
    }
}
