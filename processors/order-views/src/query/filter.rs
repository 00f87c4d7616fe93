use headwater_event::Timestamp;

use crate::document::Status;
use crate::index::Scope;

const DAY_MS: i64 = 86_400_000;

/// Which orders to list. Dates are those of placing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only this customer's.
    pub customer_id: Option<String>,
    /// Only those in this state.
    pub status: Option<Status>,
    /// Only those placed then or later.
    pub from: Option<Timestamp>,
    /// Only those placed before.
    pub to: Option<Timestamp>,
}

/// Why a filter can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// No such state.
    #[error("status {0:?} is none: use created, confirmed, paid, shipped, delivered or cancelled")]
    UnknownStatus(String),
    /// Neither a day nor a time.
    #[error("{field} {value:?} is no date: use a day as 2011-08-31 or a time of RFC 3339")]
    NoDate {
        /// Which parameter.
        field: &'static str,
        /// What it held, cut to 100 characters.
        value: String,
    },
}

impl Filter {
    /// A filter of texts as people give them; empty ones do not filter. A day as `date_to` is included whole.
    ///
    /// # Errors
    /// [`FilterError`] for a state or a date that is none.
    pub fn of_texts(
        customer_id: Option<&str>,
        status: Option<&str>,
        date_from: Option<&str>,
        date_to: Option<&str>,
    ) -> Result<Self, FilterError> {
        let given = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let status = match given(status) {
            Some(word) => {
                Some(Status::of_word(&word).ok_or(FilterError::UnknownStatus(word.chars().take(100).collect()))?)
            }
            None => None,
        };
        let date = |field, text: Option<&str>, parse: fn(&str) -> Option<Timestamp>| match given(text) {
            None => Ok(None),
            Some(text) => {
                let no_date = || FilterError::NoDate { field, value: text.chars().take(100).collect() };
                parse(&text).map(Some).ok_or_else(no_date)
            }
        };
        Ok(Self {
            customer_id: given(customer_id),
            status,
            from: date("date_from", date_from, day_or_time)?,
            to: date("date_to", date_to, day_after)?,
        })
    }

    /// The index to read. Where both a customer and a state are wanted, a customer has fewer orders than a state.
    pub(super) fn scope(&self) -> Scope<'_> {
        match (&self.customer_id, self.status) {
            (Some(customer_id), _) => Scope::Customer(customer_id),
            (None, Some(status)) => Scope::Status(status),
            (None, None) => Scope::All,
        }
    }

    /// A state that the index does not know already.
    pub(super) fn status_to_check(&self) -> Option<Status> {
        self.customer_id.as_ref().and(self.status)
    }
}

/// The start of a day, or a time.
#[must_use]
pub fn day_or_time(text: &str) -> Option<Timestamp> {
    Timestamp::parse_rfc3339(text).or_else(|| Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")))
}

/// The end (exclusive) of a day, or of a time's millisecond.
#[must_use]
pub fn day_after(text: &str) -> Option<Timestamp> {
    match Timestamp::parse_rfc3339(text) {
        Some(time) => Some(time.plus_millis(1)),
        None => day_or_time(text).map(|day| day.plus_millis(DAY_MS)),
    }
}
