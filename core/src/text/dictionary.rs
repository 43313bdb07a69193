//! Dictionaries of Chinese words. They are loaded when a text first needs them, which takes long: never where a request is only looked at.

use std::sync::{LazyLock, OnceLock};

use jieba_rs::Jieba;
use serde_json::Value;

use super::analyzer::unbuilt;
use super::json::{fault, texts_of};
use crate::failure::Outcome;

/// The one that the crate brings.
static STANDARD: LazyLock<Jieba> = LazyLock::new(Jieba::new);
/// How JSON names it.
const STANDARD_NAME: &str = "_default_";

pub struct Dictionary {
    /// Whether it has the words of the standard one.
    is_standard: bool,
    more: Vec<String>,
    /// Of a dictionary that is not just the standard one.
    loaded: OnceLock<Jieba>,
}

impl Default for Dictionary {
    fn default() -> Self {
        Dictionary {
            is_standard: true,
            more: Vec::new(),
            loaded: OnceLock::new(),
        }
    }
}

impl Dictionary {
    /// Of a list of words, which may name the standard one.
    pub fn parse(list: &Value) -> Outcome<Dictionary> {
        let mut more = texts_of(list, "jieba tokenizer dict")?;
        if more.iter().any(|word| word == "_extend_default_") {
            return Err(unbuilt(String::from("dict _extend_default_ of tokenizer jieba")));
        }
        let count = more.len();
        more.retain(|word| word != STANDARD_NAME);
        if count - more.len() > 1 {
            return Err(fault("twoJiebaDictionaries", ""));
        }
        let is_standard = more.len() < count;
        more.retain(|word| !word.is_empty());
        Ok(Dictionary {
            is_standard,
            more,
            loaded: OnceLock::new(),
        })
    }

    pub fn get(&self) -> &Jieba {
        if self.is_standard && self.more.is_empty() {
            return &STANDARD;
        }
        self.loaded.get_or_init(|| {
            let mut words = if self.is_standard {
                Jieba::clone(&STANDARD)
            } else {
                Jieba::empty()
            };
            for word in &self.more {
                words.add_word(word, None, None);
            }
            words
        })
    }
}
