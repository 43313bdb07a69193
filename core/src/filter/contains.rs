//! Elements that an array must contain, any or all of them.
//!
//! The wanted values are numbered and kept sorted by what equality goes by, so an element costs a search by halves however many are wanted. Two
//! integers are equal as int64, else numbers as float64 (float32 in an array of such); lists and objects are found by a hash that equal ones share and
//! then compared as trees. With `all`, a row marks the numbers it has found by its own stamp: nothing is cleared between rows.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value as Tree;

use super::array::Item;
use super::json::{self, Kind};
use super::json_test::equal_trees;
use super::numbers::float_key;
use super::program::{Operand, Value};
use super::scalar::refused;
use crate::failure::Outcome;
use crate::segment::schema::ColumnType;

type Numbered<K> = Vec<(K, u32)>;

#[derive(Clone, Debug, Default)]
pub struct Wanted {
    all: bool,
    /// Different values wanted.
    count: usize,
    bools: [Option<u32>; 2],
    integers: Numbered<i64>,
    /// The same integers by their `float_key`.
    integers_as_floats: Numbered<i64>,
    /// By `float_key`.
    floats: Numbered<i64>,
    texts: Numbered<Vec<u8>>,
    /// By hash.
    trees: Vec<WantedTree>,
}

#[derive(Clone, Debug)]
struct WantedTree {
    hash: u64,
    tree: Tree,
    number: u32,
}

/// What the rows of a block have found: for each wanted value the stamp of the last row that has it.
#[derive(Default)]
pub struct Marks {
    stamps: Vec<u32>,
    stamp: u32,
}

/// Takes the number of a wanted value that an element equals.
type Found<'f> = &'f mut dyn FnMut(u32);

impl Wanted {
    /// Values wanted in an array of `element`s; kind `malformed` for what no such array can hold.
    pub fn in_array(all: bool, element: ColumnType, operand: &Operand, values: &[Value]) -> Outcome<Wanted> {
        let fits = |value: &Value| match element {
            ColumnType::Bool => matches!(value, Value::Bool(_)),
            ColumnType::VarChar => matches!(value, Value::Text(_)),
            _ => matches!(value, Value::Int(_) | Value::Float(_)),
        };
        if !values.iter().all(fits) {
            return Err(refused(operand, "has no elements of this type"));
        }
        Ok(Wanted::new(all, values, element == ColumnType::Float))
    }

    pub fn in_json(all: bool, values: &[Value]) -> Wanted {
        Wanted::new(all, values, false)
    }

    fn new(all: bool, values: &[Value], single: bool) -> Wanted {
        let mut wanted = Wanted { all, ..Wanted::default() };
        let key = |value: f64| float_key(if single { f64::from(value as f32) } else { value });
        for value in values {
            match value {
                Value::Bool(value) => wanted.bools[usize::from(*value)] = Some(0),
                Value::Int(value) => wanted.integers.push((*value, 0)),
                Value::Float(value) => wanted.floats.push((key(*value), 0)),
                Value::Text(text) => wanted.texts.push((text.clone().into_bytes(), 0)),
                Value::Json(tree) => wanted.trees.push(WantedTree {
                    hash: hash_of(tree),
                    tree: tree.clone(),
                    number: 0,
                }),
            }
        }
        let mut next = 0;
        for slot in wanted.bools.iter_mut().flatten() {
            *slot = next;
            next += 1;
        }
        number(&mut wanted.integers, &mut next);
        number(&mut wanted.floats, &mut next);
        number(&mut wanted.texts, &mut next);
        wanted.integers_as_floats = wanted
            .integers
            .iter()
            .map(|(value, number)| (key(*value as f64), *number))
            .collect();
        wanted.integers_as_floats.sort_unstable();
        wanted.trees.sort_by_key(|wanted| wanted.hash);
        wanted
            .trees
            .dedup_by(|left, right| left.hash == right.hash && equal_trees(&left.tree, &right.tree));
        for tree in &mut wanted.trees {
            tree.number = next;
            next += 1;
        }
        wanted.count = next as usize;
        wanted
    }

