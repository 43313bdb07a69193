//! Reading an analyzer's JSON.

use serde_json::{Map, Value};

use crate::failure::{Failure, Outcome};

pub type Object = Map<String, Value>;

/// An analyzer that cannot be made: the name of the fault, and what it is about.
pub fn fault(name: &str, about: impl Into<String>) -> Failure {
    Failure::new("analyzer", vec![name.into(), about.into().into()])
}

/// The texts of a list. `about`: what the list is, for the words.
pub fn texts_of(value: &Value, about: &str) -> Outcome<Vec<String>> {
    let list = value.as_array().ok_or_else(|| fault("notList", about))?;
    let text = |item: &Value| item.as_str().map(str::to_owned).ok_or_else(|| fault("notText", about));
    list.iter().map(text).collect()
}
