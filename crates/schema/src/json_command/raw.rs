//! JSON as it was typed: strings borrowed, entries in order, repeated keys kept, depth bounded.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use super::{DEPTH_MAX, Problem};

pub(super) enum Raw<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// Above the range of i64.
    Big(u64),
    Float(f64),
    Text(Cow<'a, str>),
    List(Vec<Raw<'a>>),
    Object(Vec<(Cow<'a, str>, Raw<'a>)>),
}

const TOO_DEEP: &str = "nested too deep";

impl<'a> Raw<'a> {
    pub(super) fn parse(text: &'a [u8]) -> Result<Self, Problem> {
        let text = std::str::from_utf8(text).map_err(|error| Problem::NotUtf8 { at: error.valid_up_to() })?;
        // Windows editors and consoles put a byte order mark in front.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim().is_empty() {
            return Err(Problem::Empty);
        }
        let mut parser = serde_json::Deserializer::from_str(text);
        RawSeed(0)
            .deserialize(&mut parser)
            .and_then(|raw| parser.end().map(|()| raw))
            .map_err(|error| problem_of(&error))
    }

    pub(super) fn describe(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => format!("boolean {value}"),
            Self::Int(number) => format!("number {number}"),
            Self::Big(number) => format!("number {number}"),
            Self::Float(number) => format!("number {number}"),
            Self::Text(text) => format!("string \"{}\"", shorten(text)),
            Self::List(_) => "an array".to_owned(),
            Self::Object(_) => "an object".to_owned(),
        }
    }
}

/// Enough of a text to recognise it in a message.
pub(super) fn shorten(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    let mut short: String = text.chars().take(CHARS_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn problem_of(error: &serde_json::Error) -> Problem {
    let message = error.to_string();
    if message.starts_with(TOO_DEEP) || message.starts_with("recursion limit") {
        return Problem::TooDeep { depth_max: DEPTH_MAX };
    }
    let detail = message.rsplit_once(" at line ").map_or(message.as_str(), |(detail, _)| detail);
    Problem::NotJson { line: error.line(), column: error.column(), detail: detail.to_owned() }
}

#[derive(Clone, Copy)]
struct RawSeed(usize);

impl RawSeed {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.0 >= DEPTH_MAX {
            return Err(E::custom(TOO_DEEP));
        }
        Ok(Self(self.0 + 1))
    }
}

impl<'de> DeserializeSeed<'de> for RawSeed {
    type Value = Raw<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Raw<'de>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RawSeed {
    type Value = Raw<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Raw<'de>, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw<'de>, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw<'de>, E> {
        Ok(Raw::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw<'de>, E> {
        Ok(i64::try_from(value).map_or(Raw::Big(value), Raw::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw<'de>, E> {
        Ok(Raw::Float(value))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Raw<'de>, E> {
        Ok(Raw::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw<'de>, E> {
        Ok(Raw::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw<'de>, A::Error> {
        let inner = self.deeper::<A::Error>()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw<'de>, A::Error> {
        let inner = self.deeper::<A::Error>()?;
        let mut object = Vec::with_capacity(8);
        while let Some(key) = entries.next_key_seed(KeySeed)? {
            object.push((key, entries.next_value_seed(inner)?));
        }
        Ok(Raw::Object(object))
    }
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        match RawSeed(DEPTH_MAX).deserialize(from)? {
            Raw::Text(text) => Ok(text),
            _ => Err(D::Error::custom("a key must be text")),
        }
    }
}
