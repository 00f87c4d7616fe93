use headwater_contracts::inventory::{
    AdjustStock, CommandRejected, ConfirmStock, DefineProduct, ProductDefined, ProductView, ReceiveStock, ReleaseStock,
    ReserveStock, StockAdjusted, StockConfirmationFailed, StockConfirmed, StockReceived, StockRejected, StockReleased,
    StockReserved,
};
use headwater_event::{OrderId, Sku};
use headwater_streams::{Context, Failure, Input, Processor};

use crate::Refusal;
use crate::ledger::{Answer, CatalogueCommand, CatalogueFact, Hold, HoldCommand, Product};

pub(super) const PRODUCTS: &str = "products";
pub(super) const HOLDS: &str = "holds";
pub(super) const REPLIES: &str = "replies";
pub(super) const STOCK_REPLIES: &str = "stock-replies";
pub(super) const STOCK_EVENTS: &str = "stock-events";
pub(super) const VIEWS: &str = "products";

/// Owns the SKUs of one partition.
pub(super) struct LedgerProcessor;

impl Processor for LedgerProcessor {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        if input.is::<ReserveStock>() {
            let ReserveStock { sku, order_id, quantity, currency, unit_price_minor } = input.decode()?;
            hold(&sku, &order_id, HoldCommand::Reserve { quantity, currency, unit_price_minor }, context)
        } else if input.is::<ReleaseStock>() {
            let ReleaseStock { sku, order_id } = input.decode()?;
            hold(&sku, &order_id, HoldCommand::Release, context)
        } else if input.is::<ConfirmStock>() {
            let ConfirmStock { sku, order_id } = input.decode()?;
            hold(&sku, &order_id, HoldCommand::Confirm, context)
        } else if input.is::<DefineProduct>() {
            let DefineProduct { sku, name, description, price } = input.decode()?;
            catalogue(&sku, CatalogueCommand::Define { name, description, price }, input, context)
        } else if input.is::<ReceiveStock>() {
            let ReceiveStock { sku, quantity } = input.decode()?;
            catalogue(&sku, CatalogueCommand::Receive { quantity }, input, context)
        } else if input.is::<AdjustStock>() {
            let AdjustStock { sku, quantity, reason } = input.decode()?;
            catalogue(&sku, CatalogueCommand::Adjust { quantity, reason }, input, context)
        } else {
            Err(Failure::decode(format!("{} is no command to a SKU", input.message_type())))
        }
    }
}

fn hold(sku: &Sku, order_id: &OrderId, command: HoldCommand, context: &mut Context<'_>) -> Result<(), Failure> {
    // Neither id can hold a control character, so 0 parts them.
    let key = [sku.as_str().as_bytes(), &[0], order_id.as_str().as_bytes()].concat();
    let before: Option<Product> = context.get_json(PRODUCTS, sku.as_str().as_bytes())?;
    let held: Option<Hold> = context.get_json(HOLDS, &key)?;
    let (mut product, mut hold) = (before.clone(), held.clone());
    let answer = command.apply(&mut product, &mut hold);
    if hold != held {
        context.put_json(HOLDS, &key, &hold)?;
    }
    if let Some(product) = product.filter(|product| before.as_ref() != Some(product)) {
        store(sku, product, context)?;
    }
    let (sku, order_id) = (sku.clone(), order_id.clone());
    match answer {
        Answer::Reserved { quantity, unit_price_minor } => {
            context.send(STOCK_REPLIES, &StockReserved { order_id, sku, quantity, unit_price_minor })
        }
        Answer::Rejected { reason } => context.send(STOCK_REPLIES, &StockRejected { order_id, sku, reason }),
        Answer::Released { quantity } => context.send(STOCK_REPLIES, &StockReleased { order_id, sku, quantity }),
        Answer::Confirmed { quantity } => context.send(STOCK_REPLIES, &StockConfirmed { order_id, sku, quantity }),
        Answer::ConfirmationFailed { reason } => {
            context.send(STOCK_REPLIES, &StockConfirmationFailed { order_id, sku, reason })
        }
    }
}

fn catalogue(
    sku: &Sku,
    command: CatalogueCommand,
    input: &Input<'_>,
    context: &mut Context<'_>,
) -> Result<(), Failure> {
    let product: Option<Product> = context.get_json(PRODUCTS, sku.as_str().as_bytes())?;
    let version = product.as_ref().map_or(0, |product| product.version);
    let facts = match input.expected_version()? {
        Some(expected) if expected != version => Err(Refusal::of_field(
            "version_mismatch",
            "expected-version",
            format!("version {expected} was expected, but {version} is reached: read the product again"),
        )),
        _ => command.decide(sku.as_str(), product.as_ref()),
    };
    let facts = match facts {
        Ok(facts) => facts,
        Err(refusal) => return refuse(sku, refusal, input, context),
    };
    let product = facts.iter().fold(product, |product, fact| Some(fact.evolve(sku.as_str(), product)));
    for fact in facts {
        publish(sku, fact, context)?;
    }
    product.map_or(Ok(()), |product| store(sku, product, context))
}

fn refuse(sku: &Sku, refusal: Refusal, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
    context.count_rejected();
    let reply = CommandRejected {
        sku: sku.clone(),
        command_id: input.envelope().id.to_string(),
        command_type: input.message_type().to_owned(),
        reason: format!("{}: {}", refusal.reason, refusal.message),
        field: refusal.field,
    };
    context.send(REPLIES, &reply)
}

fn publish(sku: &Sku, fact: CatalogueFact, context: &mut Context<'_>) -> Result<(), Failure> {
    let sku = sku.clone();
    match fact {
        CatalogueFact::Defined { name, description, price } => {
            context.send(STOCK_EVENTS, &ProductDefined { sku, name, description, price })
        }
        CatalogueFact::Received { quantity } => context.send(STOCK_EVENTS, &StockReceived { sku, quantity }),
        CatalogueFact::Adjusted { quantity, reason } => {
            context.send(STOCK_EVENTS, &StockAdjusted { sku, quantity, reason })
        }
    }
}

fn store(sku: &Sku, product: Product, context: &mut Context<'_>) -> Result<(), Failure> {
    let updated_at = product.updated_at.max(context.envelope().time);
    let product = Product { updated_at, ..product };
    context.put_json(PRODUCTS, sku.as_str().as_bytes(), &product)?;
    context.send(VIEWS, &view(sku, product))
}

/// The document of a product.
pub(crate) fn view(sku: &Sku, product: Product) -> ProductView {
    let Product { name, description, price, received, adjusted, on_hand, reserved, confirmed, updated_at, .. } =
        product;
    let sku = sku.clone();
    ProductView { sku, name, description, price, received, adjusted, on_hand, reserved, confirmed, updated_at }
}
