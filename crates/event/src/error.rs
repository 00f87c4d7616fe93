/// Why metadata, an id or an amount is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A required CloudEvents header is missing beside others that are there.
    #[error("header {header} is missing: a record with any ce_ header needs ce_id, ce_source and ce_type")]
    MissingHeader {
        /// The header's name.
        header: &'static str,
    },
    /// A header's value is not what its name promises.
    #[error("header {header} holds {value:?}: expected {expected}")]
    InvalidHeader {
        /// The header's name.
        header: &'static str,
        /// What it held, cut to 100 characters.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// A name or id outside its rule.
    #[error("{kind} {value:?} is not allowed: {rule}")]
    InvalidName {
        /// Which id it is: "order id", "sku", …
        kind: &'static str,
        /// What was given, cut to 100 characters.
        value: String,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// Amounts of two currencies met.
    #[error("amounts in {left} and {right} can't be added: one order has one currency")]
    MixedCurrencies {
        /// One currency.
        left: String,
        /// The other.
        right: String,
    },
    /// An amount left the range of 64 bits.
    #[error("amount overflows: {what} leaves the range of minor units in 64 bits")]
    AmountOverflow {
        /// The operation.
        what: &'static str,
    },
}

pub(crate) fn shortened(value: &str) -> String {
    value.chars().take(100).collect()
}
