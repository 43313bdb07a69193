//! Keeps some keys of a JSON object; the values stay the bytes they are.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The object with only these keys. What is no object stays as it is.
pub fn keep_keys(text: &[u8], keys: &[String]) -> Vec<u8> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    reader.deserialize_map(Keep { keys }).unwrap_or_else(|_| text.to_vec())
}

struct Keep<'k> {
    keys: &'k [String],
}

impl<'de> Visitor<'de> for Keep<'_> {
    type Value = Vec<u8>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Vec<u8>, A::Error> {
        let mut out = vec![b'{'];
        while let Some(key) = entries.next_key::<String>()? {
            if !self.keys.contains(&key) {
                entries.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: &RawValue = entries.next_value()?;
            if out.len() > 1 {
                out.push(b',');
            }
            serde_json::to_writer(&mut out, &key).map_err(serde::de::Error::custom)?;
            out.push(b':');
            out.extend_from_slice(value.get().as_bytes());
        }
        out.push(b'}');
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_bytes_of_the_values() {
        let keys = [String::from("a"), String::from("q\"x"), String::from("absent")];
        let kept = keep_keys(
            br#" {"b":1,"a": {"x" : 1.50, "y":[1, 2]},"q\"x":12345678901234567890,"c":"a"} "#,
            &keys,
        );
        assert_eq!(
            String::from_utf8_lossy(&kept),
            r#"{"a":{"x" : 1.50, "y":[1, 2]},"q\"x":12345678901234567890}"#
        );
        assert_eq!(keep_keys(b"[1, 2]", &keys), b"[1, 2]");
        assert_eq!(keep_keys(b"{}", &keys), b"{}");
    }
}
