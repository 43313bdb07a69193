//! Reads the bytes of a filter program, whose format `src/filter/program.ts` tells, into a flat list of nodes.
//!
//! The list is in preorder; an inner node knows the position after its last descendant. Reading is a loop over bytes with a list of the nodes that
//! wait for children, so nesting costs no stack. Any byte sequence gives a program or the failure `malformed`, and takes no more memory than a small
//! multiple of its length.

use crate::failure::{Failure, Outcome};

const VERSION: u8 = 2;
/// Nodes inside one another; the compiler stops before this.
pub const MAX_DEPTH: usize = 10_001;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    BitAnd,
    BitOr,
    BitXor,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Json(serde_json::Value),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Key(String),
    Index(u32),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Column,
    /// In a JSON column.
    Path(Vec<Step>),
    /// Of an Array column.
    Element(u32),
    /// Of the array at a path in a JSON column, or of an Array column, which takes no steps.
    Length(Vec<Step>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Operand {
    pub field: u32,
    pub source: Source,
    pub arithmetic: Option<(Operator, Value)>,
}

impl Operand {
    #[cfg(test)]
    pub fn column(field: u32) -> Self {
        Operand {
            field,
            source: Source::Column,
            arithmetic: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Constant(bool),
    /// `end`: position of the first node that is not a descendant.
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
    Compare {
        comparison: Comparison,
        operand: Operand,
        value: Value,
    },
    CompareOperands {
        comparison: Comparison,
        left: Operand,
        right: Operand,
    },
    Range {
        operand: Operand,
        low: Value,
        low_inclusive: bool,
        high: Value,
        high_inclusive: bool,
    },
    In {
        operand: Operand,
        values: Vec<Value>,
    },
    Like {
        operand: Operand,
        pattern: String,
    },
    IsNull(Operand),
    Exists(Operand),
    Contains {
        all: bool,
        operand: Operand,
        values: Vec<Value>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    pub nodes: Vec<Node>,
}

impl Program {
    pub fn parse(bytes: &[u8]) -> Outcome<Program> {
        let mut reader = Reader { bytes, at: 0 };
        let version = reader.byte()?;
        if version != VERSION {
            return Err(reader.malformed(&format!("version {version}")));
        }
        let mut nodes = Vec::new();
        // Inner nodes that wait for children: position and how many are missing.
        let mut open: Vec<(usize, usize)> = Vec::new();
        loop {
            let node = reader.node()?;
            let children = match &node {
                Node::And { count, .. } | Node::Or { count, .. } => *count,
                Node::Not { .. } => 1,
                _ => 0,
            };
            nodes.push(node);
            if children > 0 {
                if open.len() == MAX_DEPTH {
                    return Err(reader.malformed("nested too deep"));
                }
                open.push((nodes.len() - 1, children));
                continue;
            }
            if close(&mut nodes, &mut open) {
                break;
            }
        }
        if reader.at != bytes.len() {
            return Err(reader.malformed("bytes after the program"));
        }
        Ok(Program { nodes })
    }
}

/// Counts a finished node towards the nodes around it; says whether the whole program is finished.
fn close(nodes: &mut [Node], open: &mut Vec<(usize, usize)>) -> bool {
    let total = nodes.len();
    while let Some((position, missing)) = open.last_mut() {
        *missing -= 1;
        if *missing > 0 {
            return false;
        }
        if let Node::And { end, .. } | Node::Or { end, .. } | Node::Not { end } = &mut nodes[*position] {
            *end = total;
        }
        open.pop();
    }
    true
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn malformed(&self, what: &str) -> Failure {
        Failure::malformed(format!("filter program at byte {}: {what}", self.at))
    }

    fn take(&mut self, length: usize) -> Outcome<&[u8]> {
        if length > self.bytes.len() - self.at {
            return Err(self.malformed("ends early"));
        }
        self.at += length;
        Ok(&self.bytes[self.at - length..self.at])
    }

    fn array<const N: usize>(&mut self) -> Outcome<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn byte(&mut self) -> Outcome<u8> {
        Ok(self.array::<1>()?[0])
    }

    fn u32(&mut self) -> Outcome<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// A count of things that take a byte each at least.
    fn count(&mut self) -> Outcome<usize> {
        let count = self.u32()? as usize;
        if count > self.bytes.len() - self.at {
            return Err(self.malformed("ends early"));
        }
        Ok(count)
    }

    fn string(&mut self) -> Outcome<String> {
        let length = self.u32()? as usize;
        let bytes = self.take(length)?.to_vec();
        String::from_utf8(bytes).map_err(|_| self.malformed("string is not UTF-8"))
    }

    fn node(&mut self) -> Outcome<Node> {
        Ok(match self.byte()? {
            0x01 => Node::Constant(true),
            0x02 => Node::Constant(false),
            0x10 => match self.count()? {
                0 => Node::Constant(true),
                count => Node::And { count, end: 0 },
            },
            0x11 => match self.count()? {
                0 => Node::Constant(false),
                count => Node::Or { count, end: 0 },
            },
            0x12 => Node::Not { end: 0 },
            0x20 => Node::Compare {
                comparison: self.comparison()?,
                operand: self.operand()?,
                value: self.value()?,
            },
            0x21 => Node::CompareOperands {
                comparison: self.comparison()?,
                left: self.operand()?,
                right: self.operand()?,
            },
            0x22 => self.range()?,
            0x23 => self.membership()?,
            0x24 => Node::Like {
                operand: self.operand()?,
                pattern: self.string()?,
            },
            0x25 => Node::IsNull(self.operand()?),
            0x26 => Node::Exists(self.operand()?),
            0x27 => self.contains()?,
            opcode => return Err(self.malformed(&format!("opcode {opcode}"))),
        })
    }

    fn range(&mut self) -> Outcome<Node> {
        let inclusive = self.byte()?;
        if inclusive > 3 {
            return Err(self.malformed(&format!("inclusive {inclusive}")));
        }
        let operand = self.operand()?;
        let (low, high) = (self.value()?, self.value()?);
        Ok(Node::Range {
            operand,
            low,
            low_inclusive: inclusive & 1 != 0,
            high,
            high_inclusive: inclusive & 2 != 0,
        })
    }

    fn membership(&mut self) -> Outcome<Node> {
        let operand = self.operand()?;
        let count = self.count()?;
        let values = (0..count).map(|_| self.value()).collect::<Outcome<Vec<Value>>>()?;
        if values
            .windows(2)
            .any(|pair| std::mem::discriminant(&pair[0]) != std::mem::discriminant(&pair[1]))
        {
            return Err(self.malformed("values of several tags"));
        }
        Ok(Node::In { operand, values })
    }

    fn contains(&mut self) -> Outcome<Node> {
        let all = match self.byte()? {
            1 => false,
            2 => true,
            number => return Err(self.malformed(&format!("quantifier {number}"))),
        };
        let operand = self.operand()?;
        let count = self.count()?;
        if count == 0 {
            return Err(self.malformed("contains no value"));
        }
        let values = (0..count).map(|_| self.value()).collect::<Outcome<Vec<Value>>>()?;
        Ok(Node::Contains { all, operand, values })
    }

    fn comparison(&mut self) -> Outcome<Comparison> {
        Ok(match self.byte()? {
            1 => Comparison::Equal,
            2 => Comparison::NotEqual,
            3 => Comparison::Less,
            4 => Comparison::LessEqual,
            5 => Comparison::Greater,
            6 => Comparison::GreaterEqual,
            number => return Err(self.malformed(&format!("comparison {number}"))),
        })
    }

    fn operand(&mut self) -> Outcome<Operand> {
        let source = self.byte()?;
        let field = self.u32()?;
        let source = match source {
            1 => Source::Column,
            2 => Source::Path(self.steps()?),
            3 => Source::Element(self.u32()?),
            4 => Source::Length(self.steps()?),
            _ => return Err(self.malformed(&format!("source {source}"))),
        };
        let operator = match self.byte()? {
            0 => {
                return Ok(Operand {
                    field,
                    source,
                    arithmetic: None,
                });
            }
            1 => Operator::Add,
            2 => Operator::Subtract,
            3 => Operator::Multiply,
            4 => Operator::Divide,
            5 => Operator::Modulo,
            6 => Operator::BitAnd,
            7 => Operator::BitOr,
            8 => Operator::BitXor,
            number => return Err(self.malformed(&format!("arithmetic {number}"))),
        };
        Ok(Operand {
            field,
            source,
            arithmetic: Some((operator, self.value()?)),
        })
    }

    fn steps(&mut self) -> Outcome<Vec<Step>> {
        let count = self.count()?;
        (0..count).map(|_| self.step()).collect()
    }

    fn step(&mut self) -> Outcome<Step> {
        match self.byte()? {
            1 => Ok(Step::Key(self.string()?)),
            2 => Ok(Step::Index(self.u32()?)),
            tag => Err(self.malformed(&format!("step {tag}"))),
        }
    }

    fn value(&mut self) -> Outcome<Value> {
        Ok(match self.byte()? {
            1 => match self.byte()? {
                0 => Value::Bool(false),
                1 => Value::Bool(true),
                byte => return Err(self.malformed(&format!("bool {byte}"))),
            },
            2 => Value::Int(i64::from_le_bytes(self.array()?)),
            3 => Value::Float(f64::from_le_bytes(self.array()?)),
            4 => Value::Text(self.string()?),
            5 => {
                let text = self.string()?;
                Value::Json(serde_json::from_str(&text).map_err(|_| self.malformed("value is not JSON"))?)
            }
            tag => return Err(self.malformed(&format!("value {tag}"))),
        })
    }
}
