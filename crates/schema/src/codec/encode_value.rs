//! JSON to Avro bytes by a schema: the inverse of `decode_value`.

use serde_json::Value;

use super::DEPTH_MAX;
use crate::avro::{AvroSchema, Logical, Node, NodeId};

pub(super) fn encode(
    schema: &AvroSchema,
    branch: Option<&str>,
    value: &Value,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let encoder = Encoder { schema };
    if let (Some(name), Node::Union(branches)) = (branch, schema.root_node()) {
        let (index, id) = branches
            .iter()
            .enumerate()
            .find(|(_, id)| schema.node(**id).full_name() == Some(name))
            .ok_or_else(|| format!("the union has no branch {name}"))?;
        write_long(out, index_of(index));
        return encoder.value(*id, value, out, 0);
    }
    encoder.value(schema.root(), value, out, 0)
}

fn index_of(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

pub(super) fn write_long(out: &mut Vec<u8>, value: i64) {
    let mut raw = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while raw >= 0x80 {
        out.push((raw & 0x7f) as u8 | 0x80);
        raw >>= 7;
    }
    out.push(raw as u8);
}

struct Encoder<'a> {
    schema: &'a AvroSchema,
}

impl Encoder<'_> {
    fn value(&self, id: NodeId, value: &Value, out: &mut Vec<u8>, depth: usize) -> Result<(), String> {
        if depth > DEPTH_MAX {
            return Err(format!("value is nested deeper than {DEPTH_MAX}"));
        }
        let node = self.schema.node(id);
        let misfit = || format!("{} expected, found {}", node.type_word(), kind_of(value));
        match node {
            Node::Null => value.as_null().ok_or_else(misfit)?,
            Node::Boolean => out.push(u8::from(value.as_bool().ok_or_else(misfit)?)),
            Node::Int => {
                let number = value.as_i64().and_then(|n| i32::try_from(n).ok());
                write_long(out, i64::from(number.ok_or_else(misfit)?));
            }
            Node::Long => write_long(out, value.as_i64().ok_or_else(misfit)?),
            Node::Float => {
                let number = float(value).ok_or_else(misfit)? as f32;
                out.extend_from_slice(&number.to_le_bytes());
            }
            Node::Double => {
                out.extend_from_slice(&float(value).ok_or_else(misfit)?.to_le_bytes());
            }
            Node::String => write_bytes(out, value.as_str().ok_or_else(misfit)?.as_bytes()),
            Node::Bytes => {
                let text = value.as_str().ok_or_else(misfit)?;
                write_bytes(out, &self.binary(id, text, None)?);
            }
            Node::Fixed(fixed) => {
                let text = value.as_str().ok_or_else(misfit)?;
                let bytes = self.binary(id, text, Some(fixed.size_bytes))?;
                out.extend_from_slice(&bytes);
            }
            Node::Enum(enumeration) => {
                let text = value.as_str().ok_or_else(misfit)?;
                let index = enumeration.symbols.iter().position(|symbol| symbol == text);
                let index = index.ok_or_else(|| format!("\"{text}\" is none of {}", enumeration.symbols.join(", ")))?;
                write_long(out, index_of(index));
            }
            Node::Union(branches) => {
                let start = out.len();
                for (index, branch) in branches.iter().enumerate() {
                    write_long(out, index_of(index));
                    if self.value(*branch, value, out, depth + 1).is_ok() {
                        return Ok(());
                    }
                    out.truncate(start);
                }
                return Err(format!("no branch of the union takes {}", kind_of(value)));
            }
            Node::Record(record) => {
                let object = value.as_object().ok_or_else(misfit)?;
                for key in object.keys() {
                    if !record.fields.iter().any(|field| field.name == *key) {
                        return Err(format!("{} has no field {key}", record.name));
                    }
                }
                for field in &record.fields {
                    let part = object
                        .get(&field.name)
                        .or(field.default.as_ref())
                        .ok_or_else(|| format!("{} is missing", field.name))?;
                    self.value(field.node, part, out, depth + 1).map_err(|error| format!("{}: {error}", field.name))?;
                }
            }
            Node::Array(items) => {
                let list = value.as_array().ok_or_else(misfit)?;
                if !list.is_empty() {
                    write_long(out, index_of(list.len()));
                }
                for (index, item) in list.iter().enumerate() {
                    self.value(*items, item, out, depth + 1).map_err(|error| format!("[{index}]: {error}"))?;
                }
                write_long(out, 0);
            }
            Node::Map(values) => {
                let object = value.as_object().ok_or_else(misfit)?;
                if !object.is_empty() {
                    write_long(out, index_of(object.len()));
                }
                for (key, part) in object {
                    write_bytes(out, key.as_bytes());
                    self.value(*values, part, out, depth + 1).map_err(|error| format!("[{key}]: {error}"))?;
                }
                write_long(out, 0);
            }
        }
        Ok(())
    }

    fn binary(&self, id: NodeId, text: &str, size: Option<usize>) -> Result<Vec<u8>, String> {
        let decimal = match self.schema.logical(id) {
            Some(Logical::Decimal { scale, .. }) => decimal(text, *scale, size)?,
            _ => None,
        };
        let bytes = match decimal {
            Some(bytes) => bytes,
            None => text
                .chars()
                .map(|c| u8::try_from(u32::from(c)))
                .collect::<Result<Vec<_>, _>>()
                .map_err(|_| "bytes are text of code points 0 to 255".to_owned())?,
        };
        match size {
            Some(size) if size != bytes.len() => Err(format!("{size} bytes expected, found {}", bytes.len())),
            _ => Ok(bytes),
        }
    }
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_long(out, index_of(bytes.len()));
    out.extend_from_slice(bytes);
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "inf" | "Infinity" => Some(f64::INFINITY),
            "-inf" | "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// Two's complement of decimal text at `scale`, as short as it can be or of `size` bytes; none where the text is no number.
fn decimal(text: &str, scale: u32, size: Option<usize>) -> Result<Option<Vec<u8>>, String> {
    let (digits, negative) = match text.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let scale = scale as usize;
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() != scale || !is_number(whole) || !is_number(fraction) {
        return Ok(None);
    }
    // Never its text instead: those bytes would be another number.
    let too_large = || format!("{} is larger than the decimal holds", text.chars().take(40).collect::<String>());
    let unscaled: i128 = format!("{whole}{fraction}").parse().map_err(|_| too_large())?;
    let unscaled = if negative { -unscaled } else { unscaled };
    let all = unscaled.to_be_bytes();
    let redundant = |pair: &[u8]| match pair {
        [first, second, ..] => (*first == 0 && second & 0x80 == 0) || (*first == 0xff && second & 0x80 != 0),
        _ => false,
    };
    let mut short = &all[..];
    while redundant(short) {
        short = short.get(1..).unwrap_or_default();
    }
    match size {
        None => Ok(Some(short.to_vec())),
        Some(size) if size >= short.len() => {
            let mut bytes = vec![if negative && unscaled != 0 { 0xff } else { 0 }; size - short.len()];
            bytes.extend_from_slice(short);
            Ok(Some(bytes))
        }
        Some(_) => Err(too_large()),
    }
}

fn kind_of(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => format!("boolean {value}"),
        Value::Number(number) => format!("number {number}"),
        Value::String(text) => format!("string \"{}\"", text.chars().take(40).collect::<String>()),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
