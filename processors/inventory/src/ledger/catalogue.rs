use headwater_event::Money;

use super::Product;
use crate::Refusal;

/// The longest name of a product, in characters.
pub const NAME_CHARS_MAX: usize = 200;
/// The longest description of a product, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 4_000;
/// The most units that one command may move, and that one SKU may ever have received.
pub const UNITS_MAX: i64 = 1_000_000_000_000;

/// What people ask of a SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogueCommand {
    /// `DefineProduct`: new, or changed.
    Define {
        /// What people call it.
        name: String,
        /// What it is.
        description: String,
        /// The price of one.
        price: Money,
    },
    /// `ReceiveStock`: defines an unknown SKU, without a price.
    Receive {
        /// Units, at least 1.
        quantity: i64,
    },
    /// `AdjustStock`: corrects what is on hand.
    Adjust {
        /// Units; may be negative, not 0.
        quantity: i64,
        /// Why.
        reason: String,
    },
}

/// What has happened to a SKU's product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogueFact {
    /// `ProductDefined`.
    Defined {
        /// What people call it.
        name: String,
        /// What it is.
        description: String,
        /// The price of one, where there is one.
        price: Option<Money>,
    },
    /// `StockReceived`.
    Received {
        /// Units.
        quantity: i64,
    },
    /// `StockAdjusted`.
    Adjusted {
        /// Units; may be negative.
        quantity: i64,
        /// Why.
        reason: String,
    },
}

impl CatalogueCommand {
    /// What follows for a SKU.
    ///
    /// # Errors
    /// [`Refusal`] with the field to mend.
    pub fn decide(self, sku: &str, product: Option<&Product>) -> Result<Vec<CatalogueFact>, Refusal> {
        match self {
            Self::Define { name, description, price } => define(name, description, price).map(|fact| vec![fact]),
            Self::Receive { quantity } => receive(sku, product, quantity),
            Self::Adjust { quantity, reason } => adjust(product, quantity, reason).map(|fact| vec![fact]),
        }
    }
}

fn define(name: String, description: String, price: Money) -> Result<CatalogueFact, Refusal> {
    if name.trim().is_empty() {
        return Err(Refusal::of_field("name_empty", "name", "a product needs a name"));
    }
    if name.chars().count() > NAME_CHARS_MAX {
        return Err(Refusal::of_field(
            "name_too_long",
            "name",
            format!("a name takes at most {NAME_CHARS_MAX} characters"),
        ));
    }
    if description.chars().count() > DESCRIPTION_CHARS_MAX {
        let message = format!("a description takes at most {DESCRIPTION_CHARS_MAX} characters");
        return Err(Refusal::of_field("description_too_long", "description", message));
    }
    if price.minor < 0 {
        return Err(Refusal::of_field("price_negative", "price.minor", "a price must not be negative"));
    }
    Ok(CatalogueFact::Defined { name, description, price: Some(price) })
}

fn receive(sku: &str, product: Option<&Product>, quantity: i64) -> Result<Vec<CatalogueFact>, Refusal> {
    if quantity <= 0 {
        let message = format!("quantity must be at least 1, not {quantity}: AdjustStock corrects downwards");
        return Err(Refusal::of_field("quantity_not_positive", "quantity", message));
    }
    let received = product.map_or(0, |product| product.received);
    if received.checked_add(quantity).is_none_or(|sum| sum > UNITS_MAX) {
        let message = format!("one sku takes at most {UNITS_MAX} units, and {received} have arrived before");
        return Err(Refusal::of_field("quantity_too_large", "quantity", message));
    }
    let defined = || CatalogueFact::Defined { name: sku.to_owned(), description: String::new(), price: None };
    let mut facts = Vec::with_capacity(2);
    facts.extend(product.is_none().then(defined));
    facts.push(CatalogueFact::Received { quantity });
    Ok(facts)
}

fn adjust(product: Option<&Product>, quantity: i64, reason: String) -> Result<CatalogueFact, Refusal> {
    let Some(product) = product else {
        return Err(Refusal::of_field(
            "unknown_product",
            "sku",
            "there is no such product: define or receive it first",
        ));
    };
    if quantity == 0 {
        return Err(Refusal::of_field("quantity_zero", "quantity", "an adjustment of 0 changes nothing"));
    }
    if reason.chars().count() > DESCRIPTION_CHARS_MAX {
        let message = format!("a reason takes at most {DESCRIPTION_CHARS_MAX} characters");
        return Err(Refusal::of_field("reason_too_long", "reason", message));
    }
    let bound = |units: Option<i64>| units.is_none_or(|units| units.saturating_abs() > UNITS_MAX);
    if bound(product.adjusted.checked_add(quantity)) || bound(product.on_hand.checked_add(quantity)) {
        let message = format!("one sku takes at most {UNITS_MAX} units");
        return Err(Refusal::of_field("quantity_too_large", "quantity", message));
    }
    if product.on_hand + quantity < 0 {
        let message = format!(
            "only {} units are on hand, and {} are held for orders: what is held can't be taken away",
            product.on_hand, product.reserved
        );
        return Err(Refusal::of_field("below_held", "quantity", message));
    }
    Ok(CatalogueFact::Adjusted { quantity, reason })
}

impl CatalogueFact {
    /// The product after this fact.
    #[must_use]
    pub fn evolve(&self, sku: &str, product: Option<Product>) -> Product {
        let mut product = product.unwrap_or_else(|| Product::named(sku));
        product.version += 1;
        match self {
            Self::Defined { name, description, price } => {
                product.name.clone_from(name);
                product.description.clone_from(description);
                product.price = *price;
            }
            Self::Received { quantity } => {
                product.received += quantity;
                product.on_hand += quantity;
            }
            Self::Adjusted { quantity, .. } => {
                product.adjusted += quantity;
                product.on_hand += quantity;
            }
        }
        product
    }
}
