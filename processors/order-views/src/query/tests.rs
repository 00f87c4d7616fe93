#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_event::{Currency, CustomerId, Timestamp};
use headwater_streams::MemoryBase;

use super::*;
use crate::document::{Change, Created, Status};
use crate::index::{Difference, Tally};
use crate::topology::{COUNTS, INDEX, REVENUE};

const DAY_MS: i64 = 86_400_000;

/// Committed state as the processor would have written it.
fn partition(orders: &[(&str, &str, i64, Status)]) -> MemoryBase {
    let mut base = MemoryBase::default();
    for (id, customer, placed_at, status) in orders {
        let order_id = OrderId::new(id).unwrap();
        let mut after = Document::default();
        let created = Created {
            customer_id: CustomerId::new(customer).unwrap(),
            currency: Currency::new("GBP").unwrap(),
            items: vec![],
            placed_at: Timestamp::from_millis(*placed_at),
        };
        after.apply(Change::Created(created), Timestamp::default());
        after.apply(Change::Confirmed(250), Timestamp::default());
        after.status = *status;
        let difference = Difference::between(&order_id, &Document::default(), &after);
        base.write(DOCUMENTS, id.as_bytes(), Some(&serde_json::to_vec(&after).unwrap()));
        for key in difference.added {
            base.write(INDEX, &key, Some(b"1"));
        }
        for (status, change) in difference.counts {
            let key = status.word().as_bytes();
            let count = base.get(COUNTS, key).unwrap().map_or(0, |bytes| serde_json::from_slice(&bytes).unwrap());
            base.write(COUNTS, key, Some(&serde_json::to_vec(&(change + count)).unwrap()));
        }
        for (day, change) in difference.revenue {
            let sum: Tally = base
                .get(REVENUE, day.as_bytes())
                .unwrap()
                .map_or_else(Tally::default, |bytes| serde_json::from_slice(&bytes).unwrap());
            base.write(REVENUE, day.as_bytes(), Some(&serde_json::to_vec(&sum.plus(change)).unwrap()));
        }
    }
    base
}

fn shop() -> [MemoryBase; 2] {
    [
        partition(&[
            ("o-1", "anna", 1, Status::Delivered),
            ("o-2", "bert", 2, Status::Cancelled),
            ("o-5", "anna", DAY_MS, Status::Created),
        ]),
        partition(&[("o-3", "anna", 2, Status::Cancelled), ("o-4", "bert", DAY_MS + 7, Status::Paid)]),
    ]
}

fn check(filter: Filter, limit: usize, offset: usize, ids: &[&str], total: u64) {
    let pages = shop().map(|base| list(&base, &filter, limit + offset, 0).unwrap());
    let page = merge(pages, limit, offset);
    let found: Vec<_> = page.orders.iter().map(|order| order.order_id.as_str()).collect();
    assert_eq!((found.as_slice(), page.total), (ids, total), "{filter:?}");
}

fn filter(customer_id: &str, status: &str, date_from: &str, date_to: &str) -> Filter {
    Filter::of_texts(Some(customer_id), Some(status), Some(date_from), Some(date_to)).unwrap()
}

#[test]
fn an_order_is_found_by_its_id() {
    let [one, other] = shop();
    let id = OrderId::new("o-4").unwrap();
    assert_eq!(get(&one, &id).unwrap(), None);
    assert_eq!(get(&other, &id).unwrap().unwrap().status, "paid");
}

#[test]
fn lists_are_newest_first_over_all_partitions_with_the_true_total() {
    check(Filter::default(), 10, 0, &["o-4", "o-5", "o-2", "o-3", "o-1"], 5);
    check(Filter::default(), 2, 1, &["o-5", "o-2"], 5);
    check(Filter::default(), 2, 9, &[], 5);
    check(Filter::default(), 0, 0, &[], 5);
}

#[test]
fn filters_narrow_by_customer_state_and_day_and_by_all_of_them() {
    check(filter("anna", "", "", ""), 10, 0, &["o-5", "o-3", "o-1"], 3);
    check(filter("", "cancelled", "", ""), 1, 0, &["o-2"], 2);
    check(filter("anna", "cancelled", "", ""), 10, 0, &["o-3"], 1);
    check(filter("anna", "cancelled", "", ""), 0, 0, &[], 1);
    check(filter("", "", "1970-01-02", ""), 10, 0, &["o-4", "o-5"], 2);
    check(filter("", "", "", "1970-01-01"), 10, 0, &["o-2", "o-3", "o-1"], 3);
    check(filter("bert", "", "1970-01-02", "1970-01-02"), 10, 0, &["o-4"], 1);
    check(filter("", "", "1970-01-01T00:00:00.002Z", "1970-01-01T00:00:00.002Z"), 10, 0, &["o-2", "o-3"], 2);
    check(filter("", "", "1970-01-03", "1970-01-01"), 10, 0, &[], 0);
    check(filter("nobody", "", "", ""), 10, 0, &[], 0);
}

#[test]
fn filters_that_make_no_sense_are_refused() {
    let refused = |status, date| Filter::of_texts(None, status, date, None).unwrap_err().to_string();
    assert!(refused(Some("eaten"), None).contains("delivered or cancelled"));
    assert!(refused(None, Some("31/08/2011")).contains("date_from"));
}

#[test]
fn a_list_longer_than_a_chunk_counts_every_order_once() {
    let names: Vec<String> = (0..2_500).map(|number| format!("o-{number:04}")).collect();
    let orders: Vec<_> = names.iter().map(|name| (name.as_str(), "anna", 5, Status::Created)).collect();
    let page = list(&partition(&orders), &filter("anna", "", "", ""), 2, 2_498).unwrap();
    let found: Vec<_> = page.orders.iter().map(|order| order.order_id.as_str()).collect();
    assert_eq!((found, page.total), (vec!["o-2498", "o-2499"], 2_500));
}

#[test]
fn orders_by_state_are_summed_over_the_partitions() {
    let parts = shop().map(|base| status_distribution(&base).unwrap());
    let sums: Vec<_> = merge_status_distribution(parts).into_iter().map(|count| (count.status, count.orders)).collect();
    let expected = [("created", 1), ("confirmed", 0), ("paid", 1), ("shipped", 0), ("delivered", 1), ("cancelled", 2)];
    assert_eq!(sums, expected.map(|(word, orders)| (word.to_owned(), orders)));
}

#[test]
fn revenue_is_summed_by_day_over_the_partitions() {
    let days = merge_revenue(shop().map(|base| revenue_by_day(&base).unwrap()));
    let days: Vec<_> = days.iter().map(|day| (day.day.as_str(), day.orders, day.total_minor)).collect();
    assert_eq!(days, [("1970-01-01", 1, 250), ("1970-01-02", 1, 250)]);
}
