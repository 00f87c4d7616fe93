use std::collections::BTreeMap;

use headwater_event::Timestamp;

use crate::order::{OpenOrder, OrderedLine};
use crate::{Fact, Moment, Placement, Refusal};

/// The most lines that one order may have.
pub const LINES_MAX: usize = 1_000;
/// The most units of one SKU that one order may ask for, its lines together.
pub const QUANTITY_MAX: i64 = 1_000_000;
/// The largest total, in minor units: a hundred billion of a currency with cents.
pub const TOTAL_MINOR_MAX: i64 = 10_000_000_000_000;
/// The last millisecond of year 9999: later times have no text in RFC 3339.
const PLACED_AT_MAX: Timestamp = Timestamp::from_millis(253_402_300_799_999);

/// Checks an order as a shop would before it takes it.
pub(crate) fn place(placement: Placement, moment: Moment) -> Result<Fact, Refusal> {
    check_lines(&placement.lines)?;
    let placed_at = placement.placed_at.unwrap_or(moment.event_time);
    if placed_at < Timestamp::from_millis(0) || placed_at > PLACED_AT_MAX {
        return Err(Refusal::of_field(
            "placed_at_out_of_range",
            "placed_at",
            "placed_at must lie between 1970 and 9999, in milliseconds",
        ));
    }
    let Placement { order_id, customer_id, currency, lines, confirmation, limits, .. } = placement;
    let order = OpenOrder::placed(order_id, customer_id, confirmation, limits, moment.now);
    Ok(Fact::Created { order: Box::new(order), currency, lines, placed_at })
}

fn check_lines(lines: &[OrderedLine]) -> Result<(), Refusal> {
    if lines.is_empty() {
        return Err(Refusal::of_field("no_items", "items", "an order needs at least one item"));
    }
    if lines.len() > LINES_MAX {
        let message = format!("an order takes at most {LINES_MAX} items, not {}: split it", lines.len());
        return Err(Refusal::of_field("too_many_items", "items", message));
    }
    let mut units: BTreeMap<&str, i64> = BTreeMap::new();
    let mut total: i128 = 0;
    for (index, line) in lines.iter().enumerate() {
        check_line(index, line)?;
        let sum = units.entry(line.sku.as_str()).or_insert(0);
        *sum = sum.saturating_add(line.quantity);
        if *sum > QUANTITY_MAX {
            let message =
                format!("at most {QUANTITY_MAX} units of one sku, all lines together: {} asks for more", line.sku);
            return Err(Refusal::of_field("quantity_too_large", format!("items[{index}].quantity"), message));
        }
        total += i128::from(line.unit_price_minor.unwrap_or(0)) * i128::from(line.quantity);
        if total > i128::from(TOTAL_MINOR_MAX) {
            let message = format!("the items come to more than {TOTAL_MINOR_MAX} minor units: split the order");
            return Err(Refusal::of_field("total_too_large", format!("items[{index}].unit_price_minor"), message));
        }
    }
    Ok(())
}

fn check_line(index: usize, line: &OrderedLine) -> Result<(), Refusal> {
    if line.quantity <= 0 {
        let message = format!("quantity must be at least 1, not {}", line.quantity);
        return Err(Refusal::of_field("quantity_not_positive", format!("items[{index}].quantity"), message));
    }
    if line.unit_price_minor.is_some_and(i64::is_negative) {
        let message = "unit_price_minor must not be negative: leave it out to take the catalogue's price";
        return Err(Refusal::of_field("price_negative", format!("items[{index}].unit_price_minor"), message));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
