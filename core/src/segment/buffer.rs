//! A run of plain values that is either owned or a view of a map (a file, or zeros); readers do not see which.

use std::marker::PhantomData;
use std::ops::{Deref, Range};
use std::sync::Arc;

use bytemuck::Pod;
use memmap2::{Mmap, MmapOptions};

use crate::failure::{Failure, Outcome};

/// From here on zeros are pages that the operating system makes up when they are read.
const MADE_UP_BYTES: usize = 1 << 20;

#[derive(Clone, Debug)]
pub enum Buffer<T> {
    Owned(Vec<T>),
    /// `offset` is a byte offset, aligned for T; `length` counts values.
    Mapped {
        map: Arc<Mmap>,
        offset: usize,
        length: usize,
        of: PhantomData<T>,
    },
}

impl<T: Pod> Buffer<T> {
    pub fn mapped(map: Arc<Mmap>, offset: usize, length: usize) -> Self {
        Buffer::Mapped {
            map,
            offset,
            length,
            of: PhantomData,
        }
    }

    /// Zeros; many of them take no memory. Values of type T may be any bits, so zero bytes are zeros.
    pub fn zeros(length: usize) -> Outcome<Self> {
        let bytes = length.saturating_mul(size_of::<T>());
        if bytes < MADE_UP_BYTES {
            return Ok(Buffer::Owned(vec![T::zeroed(); length]));
        }
        let map = MmapOptions::new().len(bytes).no_reserve_swap().map_anon();
        let map = map.and_then(|map| map.make_read_only());
        let refused = |error: std::io::Error| Failure::new("panic", vec![format!("{bytes} bytes of zeros: {error}").into()]);
        Ok(Buffer::mapped(Arc::new(map.map_err(refused)?), 0, length))
    }

    /// The owned values, copied out of the map if need be.
    pub fn to_mut(&mut self) -> &mut Vec<T> {
        if let Buffer::Mapped { .. } = self {
            *self = Buffer::Owned(self.to_vec());
        }
        match self {
            Buffer::Owned(values) => values,
            Buffer::Mapped { .. } => unreachable!("replaced above"),
        }
    }

    /// Which bytes of this very map it is a view of.
    pub(super) fn range_of(&self, file: &Arc<Mmap>) -> Option<Range<usize>> {
        match self {
            Buffer::Mapped { map, offset, length, .. } if Arc::ptr_eq(map, file) => Some(*offset..*offset + *length * size_of::<T>()),
            _ => None,
        }
    }

    /// Bytes of memory held; a map holds none.
    pub fn byte_size(&self) -> usize {
        match self {
            Buffer::Owned(values) => values.capacity() * size_of::<T>(),
            Buffer::Mapped { .. } => 0,
        }
    }
}

impl<T: Pod> Deref for Buffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        match self {
            Buffer::Owned(values) => values,
            Buffer::Mapped { map, offset, length, .. } => bytemuck::cast_slice(&map[*offset..*offset + *length * size_of::<T>()]),
        }
    }
}

impl<T> From<Vec<T>> for Buffer<T> {
    fn from(values: Vec<T>) -> Self {
        Buffer::Owned(values)
    }
}

impl<T> Default for Buffer<T> {
    fn default() -> Self {
        Buffer::Owned(Vec::new())
    }
}
