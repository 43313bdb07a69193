//! Reads one encoded `schema.FieldData` down to the bytes of its values: which member of the payload's oneof is set, and the runs of its repeated field.
//!
//! Tags: FieldData { scalars = 3, vectors = 4, valid_data = 7, struct_arrays = 8 }, ScalarField { members 1 to 16, valid_data = 17 },
//! VectorField { dim = 1, members 2 to 8, valid_data = 9 }; every member read here is bytes (vectors 3, 4, 5, 7) or a message whose values are its repeated field 1. As protobuf asks,
//! parts of one member merge, another member replaces it, repeated numbers may come packed or not, and unknown fields are skipped.

use super::wire::{Reader, Value};
use crate::failure::{Failure, Outcome};

/// A member of the payload's oneof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    Scalar(u32),
    Vector(u32),
    /// A kind of payload that no column takes.
    Other,
}

#[derive(Debug, Default)]
pub struct Payload<'a> {
    pub member: Option<Member>,
    /// Of vectors; 0 when not told.
    pub dim: u64,
    /// A byte a row, 1: valid. Empty when all are.
    pub valid: Vec<u8>,
    parts: Vec<&'a [u8]>,
}

const SCALARS: u32 = 3;
const VECTORS: u32 = 4;
const VALID: u32 = 7;
const STRUCTS: u32 = 8;
const SCALAR_VALID: u32 = 17;
const VECTOR_DIM: u32 = 1;
const VECTOR_VALID: u32 = 9;

impl<'a> Payload<'a> {
    pub fn read(bytes: &'a [u8]) -> Outcome<Self> {
        let mut payload = Payload::default();
        let mut valid_inside = Vec::new();
        let mut reader = Reader::new(bytes);
        while let Some((number, value)) = reader.field()? {
            match (number, value) {
                (SCALARS, Value::Bytes(body)) => payload.read_scalars(body, &mut valid_inside)?,
                (VECTORS, Value::Bytes(body)) => payload.read_vectors(body, &mut valid_inside)?,
                (STRUCTS, _) => payload.set(Member::Other),
                (VALID, value) => push_flags(value, &mut payload.valid)?,
                (SCALARS | VECTORS, _) => return Err(Failure::malformed("payload is no message")),
                _ => {}
            }
        }
        if !valid_inside.is_empty() {
            payload.valid = valid_inside;
        }
        Ok(payload)
    }

    /// The values of one array, an encoded `schema.ScalarField`.
    pub fn of_array(bytes: &'a [u8]) -> Outcome<Self> {
        let mut payload = Payload::default();
        payload.read_scalars(bytes, &mut Vec::new())?;
        Ok(payload)
    }

    /// One entry of a list of vectors, an encoded `schema.VectorField`.
    pub fn of_vectors(bytes: &'a [u8]) -> Outcome<Self> {
        let mut payload = Payload::default();
        payload.read_vectors(bytes, &mut Vec::new())?;
        Ok(payload)
    }

    /// The values of a repeated message field of the member, which is its field `wanted`.
    pub fn messages(&self, wanted: u32, mut take: impl FnMut(&'a [u8]) -> Outcome<()>) -> Outcome<()> {
        for part in &self.parts {
            let mut reader = Reader::new(part);
            while let Some((number, value)) = reader.field()? {
                match (number == wanted, value) {
                    (true, Value::Bytes(message)) => take(message)?,
                    (true, _) => return Err(Failure::malformed("message is a number")),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn read_scalars(&mut self, body: &'a [u8], valid: &mut Vec<u8>) -> Outcome<()> {
        let mut reader = Reader::new(body);
        while let Some((number, value)) = reader.field()? {
            match (number, value) {
                (1..SCALAR_VALID, Value::Bytes(part)) => self.add(Member::Scalar(number), part),
                (1..SCALAR_VALID, _) => return Err(Failure::malformed("scalars are no message")),
                (SCALAR_VALID, value) => push_flags(value, valid)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn read_vectors(&mut self, body: &'a [u8], valid: &mut Vec<u8>) -> Outcome<()> {
        let mut reader = Reader::new(body);
        while let Some((number, value)) = reader.field()? {
            match (number, value) {
                (VECTOR_DIM, Value::Varint(dim)) => self.dim = dim,
                (2..VECTOR_VALID, Value::Bytes(part)) => self.add(Member::Vector(number), part),
                (1..VECTOR_VALID, _) => return Err(Failure::malformed("vectors are no message")),
                (VECTOR_VALID, value) => push_flags(value, valid)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn set(&mut self, member: Member) {
        if self.member != Some(member) {
            self.parts.clear();
            self.member = Some(member);
        }
    }

    fn add(&mut self, member: Member, part: &'a [u8]) {
        self.set(member);
        self.parts.push(part);
    }

    /// Each value of the repeated field.
    fn each(&self, mut take: impl FnMut(Value<'a>) -> Outcome<()>) -> Outcome<()> {
        for part in &self.parts {
            let mut reader = Reader::new(part);
            while let Some((number, value)) = reader.field()? {
                if number == 1 {
                    take(value)?;
                }
            }
        }
        Ok(())
    }

    /// The value of a member that is no message but bytes: the last one given.
    pub fn bytes(&self) -> &'a [u8] {
        self.parts.last().copied().unwrap_or(&[])
    }

    /// The values of a repeated varint field.
    pub fn varints(&self, mut take: impl FnMut(u64) -> Outcome<()>) -> Outcome<()> {
        self.each(|value| match value {
            Value::Varint(number) => take(number),
            Value::Bytes(run) => {
                let mut run = Reader::new(run);
                while !run.is_empty() {
                    take(run.varint()?)?;
                }
                Ok(())
            }
            _ => Err(Failure::malformed("number of a fixed width")),
        })
    }

    /// The runs of a repeated field of `N`-byte numbers, each a multiple of N bytes long.
    pub fn fixed_runs<const N: usize>(&self, mut take: impl FnMut(&[u8])) -> Outcome<()> {
        self.each(|value| {
            match &value {
                Value::Fixed32(bytes) if N == 4 => take(bytes),
                Value::Fixed64(bytes) if N == 8 => take(bytes),
                Value::Bytes(run) if run.len() % N == 0 => take(run),
                _ => return Err(Failure::malformed(format!("numbers are not {N} bytes wide"))),
            }
            Ok(())
        })
    }

    /// The values of a repeated string or bytes field.
    pub fn texts(&self, mut take: impl FnMut(&'a [u8]) -> Outcome<()>) -> Outcome<()> {
        self.each(|value| match value {
            Value::Bytes(text) => take(text),
            _ => Err(Failure::malformed("text is a number")),
        })
    }
}

fn push_flags(value: Value, flags: &mut Vec<u8>) -> Outcome<()> {
    match value {
        Value::Varint(flag) => flags.push(u8::from(flag != 0)),
        Value::Bytes(run) => {
            flags.reserve(run.len());
            let mut run = Reader::new(run);
            while !run.is_empty() {
                flags.push(u8::from(run.varint()? != 0));
            }
        }
        _ => return Err(Failure::malformed("valid_data is no run of booleans")),
    }
    Ok(())
}
