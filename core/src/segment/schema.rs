//! What the core knows of a collection's schema: columns by id, with types and limits. Comes as JSON (`CoreColumn[]` of `src/engine/core.ts`).

use serde::Deserialize;

use crate::failure::{Failure, Outcome};

/// Milvus's DataType numbers of the types that a column can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    Float,
    Double,
    VarChar,
    Json,
    FloatVector,
}

impl ColumnType {
    pub fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Bool,
            2 => Self::Int8,
            3 => Self::Int16,
            4 => Self::Int32,
            5 => Self::Int64,
            10 => Self::Float,
            11 => Self::Double,
            21 => Self::VarChar,
            23 => Self::Json,
            101 => Self::FloatVector,
            _ => return None,
        })
    }

    pub fn number(self) -> u32 {
        match self {
            Self::Bool => 1,
            Self::Int8 => 2,
            Self::Int16 => 3,
            Self::Int32 => 4,
            Self::Int64 => 5,
            Self::Float => 10,
            Self::Double => 11,
            Self::VarChar => 21,
            Self::Json => 23,
            Self::FloatVector => 101,
        }
    }

    /// Bytes of one value; None: texts, whose lengths differ.
    pub fn width(self, dim: usize) -> Option<usize> {
        match self {
            Self::Bool | Self::Int8 => Some(1),
            Self::Int16 => Some(2),
            Self::Int32 | Self::Float => Some(4),
            Self::Int64 | Self::Double => Some(8),
            Self::FloatVector => Some(dim * 4),
            Self::VarChar | Self::Json => None,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawColumn {
    id: u32,
    #[serde(rename = "type")]
    number: u32,
    #[serde(default)]
    dim: usize,
    max_length: Option<usize>,
    #[serde(default)]
    nullable: bool,
    #[serde(default)]
    primary: bool,
    #[serde(default)]
    dynamic: bool,
    default: Option<serde_json::Value>,
}

#[derive(Clone, Debug)]
pub struct ColumnSchema {
    pub id: u32,
    pub kind: ColumnType,
    /// Elements of a vector; 0 for scalars.
    pub dim: usize,
    /// Bytes of a VarChar or JSON value; usize::MAX when there is no limit.
    pub max_length: usize,
    pub nullable: bool,
    pub primary: bool,
    pub dynamic: bool,
    /// 64-bit integers are decimal text.
    pub default: Option<serde_json::Value>,
}

impl ColumnSchema {
    /// Whether values of the other column may stand in this one.
    pub fn has_values_of(&self, other: &ColumnSchema) -> bool {
        (self.kind, self.dim) == (other.kind, other.dim)
    }
}

#[derive(Clone, Debug)]
pub struct Schema {
    pub columns: Vec<ColumnSchema>,
    /// Position of the primary key in `columns`.
    pub primary: usize,
}

impl Schema {
    pub fn parse(json: &str) -> Outcome<Schema> {
        let raw: Vec<RawColumn> = serde_json::from_str(json).map_err(|error| Failure::malformed(format!("schema: {error}")))?;
        let mut columns = Vec::with_capacity(raw.len());
        for column in raw {
            let kind = ColumnType::from_number(column.number)
                .ok_or_else(|| Failure::of_field("malformed", column.id, vec![format!("column type {}", column.number).into()]))?;
            if kind == ColumnType::FloatVector && column.dim == 0 {
                return Err(Failure::of_field("malformed", column.id, vec!["vectors without dim".into()]));
            }
            columns.push(ColumnSchema {
                id: column.id,
                kind,
                dim: column.dim,
                max_length: column.max_length.unwrap_or(usize::MAX),
                nullable: column.nullable,
                primary: column.primary,
                dynamic: column.dynamic,
                default: column.default,
            });
        }
        let primary = columns
            .iter()
            .position(|column| column.primary)
            .filter(|&at| matches!(columns[at].kind, ColumnType::Int64 | ColumnType::VarChar))
            .ok_or_else(|| Failure::malformed("schema has no primary key"))?;
        Ok(Schema { columns, primary })
    }

    pub fn position(&self, id: u32) -> Option<usize> {
        self.columns.iter().position(|column| column.id == id)
    }
}
