//! What the core knows of a collection's schema: columns by id, with types and limits. Comes as JSON (`CoreColumn[]` of `src/engine/core.ts`).

use std::sync::Arc;

use serde::Deserialize;

use super::geometry::wkb_of;
use crate::failure::{Failure, Outcome};
use crate::text::Analyzer;

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
    Array,
    Json,
    /// As WKB; see `geometry`.
    Geometry,
    /// Microseconds since 1970, UTC.
    Timestamptz,
    BinaryVector,
    FloatVector,
    Float16Vector,
    BFloat16Vector,
    SparseFloatVector,
    Int8Vector,
    /// Vectors of one dimension, any number of them a row; see `vector_lists`.
    VectorList,
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
            22 => Self::Array,
            23 => Self::Json,
            24 => Self::Geometry,
            26 => Self::Timestamptz,
            100 => Self::BinaryVector,
            101 => Self::FloatVector,
            102 => Self::Float16Vector,
            103 => Self::BFloat16Vector,
            104 => Self::SparseFloatVector,
            105 => Self::Int8Vector,
            106 => Self::VectorList,
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
            Self::Array => 22,
            Self::Json => 23,
            Self::Geometry => 24,
            Self::Timestamptz => 26,
            Self::BinaryVector => 100,
            Self::FloatVector => 101,
            Self::Float16Vector => 102,
            Self::BFloat16Vector => 103,
            Self::SparseFloatVector => 104,
            Self::Int8Vector => 105,
            Self::VectorList => 106,
        }
    }

    /// Whether a row is one vector.
    pub fn is_vector(self) -> bool {
        self.number() >= Self::BinaryVector.number() && self != Self::VectorList
    }

    /// Whether rows of it may be in a list.
    fn is_listed(self) -> bool {
        self.is_vector() && self != Self::SparseFloatVector
    }

    /// Whether the values of an array may have this type.
    fn is_element(self) -> bool {
        !self.is_vector()
            && !matches!(
                self,
                Self::Array | Self::VectorList | Self::Json | Self::Geometry | Self::Timestamptz
            )
    }

    /// Bytes of one value; None: texts, arrays, geometries and sparse vectors, whose lengths differ.
    pub fn width(self, dim: usize) -> Option<usize> {
        match self {
            Self::Bool | Self::Int8 => Some(1),
            Self::Int16 => Some(2),
            Self::Int32 | Self::Float => Some(4),
            Self::Int64 | Self::Double | Self::Timestamptz => Some(8),
            Self::FloatVector => Some(dim * 4),
            Self::BinaryVector => Some(dim / 8),
            Self::Int8Vector => Some(dim),
            Self::Float16Vector | Self::BFloat16Vector => Some(dim * 2),
            Self::VarChar | Self::Array | Self::Json | Self::Geometry | Self::SparseFloatVector | Self::VectorList => None,
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
    element_type: Option<u32>,
    max_capacity: Option<usize>,
    max_length: Option<usize>,
    #[serde(default)]
    nullable: bool,
    #[serde(default)]
    primary: bool,
    #[serde(default)]
    dynamic: bool,
    default: Option<serde_json::Value>,
    /// An analyzer's JSON.
    analyzer: Option<String>,
    terms_of: Option<u32>,
    struct_of: Option<u32>,
}

impl RawColumn {
    fn checked(self) -> Outcome<ColumnSchema> {
        let refuse = |text: String| Failure::of_field("malformed", self.id, vec![text.into()]);
        let kind_of = |number: u32| ColumnType::from_number(number).ok_or_else(|| refuse(format!("column type {number}")));
        let kind = kind_of(self.number)?;
        let width = kind.width(self.dim);
        if kind.is_vector() && (width == Some(0) || kind == ColumnType::BinaryVector && !self.dim.is_multiple_of(8)) {
            return Err(refuse(format!("vectors of dim {}", self.dim)));
        }
        let has_elements = matches!(kind, ColumnType::Array | ColumnType::VectorList);
        let element = self.element_type.filter(|_| has_elements).map(kind_of).transpose()?;
        if kind == ColumnType::Array && !element.is_some_and(ColumnType::is_element) {
            return Err(refuse(String::from("arrays of no type that elements have")));
        }
        if kind == ColumnType::VectorList {
            let width = element
                .filter(|element| element.is_listed())
                .and_then(|element| element.width(self.dim));
            if width.is_none_or(|width| width == 0) {
                return Err(refuse(String::from("lists of no vectors")));
            }
        }
        if self.default.is_some() && (kind.is_vector() || element.is_some()) {
            return Err(refuse(String::from("arrays and vectors have no default")));
        }
        if let (ColumnType::Geometry, Some(default)) = (kind, &self.default) {
            let text = default.as_str().ok_or_else(|| refuse(format!("default {default}")))?;
            wkb_of(text).map_err(|why| Failure::of_field("notGeometry", self.id, vec![why.into()]))?;
        }
        let is_text = kind == ColumnType::VarChar;
        if self.analyzer.is_some() && !is_text || self.terms_of.is_some() && (kind != ColumnType::SparseFloatVector || self.nullable) {
            return Err(refuse(String::from("texts are analyzed, and sparse vectors made of them")));
        }
        let analyzer = self
            .analyzer
            .as_deref()
            .map(Analyzer::parse)
            .transpose()
            .map_err(|failure| Failure {
                field_id: Some(self.id),
                ..failure
            })?;
        Ok(ColumnSchema {
            id: self.id,
            kind,
            dim: if width.is_some() || kind == ColumnType::VectorList {
                self.dim
            } else {
                0
            },
            element,
            max_capacity: self.max_capacity.unwrap_or(usize::MAX),
            max_length: self.max_length.unwrap_or(usize::MAX),
            nullable: self.nullable,
            primary: self.primary,
            dynamic: self.dynamic,
            default: self.default,
            analyzer: analyzer.map(Arc::new),
            terms_of: self.terms_of,
            struct_of: self.struct_of,
        })
    }
}

#[derive(Clone, Debug)]
pub struct ColumnSchema {
    pub id: u32,
    pub kind: ColumnType,
    /// Elements of a vector, also of one in a list; 0 for scalars and sparse vectors.
    pub dim: usize,
    /// Of the elements of an Array or a VectorList; None for all others.
    pub element: Option<ColumnType>,
    /// Elements of an array or a list; usize::MAX when there is no limit.
    pub max_capacity: usize,
    /// Bytes of a VarChar (also as an element) or JSON value; usize::MAX when there is no limit.
    pub max_length: usize,
    pub nullable: bool,
    pub primary: bool,
    pub dynamic: bool,
    /// 64-bit integers are decimal text.
    pub default: Option<serde_json::Value>,
    /// Of texts that terms are made of.
    pub analyzer: Option<Arc<Analyzer>>,
    /// The column of texts whose terms this column has: nobody gives its values, each row's are made of the row's text.
    pub terms_of: Option<u32>,
    /// The struct that it is a member of: all of them have as many elements in each row.
    pub struct_of: Option<u32>,
}

impl ColumnSchema {
    /// Whether values of the other column may stand in this one.
    pub fn has_values_of(&self, other: &ColumnSchema) -> bool {
        (self.kind, self.dim, self.element) == (other.kind, other.dim, other.element)
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
            columns.push(column.checked()?);
        }
        let primary = columns
            .iter()
            .position(|column| column.primary)
            .filter(|&at| matches!(columns[at].kind, ColumnType::Int64 | ColumnType::VarChar))
            .ok_or_else(|| Failure::malformed("schema has no primary key"))?;
        let schema = Schema { columns, primary };
        match schema
            .columns
            .iter()
            .find(|column| column.terms_of.is_some() && schema.source_of(column).is_none())
        {
            Some(column) => Err(Failure::of_field("malformed", column.id, vec!["terms of no text".into()])),
            None => Ok(schema),
        }
    }

    /// The position of the column whose terms this one has, and its analyzer; None when it has none's.
    pub fn source_of(&self, column: &ColumnSchema) -> Option<(usize, &Analyzer)> {
        let at = self.position(column.terms_of?)?;
        Some((at, self.columns[at].analyzer.as_deref()?))
    }

    pub fn position(&self, id: u32) -> Option<usize> {
        self.columns.iter().position(|column| column.id == id)
    }
}