    /// Whether the elements are enough. `find` calls its last argument with the number of each wanted value that an element equals.
    pub fn judge<E>(&self, elements: impl Iterator<Item = E>, marks: &mut Marks, find: impl Fn(&Wanted, E, Found)) -> bool {
        if !self.all {
            let mut found = false;
            return elements.into_iter().any(|element| {
                find(self, element, &mut |_| found = true);
                found
            });
        }
        marks.stamps.resize(self.count, 0);
        marks.stamp += 1;
        let mut missing = self.count;
        for element in elements {
            find(self, element, &mut |number| {
                let stamp = &mut marks.stamps[number as usize];
                missing -= usize::from(*stamp != marks.stamp);
                *stamp = marks.stamp;
            });
            if missing == 0 {
                return true;
            }
        }
        missing == 0
    }

    pub fn find(&self, item: &Item, found: Found) {
        match item {
            Item::Bool(value) => self.bools[usize::from(*value)].into_iter().for_each(found),
            Item::Int(value) => {
                equal_ones(&self.integers, value, found);
                equal_ones(&self.floats, &float_key(*value as f64), found);
            }
            Item::Float(value) if value.is_nan() => {}
            Item::Float(value) => {
                equal_ones(&self.integers_as_floats, &float_key(*value), found);
                equal_ones(&self.floats, &float_key(*value), found);
            }
            Item::Text(text) => {
                let start = self.texts.partition_point(|(wanted, _)| wanted.as_slice() < *text);
                let equal = self.texts[start..].iter().take_while(|(wanted, _)| wanted.as_slice() == *text);
                equal.for_each(|(_, number)| found(*number));
            }
        }
    }

    /// As `find`, of an element's JSON text.
    pub fn find_json(&self, text: &[u8], found: Found) {
        match json::kind(text) {
            Some(Kind::Bool(value)) => self.find(&Item::Bool(value), found),
            Some(Kind::Int(value)) => self.find(&Item::Int(value), found),
            Some(Kind::Float(value)) => self.find(&Item::Float(value), found),
            Some(Kind::Text(text)) => self.find(&Item::Text(&text), found),
            Some(Kind::Array | Kind::Object) if !self.trees.is_empty() => {
                let Ok(tree) = serde_json::from_slice::<Tree>(text) else { return };
                let hash = hash_of(&tree);
                let start = self.trees.partition_point(|wanted| wanted.hash < hash);
                for wanted in self.trees[start..].iter().take_while(|wanted| wanted.hash == hash) {
                    if equal_trees(&wanted.tree, &tree) {
                        found(wanted.number);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Sorts, drops what is there twice, and numbers from `next` on.
fn number<K: Ord>(values: &mut Numbered<K>, next: &mut u32) {
    values.sort_unstable();
    values.dedup_by(|left, right| left.0 == right.0);
    for (_, number) in values {
        *number = *next;
        *next += 1;
    }
}

fn equal_ones<K: Ord>(sorted: &Numbered<K>, key: &K, found: Found) {
    let start = sorted.partition_point(|(value, _)| value < key);
    let equal = sorted[start..].iter().take_while(|(value, _)| value == key);
    equal.for_each(|(_, number)| found(*number));
}

/// The same for trees that `equal_trees` calls equal; serde_json reads trees of at most 128 levels, which bounds the recursion.
fn hash_of(tree: &Tree) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash_tree(tree, &mut hasher);
    hasher.finish()
}

fn hash_tree(tree: &Tree, hasher: &mut DefaultHasher) {
    match tree {
        Tree::Null => hasher.write_u8(0),
        Tree::Bool(value) => value.hash(hasher),
        Tree::Number(number) => float_key(number.as_f64().unwrap_or(0.0)).hash(hasher),
        Tree::String(text) => text.hash(hasher),
        Tree::Array(items) => {
            items.len().hash(hasher);
            items.iter().for_each(|item| hash_tree(item, hasher));
        }
        Tree::Object(members) => members.len().hash(hasher),
    }
}
