use std::io::Read;

use flate2::read::GzDecoder;
use serde::Deserialize;

use crate::Error;

/// Real invoices of a UK online shop; attribution in examples/README.md.
const FILE: &[u8] = include_bytes!("../../../../examples/online-retail-orders.ndjson.gz");

/// One invoice of the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Invoice {
    /// The number; a `C` in front marks a credit note.
    pub invoice: String,
    /// Who bought; none where the shop knew nobody.
    pub customer: Option<String>,
    /// RFC 3339.
    pub ordered_at: String,
    /// The lines.
    pub items: Vec<Item>,
}

/// One line of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Item {
    /// The shop's stock code.
    pub sku: String,
    /// What it is.
    pub description: Option<String>,
    /// Units; negative on credit notes and stock corrections.
    pub quantity: i64,
    /// Pounds as decimal text.
    pub unit_price: String,
}

/// The file's text: one JSON object a line, oldest first.
///
/// # Errors
/// Failed, when what was built in is no gzip.
pub fn text() -> Result<String, Error> {
    let mut text = String::new();
    GzDecoder::new(FILE)
        .read_to_string(&mut text)
        .map_err(|error| Error::failed(format!("the orders that are built in can't be unpacked: {error}")))?;
    Ok(text)
}

/// The first `count` invoices of the text, or all.
///
/// # Errors
/// Failed, with the line that is no invoice.
pub fn invoices(text: &str, count: Option<usize>) -> Result<Vec<Invoice>, Error> {
    let lines = text.lines().enumerate().take(count.unwrap_or(usize::MAX));
    let parse = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| Error::failed(format!("line {}: {error}", number + 1)))
    };
    lines.map(parse).collect()
}
