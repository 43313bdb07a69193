//! How a text is cut into tokens.

use std::borrow::Cow;
use std::fmt::{Debug, Formatter};

use jieba_rs::TokenizeMode;
use serde_json::Value;

use super::analyzer::unbuilt;
use super::dictionary::Dictionary;
use super::json::{Object, fault};
use crate::failure::Outcome;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    pub text: Cow<'a, str>,
}

impl<'a> From<&'a str> for Token<'a> {
    fn from(text: &'a str) -> Self {
        Token { text: Cow::Borrowed(text) }
    }
}

pub enum Tokenizer {
    /// Runs of letters and digits, as Unicode knows them.
    Standard,
    /// What ASCII white space parts.
    Whitespace,
    /// Words of Chinese by a dictionary; what stands between them comes out too.
    Jieba {
        words: Box<Dictionary>,
        mode: TokenizeMode,
        guesses: bool,
    },
}

impl Debug for Tokenizer {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Tokenizer::Standard => "Standard",
            Tokenizer::Whitespace => "Whitespace",
            Tokenizer::Jieba { .. } => "Jieba",
        })
    }
}

const UNBUILT: [&str; 6] = ["lindera", "char_group", "icu", "thai", "language_identifier", "grpc"];

impl Tokenizer {
    /// Of a name, or an object with a `type`.
    pub fn parse(value: &Value) -> Outcome<Tokenizer> {
        let nothing = Object::new();
        let (name, params) = match value {
            Value::String(name) => (name.as_str(), &nothing),
            Value::Object(params) => match params.get("type") {
                Some(Value::String(name)) => (name.as_str(), params),
                Some(_) => return Err(fault("tokenizerTypeNotText", "")),
                None => return Err(fault("noTokenizerType", "")),
            },
            _ => return Err(fault("tokenizerShape", "")),
        };
        match name {
            "standard" => Ok(Tokenizer::Standard),
            "whitespace" => Ok(Tokenizer::Whitespace),
            "jieba" => Tokenizer::jieba_of(params),
            _ if UNBUILT.contains(&name) => Err(unbuilt(format!("tokenizer {name}"))),
            _ => Err(fault("unknownTokenizer", name)),
        }
    }

    pub fn jieba() -> Tokenizer {
        Tokenizer::Jieba {
            words: Box::default(),
            mode: TokenizeMode::Search,
            guesses: true,
        }
    }

    fn jieba_of(params: &Object) -> Outcome<Tokenizer> {
        if params.contains_key("extra_dict_file") {
            return Err(unbuilt(String::from("extra_dict_file of tokenizer jieba")));
        }
        let words = params.get("dict").map(Dictionary::parse).transpose()?.map(Box::new);
        let mode = match params.get("mode") {
            None => TokenizeMode::Search,
            Some(Value::String(mode)) if mode == "search" => TokenizeMode::Search,
            Some(Value::String(mode)) if mode == "exact" => TokenizeMode::Default,
            Some(Value::String(_)) => return Err(fault("unknownJiebaMode", "")),
            Some(_) => return Err(fault("jiebaModeNotText", "")),
        };
        let guesses = match params.get("hmm") {
            None => true,
            Some(hmm) => hmm.as_bool().ok_or_else(|| fault("jiebaHmmNotFlag", ""))?,
        };
        Ok(Tokenizer::Jieba {
            words: words.unwrap_or_default(),
            mode,
            guesses,
        })
    }

    pub fn each<'a>(&self, text: &'a str, take: &mut dyn FnMut(Token<'a>)) {
        match self {
            Tokenizer::Standard => {
                let words = text.split(|letter: char| !letter.is_alphanumeric());
                words.filter(|word| !word.is_empty()).for_each(|word| take(word.into()));
            }
            Tokenizer::Whitespace => text.split_ascii_whitespace().for_each(|word| take(word.into())),
            Tokenizer::Jieba { words, mode, guesses } => {
                let tokens = words.get().tokenize(text, *mode, *guesses);
                tokens.into_iter().for_each(|token| take(token.word.into()));
            }
        }
    }
}
