//! Avro bytes to JSON by a schema, with every length checked against the bytes that are there.

use serde_json::{Map, Number, Value};

use super::DEPTH_MAX;
use crate::avro::{AvroSchema, Logical, Node, NodeId};

/// Reads a zigzag long; the value and how many bytes it took.
pub(super) fn read_long(bytes: &[u8]) -> Option<(i64, usize)> {
    let mut raw = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7f);
        if index == 9 && bits > 1 {
            return None;
        }
        raw |= bits << (7 * index);
        if byte & 0x80 == 0 {
            let value = (raw >> 1).cast_signed() ^ -((raw & 1).cast_signed());
            return Some((value, index + 1));
        }
    }
    None
}

pub(super) fn decode(schema: &AvroSchema, body: &[u8]) -> Result<Value, String> {
    let mut cursor = Cursor { schema, rest: body, length_bytes: body.len() };
    let value = cursor.value(schema.root(), 0)?;
    match cursor.rest.len() {
        0 => Ok(value),
        left => Err(format!("{left} bytes left after the value")),
    }
}

struct Cursor<'a> {
    schema: &'a AvroSchema,
    rest: &'a [u8],
    length_bytes: usize,
}

impl<'a> Cursor<'a> {
    fn at(&self) -> usize {
        self.length_bytes - self.rest.len()
    }

    fn long(&mut self) -> Result<i64, String> {
        let (value, taken) =
            read_long(self.rest).ok_or_else(|| format!("value ends inside a number at byte {}", self.at()))?;
        self.rest = self.rest.get(taken..).unwrap_or_default();
        Ok(value)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| format!("{length} bytes announced at byte {}, {} are left", self.at(), self.rest.len()))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| "value is cut off".to_owned())
    }

    fn delimited(&mut self) -> Result<&'a [u8], String> {
        let length = self.long()?;
        let length = usize::try_from(length).map_err(|_| format!("negative length {length} at byte {}", self.at()))?;
        self.take(length)
    }

    fn text(&mut self) -> Result<&'a str, String> {
        let at = self.at();
        std::str::from_utf8(self.delimited()?).map_err(|error| format!("string at byte {at} is not UTF-8: {error}"))
    }

    fn value(&mut self, id: NodeId, depth: usize) -> Result<Value, String> {
        if depth > DEPTH_MAX {
            return Err(format!("value is nested deeper than {DEPTH_MAX}"));
        }
        let logical = self.schema.logical(id);
        Ok(match self.schema.node(id) {
            Node::Null => Value::Null,
            Node::Boolean => match self.array::<1>()? {
                [0] => Value::Bool(false),
                [1] => Value::Bool(true),
                [other] => return Err(format!("boolean is 0 or 1, found {other}")),
            },
            Node::Int => {
                let value = self.long()?;
                i32::try_from(value).map_err(|_| format!("int {value} is out of range"))?.into()
            }
            Node::Long => self.long()?.into(),
            Node::Float => number(f64::from(f32::from_le_bytes(self.array()?))),
            Node::Double => number(f64::from_le_bytes(self.array()?)),
            Node::Bytes => binary(self.delimited()?, logical),
            Node::String => self.text()?.into(),
            Node::Fixed(fixed) => binary(self.take(fixed.size_bytes)?, logical),
            Node::Enum(enumeration) => {
                let index = self.long()?;
                usize::try_from(index)
                    .ok()
                    .and_then(|index| enumeration.symbols.get(index))
                    .ok_or_else(|| format!("{} has no symbol number {index}", enumeration.name))?
                    .as_str()
                    .into()
            }
            Node::Union(branches) => {
                let index = self.long()?;
                let branch = usize::try_from(index)
                    .ok()
                    .and_then(|index| branches.get(index))
                    .ok_or_else(|| format!("union branch {index} of {}", branches.len()))?;
                self.value(*branch, depth + 1)?
            }
            Node::Record(record) => {
                let mut object = Map::with_capacity(record.fields.len());
                for field in &record.fields {
                    let value =
                        self.value(field.node, depth + 1).map_err(|error| format!("{}: {error}", field.name))?;
                    object.insert(field.name.clone(), value);
                }
                Value::Object(object)
            }
            Node::Array(items) => {
                let mut list = Vec::new();
                while let Some(count) = self.block()? {
                    for _ in 0..count {
                        list.push(self.value(*items, depth + 1)?);
                    }
                }
                Value::Array(list)
            }
            Node::Map(values) => {
                let mut object = Map::new();
                while let Some(count) = self.block()? {
                    for _ in 0..count {
                        let key = self.text()?.to_owned();
                        object.insert(key, self.value(*values, depth + 1)?);
                    }
                }
                Value::Object(object)
            }
        })
    }

    /// The next block's item count; none at the end. An item takes one byte at least (checked when
    /// the schema is compiled), so a larger count than bytes left is a lie.
    fn block(&mut self) -> Result<Option<usize>, String> {
        let count = self.long()?;
        if count < 0 {
            self.long()?;
        }
        let items = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        if items > self.rest.len() {
            return Err(format!("{items} items announced at byte {}, {} bytes are left", self.at(), self.rest.len()));
        }
        Ok((items > 0).then_some(items))
    }
}

/// JSON has no NaN and no infinity: they are text.
fn number(value: f64) -> Value {
    Number::from_f64(value).map_or_else(|| Value::String(value.to_string()), Value::Number)
}

fn binary(bytes: &[u8], logical: Option<&Logical>) -> Value {
    match logical {
        Some(Logical::Decimal { scale, .. }) => {
            decimal(bytes, *scale).map_or_else(|| Value::String(latin1(bytes)), Value::String)
        }
        _ => Value::String(latin1(bytes)),
    }
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// Decimal text of a two's complement number of up to 16 bytes; longer ones stay bytes.
pub(crate) fn decimal(bytes: &[u8], scale: u32) -> Option<String> {
    if bytes.is_empty() || bytes.len() > 16 {
        return None;
    }
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let unscaled = bytes.iter().fold(if negative { -1_i128 } else { 0 }, |sum, byte| (sum << 8) | i128::from(*byte));
    let scale = scale as usize;
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at_checked(digits.len() - scale)?;
    let sign = if unscaled < 0 { "-" } else { "" };
    let point = if scale > 0 { "." } else { "" };
    Some(format!("{sign}{whole}{point}{fraction}"))
}
