//! What a call into the core can fail with: a kind and arguments, never words for a user. `src/engine/core-errors.ts` lists the kinds.

use serde::Serialize;

/// One argument of a failure.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Arg {
    Int(i64),
    Text(String),
}

impl From<usize> for Arg {
    fn from(value: usize) -> Self {
        Arg::Int(value as i64)
    }
}
impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Arg::Int(value)
    }
}
impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        Arg::Text(value.to_owned())
    }
}
impl From<String> for Arg {
    fn from(value: String) -> Self {
        Arg::Text(value)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    pub kind: &'static str,
    #[serde(rename = "fieldId", skip_serializing_if = "Option::is_none")]
    pub field_id: Option<u32>,
    pub args: Vec<Arg>,
}

pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    pub fn new(kind: &'static str, args: Vec<Arg>) -> Self {
        Failure {
            kind,
            field_id: None,
            args,
        }
    }

    pub fn of_field(kind: &'static str, field_id: u32, args: Vec<Arg>) -> Self {
        Failure {
            kind,
            field_id: Some(field_id),
            args,
        }
    }

    pub fn malformed(text: impl Into<String>) -> Self {
        Failure::new("malformed", vec![Arg::Text(text.into())])
    }

    /// The text that crosses to Node.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| String::from(r#"{"kind":"panic","args":["failure"]}"#))
    }
}
