//! Walks what was typed along the tree of checks.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use super::compile::{Check, CheckId, CommandCheck, RecordCheck, Tree};
use super::raw::{Raw, shorten};
use super::{Command, Problem, Rejection};

/// A problem on its way up: each level puts its part of the path in front.
struct Found {
    problem: Problem,
    path: String,
}

impl Found {
    fn here(problem: Problem) -> Box<Self> {
        Box::new(Self { problem, path: String::new() })
    }

    fn at_field(problem: Problem, field: &str) -> Box<Self> {
        Box::new(Self { problem, path: shorten(field) })
    }

    fn inside(mut self: Box<Self>, part: &str) -> Box<Self> {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{part}{dot}{}", self.path);
        self
    }
}

type Checked = Result<Value, Box<Found>>;

pub(super) fn check(tree: &Tree, text: &[u8], outside: Option<&str>) -> Result<Command, Box<Rejection>> {
    let whole = |problem| Box::new(Rejection { problem, path: String::new(), command: None });
    let mut entries = match Raw::parse(text).map_err(whole)? {
        Raw::Object(entries) => entries,
        other => {
            return Err(whole(Problem::NotAnObject { found: other.describe() }));
        }
    };
    let typed = take_type(tree, &mut entries)?;
    let command = named(tree, typed.as_deref(), outside)?;
    let Check::Record(record) = tree.check(command.check) else {
        return Err(whole(unknown(tree, &command.full_name)));
    };
    match object(tree, record, entries) {
        Ok(value) => Ok(Command { full_name: command.full_name.clone(), value }),
        Err(found) => Err(Box::new(Rejection {
            problem: found.problem,
            path: found.path,
            command: Some(command.full_name.clone()),
        })),
    }
}

/// Checks one value given as JSON text, as defaults are.
pub(super) fn check_value(tree: &Tree, id: CheckId, text: &str) -> Result<Value, Box<Rejection>> {
    let rejection = |problem, path| Box::new(Rejection { problem, path, command: None });
    let raw = Raw::parse(text.as_bytes()).map_err(|problem| rejection(problem, String::new()))?;
    value(tree, id, raw).map_err(|found| rejection(found.problem, found.path))
}

fn take_type<'a>(
    tree: &Tree,
    entries: &mut Vec<(Cow<'a, str>, Raw<'a>)>,
) -> Result<Option<Cow<'a, str>>, Box<Rejection>> {
    let rejection = |problem| Box::new(Rejection { problem, path: "type".to_owned(), command: None });
    let Some(at) = entries.iter().position(|(key, _)| key == "type") else {
        return Ok(None);
    };
    let (_, typed) = entries.remove(at);
    if entries.iter().any(|(key, _)| key == "type") {
        return Err(rejection(Problem::DuplicateField));
    }
    match typed {
        Raw::Text(name) => Ok(Some(name)),
        other => Err(rejection(Problem::WrongType {
            expected: format!("one of {}", tree.short_names().join(", ")),
            found: other.describe(),
        })),
    }
}

fn named<'t>(tree: &'t Tree, typed: Option<&str>, outside: Option<&str>) -> Result<&'t CommandCheck, Box<Rejection>> {
    let rejection = |problem, path: &str| Box::new(Rejection { problem, path: path.to_owned(), command: None });
    let by_header = match outside {
        Some(name) => Some(tree.find(name).ok_or_else(|| rejection(unknown(tree, name), ""))?),
        None => None,
    };
    let Some(name) = typed else {
        return by_header.ok_or_else(|| {
            let known = tree.short_names();
            rejection(Problem::MissingType { known }, "type")
        });
    };
    let by_field = tree.find(name).ok_or_else(|| rejection(unknown(tree, name), "type"))?;
    match by_header {
        Some(header) if header.full_name != by_field.full_name => Err(rejection(
            Problem::TypeContradicted { field: shorten(name), outside: header.full_name.clone() },
            "type",
        )),
        _ => Ok(by_field),
    }
}

fn unknown(tree: &Tree, name: &str) -> Problem {
    Problem::UnknownCommand { name: shorten(name), known: tree.short_names() }
}

