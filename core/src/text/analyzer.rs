//! An analyzer, made of Milvus's JSON.
//!
//! | JSON | analyzer |
//! | --- | --- |
//! | nothing, `{}` | `standard` |
//! | `{"type": name, "stop_words": [..]}` | a built-in one, with further stop words at its end |
//! | `{"tokenizer": .., "filter": [..]}` | a tokenizer and filters, each a name or an object with `type` and its parameters |

use serde_json::Value;

use super::filter::Filter;
use super::json::{Object, fault, texts_of};
use super::stop_words::ENGLISH;
use super::tokenizer::{Token, Tokenizer};
use crate::failure::{Failure, Outcome};

#[derive(Debug)]
pub struct Analyzer {
    tokenizer: Tokenizer,
    filters: Vec<Filter>,
}

impl Analyzer {
    /// `json`: empty for the standard one. Kind `analyzer`.
    pub fn parse(json: &str) -> Outcome<Analyzer> {
        if json.is_empty() {
            return Analyzer::built_in("standard");
        }
        let params: Object = serde_json::from_str(json).map_err(|error| fault("notJson", error.to_string()))?;
        if params.is_empty() {
            return Analyzer::built_in("standard");
        }
        match params.get("type") {
            Some(Value::String(name)) => {
                let mut analyzer = Analyzer::built_in(name)?;
                let words = params
                    .get("stop_words")
                    .map(|words| texts_of(words, "filter stop_words"))
                    .transpose()?;
                if let Some(words) = words.filter(|words| !words.is_empty()) {
                    analyzer.filters.push(Filter::stop(words)?);
                }
                Ok(analyzer)
            }
            Some(_) => Err(fault("typeNotText", "")),
            None => Analyzer::custom(&params),
        }
    }

    fn built_in(name: &str) -> Outcome<Analyzer> {
        let (tokenizer, filters) = match name {
            "standard" => (Tokenizer::Standard, vec![Filter::Lowercase]),
            "english" => {
                let stop = Filter::stop(ENGLISH.iter().map(|&word| word.to_owned()))?;
                (Tokenizer::Standard, vec![Filter::Lowercase, Filter::stemmer("english")?, stop])
            }
            "chinese" => (Tokenizer::jieba(), vec![Filter::HanAlphanumericOnly]),
            "arabic" | "thai" => return Err(unbuilt(format!("analyzer type {name}"))),
            _ => return Err(fault("unknownType", name)),
        };
        Ok(Analyzer { tokenizer, filters })
    }

    fn custom(params: &Object) -> Outcome<Analyzer> {
        let tokenizer = params.get("tokenizer").ok_or_else(|| fault("noTokenizer", ""))?;
        let tokenizer = Tokenizer::parse(tokenizer)?;
        if let Some(key) = params.keys().find(|key| !matches!(key.as_str(), "tokenizer" | "filter")) {
            return Err(fault("unknownKey", key));
        }
        let filters = match params.get("filter") {
            Some(Value::Array(filters)) => filters.iter().map(Filter::parse).collect::<Outcome<_>>()?,
            Some(_) => return Err(fault("filtersNotList", "")),
            None => Vec::new(),
        };
        Ok(Analyzer { tokenizer, filters })
    }

    /// The tokens of a text, in order.
    pub fn each<'a>(&self, text: &'a str, mut take: impl FnMut(Token<'a>)) {
        self.tokenizer.each(text, &mut |token| pass(&self.filters, token, &mut take));
    }
}

/// Each filter hands on what it makes of a token.
fn pass<'a>(filters: &[Filter], token: Token<'a>, take: &mut dyn FnMut(Token<'a>)) {
    match filters.split_first() {
        None => take(token),
        Some((first, rest)) => first.apply(token, &mut |token| pass(rest, token, take)),
    }
}

/// A part of Milvus's analyzers that is not built.
pub(super) fn unbuilt(what: String) -> Failure {
    fault("unbuilt", what)
}
