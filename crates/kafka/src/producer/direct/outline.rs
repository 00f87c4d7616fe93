//! The outlines of the answers: enough to walk their bytes before they are decoded. The codec allocates for as many
//! elements as an array claims, so a few bytes that are no answer could ask for gigabytes and end the process.

use kafka_protocol::messages::ApiKey;

/// A field, in the compact encoding of KIP-482: every version that is asked for has it.
#[derive(Debug, Clone, Copy)]
enum Field {
    /// Always so many bytes.
    Fixed(usize),
    /// A string, null or not.
    Text,
    /// An array of numbers of four bytes.
    Numbers,
    /// An array of structs.
    Each(&'static [Self]),
}

use Field::{Each, Fixed, Numbers, Text};

const ERROR: Field = Fixed(2);
const INDEX: Field = Fixed(4);
const OFFSET: Field = Fixed(8);
const THROTTLE: Field = Fixed(4);
/// A partition's index, and what became of it.
const PARTITION_ERRORS: Field = Each(&[INDEX, ERROR]);

/// The answer's fields, as far as the version goes that `requests.rs` asks for. None for what is never asked.
const fn fields_of(api: ApiKey) -> Option<&'static [Field]> {
    Some(match api {
        ApiKey::ApiVersions => &[ERROR, Each(&[Fixed(2), Fixed(2), Fixed(2)]), THROTTLE],
        ApiKey::Produce => {
            &[Each(&[Text, Each(&[INDEX, ERROR, OFFSET, Fixed(8), OFFSET, Each(&[INDEX, Text]), Text])]), THROTTLE]
        }
        ApiKey::Metadata => &[
            THROTTLE,
            Each(&[Fixed(4), Text, Fixed(4), Text]),
            Text,
            Fixed(4),
            Each(&[
                ERROR,
                Text,
                Fixed(1),
                Each(&[ERROR, INDEX, Fixed(4), Fixed(4), Numbers, Numbers, Numbers]),
                Fixed(4),
            ]),
            Fixed(4),
        ],
        ApiKey::ListOffsets => &[THROTTLE, Each(&[Text, Each(&[INDEX, ERROR, Fixed(8), OFFSET, Fixed(4)])])],
        ApiKey::FindCoordinator => &[THROTTLE, ERROR, Text, Fixed(4), Text, Fixed(4)],
        ApiKey::InitProducerId => &[THROTTLE, ERROR, Fixed(8), Fixed(2)],
        ApiKey::AddPartitionsToTxn | ApiKey::TxnOffsetCommit => &[THROTTLE, Each(&[Text, PARTITION_ERRORS])],
        ApiKey::AddOffsetsToTxn | ApiKey::EndTxn => &[THROTTLE, ERROR],
        _ => return None,
    })
}

/// Whether these bytes can be the answer to a request of this kind.
pub(super) fn fits(key: i16, answer: &[u8]) -> bool {
    let fields = ApiKey::try_from(key).ok().and_then(fields_of);
    fields.is_some_and(|fields| Walk { rest: answer }.fields(fields).is_some())
}

/// What is left of an answer; None where it ends too early.
struct Walk<'a> {
    rest: &'a [u8],
}

impl Walk<'_> {
    fn fields(&mut self, fields: &[Field]) -> Option<()> {
        for field in fields {
            match field {
                Fixed(bytes) => self.skip(*bytes)?,
                Text => {
                    let length = self.length()?;
                    self.skip(length)?;
                }
                Numbers => {
                    let count = self.length()?;
                    self.skip(count.checked_mul(4)?)?;
                }
                Each(inner) => {
                    // Each takes a byte at least, so a larger count ends before long.
                    for _ in 0..self.length()? {
                        self.fields(inner)?;
                    }
                }
            }
        }
        for _ in 0..self.varint()? {
            self.varint()?;
            let length = self.varint()?;
            self.skip(length)?;
        }
        Some(())
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.rest = self.rest.get(bytes..)?;
        Some(())
    }

    /// One less than what is written; null, which is zero, has none.
    fn length(&mut self) -> Option<usize> {
        Some(self.varint()?.saturating_sub(1))
    }

    fn varint(&mut self) -> Option<usize> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
