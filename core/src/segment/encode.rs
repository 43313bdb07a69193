//! Encodes picked rows as the payload of a `schema.FieldData` message.

use super::schema::ColumnSchema;
use super::snapshot::Pick;

/// `header` (the encoded type, name, id of a FieldData) followed by the encoded values of these rows.
/// `keys`: of each JSON object only these keys.
pub fn encode_field(_header: &[u8], _column: &ColumnSchema, _picks: &[Pick], _keys: Option<&[String]>) -> Vec<u8> {
    todo!()
}
