//! Runs a bound filter over a chunk, block by block.
//!
//! The nodes are walked in preorder with a list of the inner nodes that are open. Each carries what its children made so far and the rows that still
//! matter to it: a row that one child of an `and` found false needs no other child, and when no row matters the rest of the node is skipped.

use super::bind::bind;
use super::leaf::Test;
use super::mask::{BLOCK_ROWS, Mask, Truth};
use super::program::{Comparison, Node, Operand, Program, Source, Value};
use crate::failure::Outcome;
use crate::segment::chunk::Chunk;
use crate::segment::keys::Keys;
use crate::segment::schema::{ColumnType, Schema};

/// A program that fits a schema.
#[derive(Clone, Debug)]
pub struct Filter {
    steps: Vec<Step>,
    /// When given, only rows with one of these primary keys can be true.
    pub keys: Option<Keys>,
}

#[derive(Clone, Debug)]
enum Step {
    Test(Test),
    /// `end`: position behind the last descendant.
    And {
        count: usize,
        end: usize,
    },
    Or {
        count: usize,
        end: usize,
    },
    Not {
        end: usize,
    },
}

impl Filter {
    /// Reads the bytes of a program (`src/filter/program.ts`) for a schema; kinds `malformed`, `execution`.
    pub fn parse(bytes: &[u8], schema: &Schema) -> Outcome<Filter> {
        let program = Program::parse(bytes)?;
        let keys = key_condition(&program, schema);
        let steps = program.nodes.iter().map(|node| {
            Ok(match node {
                Node::And { count, end } => Step::And { count: *count, end: *end },
                Node::Or { count, end } => Step::Or { count: *count, end: *end },
                Node::Not { end } => Step::Not { end: *end },
                leaf => Step::Test(bind(leaf, schema)?.unwrap_or(Test::Constant(false))),
            })
        });
        Ok(Filter {
            steps: steps.collect::<Outcome<Vec<Step>>>()?,
            keys,
        })
    }

    /// Keeps of the rows in `rows` (a bit a row, lowest first; bit 0 is row `first`, the start of a block) those for which the filter is true.
    pub fn retain(&self, chunk: &Chunk, first: usize, rows: &mut [u64]) {
        assert!(first.is_multiple_of(BLOCK_ROWS), "rows start at a block");
        let mut open = Vec::new();
        for (block, words) in rows.chunks_mut(BLOCK_ROWS / 64).enumerate() {
            let mut wanted = Mask::NONE;
            wanted.0[..words.len()].copy_from_slice(words);
            if wanted.is_empty() {
                continue;
            }
            let start = first + block * BLOCK_ROWS;
            let truth = self.run(chunk, start..chunk.row_count.min(start + BLOCK_ROWS), &wanted, &mut open);
            for (word, yes) in words.iter_mut().zip(truth.yes.0) {
                *word &= yes;
            }
        }
    }

    /// Keeps of a few rows, ascending, those for which the filter is true.
    pub fn retain_rows(&self, chunk: &Chunk, rows: &mut Vec<u32>) {
        let mut open = Vec::new();
        let mut kept = Vec::with_capacity(rows.len());
        for together in rows.chunk_by(|left, right| *left as usize / BLOCK_ROWS == *right as usize / BLOCK_ROWS) {
            let start = together[0] as usize / BLOCK_ROWS * BLOCK_ROWS;
            let mut wanted = Mask::NONE;
            together.iter().for_each(|&row| wanted.set(row as usize - start));
            let truth = self.run(chunk, start..chunk.row_count.min(start + BLOCK_ROWS), &wanted, &mut open);
            kept.extend(together.iter().filter(|&&row| truth.yes.get(row as usize - start)));
        }
        *rows = kept;
    }

    fn run(&self, chunk: &Chunk, rows: std::ops::Range<usize>, wanted: &Mask, open: &mut Vec<Open>) -> Truth {
        open.clear();
        let mut at = 0;
        loop {
            let wanted = open.last().map_or(*wanted, |node| node.wanted);
            let test = match &self.steps[at] {
                Step::And { count, end } => {
                    open.push(Open {
                        joint: Joint::And,
                        missing: *count,
                        end: *end,
                        so_far: Truth::TRUE,
                        wanted,
                    });
                    at += 1;
                    continue;
                }
                Step::Or { count, end } => {
                    open.push(Open {
                        joint: Joint::Or,
                        missing: *count,
                        end: *end,
                        so_far: Truth::FALSE,
                        wanted,
                    });
                    at += 1;
                    continue;
                }
                Step::Not { end } => {
                    open.push(Open {
                        joint: Joint::Not,
                        missing: 1,
                        end: *end,
                        so_far: Truth::TRUE,
                        wanted,
                    });
                    at += 1;
                    continue;
                }
                Step::Test(test) => test,
            };
            let mut truth = test.run(chunk, rows.clone(), &wanted);
            at += 1;
            // Hand the answer outwards until a node wants another child.
            loop {
                let Some(node) = open.last_mut() else { return truth };
                if node.take(&truth) {
                    break;
                }
                (truth, at) = (node.so_far, node.end);
                open.pop();
            }
        }
    }
}

enum Joint {
    And,
    Or,
    Not,
}

/// An inner node whose children are being run.
struct Open {
    joint: Joint,
    missing: usize,
    end: usize,
    so_far: Truth,
    wanted: Mask,
}

impl Open {
    /// Takes the answer of a child; says whether another child has to run.
    fn take(&mut self, truth: &Truth) -> bool {
        self.missing -= 1;
        match self.joint {
            Joint::And => {
                self.so_far = self.so_far.and(truth);
                self.wanted = self.wanted.and_not(&self.so_far.no);
            }
            Joint::Or => {
                self.so_far = self.so_far.or(truth);
                self.wanted = self.wanted.and_not(&self.so_far.yes);
            }
            Joint::Not => self.so_far = truth.not(),
        }
        self.missing > 0 && !self.wanted.is_empty()
    }
}

/// The keys of a condition `key == c` or `key in [...]` that is the program or one side of its outermost `and`; of several the shortest.
fn key_condition(program: &Program, schema: &Schema) -> Option<Keys> {
    let (mut at, end) = match program.nodes.first()? {
        Node::And { end, .. } => (1, *end),
        _ => (0, 1),
    };
    let mut best: Option<Keys> = None;
    while at < end {
        let node = &program.nodes[at];
        if let Some(keys) = keys_of(node, schema)
            && best.as_ref().is_none_or(|best| keys.len() < best.len())
        {
            best = Some(keys);
        }
        at = match node {
            Node::And { end, .. } | Node::Or { end, .. } | Node::Not { end } => *end,
            _ => at + 1,
        };
    }
    best
}

fn keys_of(node: &Node, schema: &Schema) -> Option<Keys> {
    let key = &schema.columns[schema.primary];
    let is_key = |operand: &Operand| operand.field == key.id && operand.source == Source::Column && operand.arithmetic.is_none();
    let values = match node {
        Node::Compare {
            comparison: Comparison::Equal,
            operand,
            value,
        } if is_key(operand) => std::slice::from_ref(value),
        Node::In { operand, values } if is_key(operand) => values.as_slice(),
        _ => return None,
    };
    if key.kind == ColumnType::Int64 {
        let key = |value: &Value| if let Value::Int(key) = value { Some(*key) } else { None };
        values.iter().map(key).collect::<Option<Vec<i64>>>().map(Keys::Int64)
    } else {
        let key = |value: &Value| if let Value::Text(key) = value { Some(key.clone()) } else { None };
        values.iter().map(key).collect::<Option<Vec<String>>>().map(Keys::VarChar)
    }
}