fn object(tree: &Tree, record: &RecordCheck, entries: Vec<(Cow<'_, str>, Raw<'_>)>) -> Checked {
    let mut slots: Vec<Option<Value>> = Vec::new();
    slots.resize_with(record.fields.len(), || None);
    // People write fields in the schema's order, so the next field is tried first.
    let mut next = 0;
    for (key, raw) in entries {
        let at = match record.fields.get(next) {
            Some(field) if field.name == key => Some(next),
            _ => record
                .fields
                .iter()
                .position(|field| field.name == key || field.aliases.iter().any(|alias| *alias == key)),
        };
        let (Some(at), Some((field, slot))) = (at, at.and_then(|at| record.fields.get(at).zip(slots.get_mut(at))))
        else {
            let known = record.fields.iter().map(|field| field.name.clone());
            let problem = Problem::UnknownField { known: known.collect() };
            return Err(Found::at_field(problem, &key));
        };
        if slot.is_some() {
            return Err(Found::at_field(Problem::DuplicateField, &field.name));
        }
        *slot = Some(value(tree, field.check, raw).map_err(|found| found.inside(&field.name))?);
        next = at + 1;
    }
    let mut out = Map::with_capacity(record.fields.len());
    for (field, slot) in record.fields.iter().zip(slots) {
        let part = match (slot, &field.default) {
            (Some(part), _) => part,
            (None, Some(default)) => default.clone(),
            (None, None) => {
                let problem = Problem::MissingField { expected: tree.expected(field.check) };
                return Err(Found::at_field(problem, &field.name));
            }
        };
        out.insert(field.name.clone(), part);
    }
    Ok(Value::Object(out))
}

fn value(tree: &Tree, id: CheckId, raw: Raw<'_>) -> Checked {
    match (tree.check(id), raw) {
        (Check::Null, Raw::Null) => Ok(Value::Null),
        (Check::Optional(_), Raw::Null) => Ok(Value::Null),
        (Check::Optional(inner), raw) => value(tree, *inner, raw),
        (Check::Union(branches), raw) => union(tree, id, branches, raw),
        (_, Raw::Null) => Err(Found::here(Problem::NullNotAllowed { expected: tree.expected(id) })),
        (Check::Boolean, Raw::Bool(flag)) => Ok(Value::Bool(flag)),
        (Check::Int, Raw::Int(number)) => match i32::try_from(number) {
            Ok(number) => Ok(number.into()),
            Err(_) => out_of_range(number.to_string(), "int"),
        },
        (Check::Long | Check::TimestampMillis, Raw::Int(number)) => Ok(number.into()),
        (Check::Int, Raw::Big(number)) => out_of_range(number.to_string(), "int"),
        (Check::Long | Check::TimestampMillis, Raw::Big(number)) => out_of_range(number.to_string(), "long"),
        (Check::Int | Check::Long | Check::TimestampMillis, Raw::Float(number)) => whole_number(tree, id, number),
        (Check::Float | Check::Double, Raw::Int(number)) => Ok((number as f64).into()),
        (Check::Float | Check::Double, Raw::Big(number)) => Ok((number as f64).into()),
        (Check::Float | Check::Double, Raw::Float(number)) => {
            Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
        }
        (Check::TimestampMillis, Raw::Text(text)) => match time_ms(&text) {
            Some(ms) => Ok(ms.into()),
            None => Err(Found::here(Problem::NotATime { found: shorten(&text) })),
        },
        (Check::Text, Raw::Text(text)) => Ok(Value::String(text.into_owned())),
        (Check::Decimal { scale, digits }, Raw::Text(text)) => match plain_decimal(&text, *scale, *digits) {
            Some(plain) => Ok(Value::String(plain)),
            None => {
                Err(Found::here(Problem::WrongType { expected: tree.expected(id), found: Raw::Text(text).describe() }))
            }
        },
        (Check::Bytes { size }, Raw::Text(text)) if fits_bytes(&text, *size) => Ok(Value::String(text.into_owned())),
        (Check::Enum { symbols }, Raw::Text(text)) => {
            if symbols.iter().any(|symbol| *symbol == text) {
                return Ok(Value::String(text.into_owned()));
            }
            Err(Found::here(Problem::UnknownSymbol { found: shorten(&text), symbols: symbols.clone() }))
        }
        (Check::List(items), Raw::List(list)) => {
            let mut out = Vec::with_capacity(list.len());
            for (index, item) in list.into_iter().enumerate() {
                let item = value(tree, *items, item);
                out.push(item.map_err(|found| found.inside(&format!("[{index}]")))?);
            }
            Ok(Value::Array(out))
        }
        (Check::Map(values), Raw::Object(entries)) => {
            let mut out = Map::with_capacity(entries.len());
            for (key, part) in entries {
                if out.contains_key(key.as_ref()) {
                    return Err(Found::at_field(Problem::DuplicateField, &key));
                }
                let part = value(tree, *values, part).map_err(|found| found.inside(&key))?;
                out.insert(key.into_owned(), part);
            }
            Ok(Value::Object(out))
        }
        (Check::Record(record), Raw::Object(entries)) => object(tree, record, entries),
        (_, raw) => Err(Found::here(Problem::WrongType { expected: tree.expected(id), found: raw.describe() })),
    }
}

