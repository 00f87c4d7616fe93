use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::error::shortened;

const RULE: &str = "use 1 to 200 characters, none of them a control character, no space at either end";

fn checked(kind: &'static str, text: &str) -> Result<String, Error> {
    let legal =
        !text.is_empty() && text.chars().count() <= 200 && text.trim() == text && !text.chars().any(char::is_control);
    if legal { Ok(text.to_owned()) } else { Err(Error::InvalidName { kind, value: shortened(text), rule: RULE }) }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks and wraps the text.
            ///
            /// # Errors
            /// [`Error::InvalidName`] when it is empty, longer than 200 characters, padded, or holds control characters.
            pub fn new(text: &str) -> Result<Self, Error> {
                checked($kind, text).map(Self)
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;
            fn try_from(text: String) -> Result<Self, Error> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    )*};
}

names! {
    /// An order, and the key of every order-keyed topic.
    OrderId = "order id";
    /// Who ordered.
    CustomerId = "customer id";
    /// A stock keeping unit, and the key of every SKU-keyed topic.
    Sku = "sku";
    /// A charge, as the payment provider knows it.
    PaymentId = "payment id";
    /// A parcel on its way.
    ShipmentId = "shipment id";
}
