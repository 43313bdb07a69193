//! What becomes of tokens: each filter changes a token, or leaves it out.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::{Debug, Formatter};

use rust_stemmers::{Algorithm, Stemmer};
use serde_json::Value;

use super::analyzer::unbuilt;
use super::folding::fold;
use super::han::is_han;
use super::json::{Object, fault, texts_of};
use super::stop_words::ENGLISH;
use super::tokenizer::Token;
use crate::failure::Outcome;

pub enum Filter {
    Lowercase,
    /// Letters with marks as those without.
    AsciiFolding,
    /// Leaves out tokens with anything but ASCII letters and digits.
    AlphanumericOnly,
    /// Leaves out tokens without a Chinese character.
    HanOnly,
    /// Leaves out tokens without a Chinese character, an ASCII letter or a digit.
    HanAlphanumericOnly,
    /// Leaves out tokens of more bytes.
    Length(usize),
    Stop(HashSet<String>),
    Stemmer(Stemmer),
}

impl Debug for Filter {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Filter::Lowercase => "Lowercase",
            Filter::AsciiFolding => "AsciiFolding",
            Filter::AlphanumericOnly => "AlphanumericOnly",
            Filter::HanOnly => "HanOnly",
            Filter::HanAlphanumericOnly => "HanAlphanumericOnly",
            Filter::Length(_) => "Length",
            Filter::Stop(_) => "Stop",
            Filter::Stemmer(_) => "Stemmer",
        })
    }
}

const UNBUILT_NAMES: [&str; 4] = ["removepunct", "pinyin", "decimaldigit", "arabic_normalization"];
const UNBUILT_TYPES: [&str; 4] = ["decompounder", "regex", "synonym", "pinyin"];
/// Languages whose stop words have a name but are not there.
const UNBUILT_STOP_WORDS: [&str; 15] = [
    "_arabic_",
    "_danish_",
    "_dutch_",
    "_finnish_",
    "_french_",
    "_german_",
    "_hungarian_",
    "_italian_",
    "_norwegian_",
    "_portuguese_",
    "_russian_",
    "_spanish_",
    "_swedish_",
    "_thai_",
    "_chinese_",
];

impl Filter {
    /// Of a name, or an object with a `type`.
    pub fn parse(value: &Value) -> Outcome<Filter> {
        match value {
            Value::String(name) => Filter::named(name),
            Value::Object(params) => Filter::of(params),
            _ => Err(fault("filterShape", "")),
        }
    }

    fn named(name: &str) -> Outcome<Filter> {
        match name {
            "lowercase" => Ok(Filter::Lowercase),
            "asciifolding" => Ok(Filter::AsciiFolding),
            "alphanumonly" => Ok(Filter::AlphanumericOnly),
            "cncharonly" => Ok(Filter::HanOnly),
            "cnalphanumonly" => Ok(Filter::HanAlphanumericOnly),
            _ if UNBUILT_NAMES.contains(&name) => Err(unbuilt(format!("filter {name}"))),
            _ => Err(fault("unknownFilter", name)),
        }
    }

    fn of(params: &Object) -> Outcome<Filter> {
        let kind = match params.get("type") {
            Some(Value::String(kind)) => kind.as_str(),
            Some(_) => return Err(fault("filterTypeNotText", "")),
            None => return Err(fault("noFilterType", "")),
        };
        match kind {
            "length" => {
                let most = params.get("max").and_then(Value::as_u64).ok_or_else(|| fault("noLength", ""))?;
                Ok(Filter::Length(usize::try_from(most).unwrap_or(usize::MAX)))
            }
            "stop" if params.contains_key("stop_words_file") => Err(unbuilt(String::from("stop_words_file of filter stop"))),
            "stop" => {
                let words = params.get("stop_words").map(|words| texts_of(words, "stop_words")).transpose()?;
                Filter::stop(words.unwrap_or_default())
            }
            "stemmer" => match params.get("language") {
                Some(Value::String(language)) => Filter::stemmer(language),
                _ => Err(fault("noLanguage", "")),
            },
            _ if UNBUILT_TYPES.contains(&kind) => Err(unbuilt(format!("filter {kind}"))),
            _ => Err(fault("unknownFilterType", kind)),
        }
    }

    /// Leaves out these words; `_english_` stands for those of English.
    pub fn stop(words: impl IntoIterator<Item = String>) -> Outcome<Filter> {
        let mut stopped = HashSet::new();
        for word in words {
            match word.as_str() {
                "_english_" => stopped.extend(ENGLISH.iter().map(|&word| word.to_owned())),
                name if UNBUILT_STOP_WORDS.contains(&name) => return Err(unbuilt(format!("stop words {name}"))),
                _ => {
                    stopped.insert(word);
                }
            }
        }
        Ok(Filter::Stop(stopped))
    }

    /// Words as their stems, by Snowball's rules of the language.
    pub fn stemmer(language: &str) -> Outcome<Filter> {
        let lower = language.to_lowercase();
        let algorithm = match lower.as_str() {
            // The second is a slip that Milvus takes too.
            "arabic" | "arabig" => Algorithm::Arabic,
            "danish" => Algorithm::Danish,
            "dutch" => Algorithm::Dutch,
            "english" => Algorithm::English,
            "finnish" => Algorithm::Finnish,
            "french" => Algorithm::French,
            "german" => Algorithm::German,
            "greek" => Algorithm::Greek,
            "hungarian" => Algorithm::Hungarian,
            "italian" => Algorithm::Italian,
            "norwegian" => Algorithm::Norwegian,
            "portuguese" => Algorithm::Portuguese,
            "romanian" => Algorithm::Romanian,
            "russian" => Algorithm::Russian,
            "spanish" => Algorithm::Spanish,
            "swedish" => Algorithm::Swedish,
            "tamil" => Algorithm::Tamil,
            "turkish" => Algorithm::Turkish,
            _ => return Err(fault("unknownLanguage", lower)),
        };
        Ok(Filter::Stemmer(Stemmer::create(algorithm)))
    }

    /// Hands on what is left of the token.
    pub fn apply<'a>(&self, mut token: Token<'a>, next: &mut dyn FnMut(Token<'a>)) {
        let text = &token.text;
        let stays = match self {
            Filter::Lowercase => {
                lower(&mut token.text);
                true
            }
            Filter::AsciiFolding => {
                if let Some(folded) = fold(text) {
                    token.text = Cow::Owned(folded);
                }
                true
            }
            Filter::AlphanumericOnly => text.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            Filter::HanOnly => text.chars().any(is_han),
            Filter::HanAlphanumericOnly => text.chars().any(|letter| letter.is_ascii_alphanumeric() || is_han(letter)),
            Filter::Length(most) => text.len() <= *most,
            Filter::Stop(words) => !words.contains(text.as_ref()),
            Filter::Stemmer(stemmer) => {
                let stem = stemmer.stem(text);
                if stem != *text {
                    token.text = Cow::Owned(stem.into_owned());
                }
                true
            }
        };
        if stays {
            next(token);
        }
    }
}

/// Letter by letter, whatever stands beside it.
fn lower(text: &mut Cow<str>) {
    if text.is_ascii() {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            text.to_mut().make_ascii_lowercase();
        }
        return;
    }
    *text = Cow::Owned(text.chars().flat_map(char::to_lowercase).collect());
}