/// The branch is chosen by the kind of JSON value; the first of that kind whose check passes.
fn union(tree: &Tree, id: CheckId, branches: &[CheckId], raw: Raw<'_>) -> Checked {
    let mut first = None;
    for branch in branches.iter().filter(|branch| takes(tree.check(**branch), &raw)) {
        match value(tree, *branch, copy(&raw)) {
            Ok(value) => return Ok(value),
            Err(found) => first = first.or(Some(found)),
        }
    }
    Err(first.unwrap_or_else(|| {
        let expected = tree.expected(id);
        Found::here(match raw {
            Raw::Null => Problem::NullNotAllowed { expected },
            raw => Problem::WrongType { expected, found: raw.describe() },
        })
    }))
}

/// True if the check takes this kind of JSON value, whatever its content.
fn takes(check: &Check, raw: &Raw<'_>) -> bool {
    match raw {
        Raw::Null => matches!(check, Check::Null),
        Raw::Bool(_) => matches!(check, Check::Boolean),
        Raw::Int(_) | Raw::Big(_) => {
            matches!(check, Check::Int | Check::Long | Check::Float | Check::Double | Check::TimestampMillis)
        }
        Raw::Float(_) => matches!(check, Check::Float | Check::Double),
        Raw::Text(_) => matches!(
            check,
            Check::Text | Check::Bytes { .. } | Check::Decimal { .. } | Check::Enum { .. } | Check::TimestampMillis
        ),
        Raw::List(_) => matches!(check, Check::List(_)),
        Raw::Object(_) => matches!(check, Check::Map(_) | Check::Record(_)),
    }
}

fn copy<'a>(raw: &'a Raw<'_>) -> Raw<'a> {
    match raw {
        Raw::Null => Raw::Null,
        Raw::Bool(flag) => Raw::Bool(*flag),
        Raw::Int(number) => Raw::Int(*number),
        Raw::Big(number) => Raw::Big(*number),
        Raw::Float(number) => Raw::Float(*number),
        Raw::Text(text) => Raw::Text(Cow::Borrowed(text)),
        Raw::List(list) => Raw::List(list.iter().map(copy).collect()),
        Raw::Object(entries) => {
            let entries = entries.iter();
            Raw::Object(entries.map(|(key, value)| (Cow::Borrowed(&**key), copy(value))).collect())
        }
    }
}

fn out_of_range(value: String, expected: &'static str) -> Checked {
    Err(Found::here(Problem::OutOfRange { value, expected }))
}

/// A number with a fraction or exponent is no integer, and one beyond 64 bits arrives as a float.
fn whole_number(tree: &Tree, id: CheckId, number: f64) -> Checked {
    const BITS_64: f64 = 9_223_372_036_854_775_808.0;
    let expected = match tree.check(id) {
        Check::Int => "int",
        _ => "long",
    };
    if number.fract() == 0.0 && number.abs() >= BITS_64 {
        return out_of_range(format!("{number:e}"), expected);
    }
    Err(Found::here(Problem::WrongType { expected: tree.expected(id), found: Raw::Float(number).describe() }))
}

fn time_ms(text: &str) -> Option<i64> {
    chrono::DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis())
}

/// The number as Avro gives it back: no zeros in front, no negative zero. None where it is none, or has too many digits.
fn plain_decimal(text: &str, scale: u32, digits_max: u32) -> Option<String> {
    let (digits, sign) = text.strip_prefix('-').map_or((text, ""), |digits| (digits, "-"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() != scale as usize || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let significant =
        if whole.is_empty() { fraction.trim_start_matches('0').len() } else { whole.len() + fraction.len() };
    if significant > digits_max as usize {
        return None;
    }
    let sign = if significant == 0 { "" } else { sign };
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

fn fits_bytes(text: &str, size: Option<usize>) -> bool {
    let all_bytes = text.chars().all(|c| u32::from(c) < 256);
    all_bytes && size.is_none_or(|size| text.chars().count() == size)
}
