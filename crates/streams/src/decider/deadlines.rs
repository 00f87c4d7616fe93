use headwater_event::Envelope;

use super::Deadline;
use crate::{Context, Failure};

/// Schedules what is new, because of `cause`, and cancels what is gone.
pub(super) fn change(
    before: &[Deadline],
    after: &[Deadline],
    key: &[u8],
    cause: &Envelope,
    context: &mut Context<'_>,
) -> Result<(), Failure> {
    for gone in before.iter().filter(|old| !after.iter().any(|new| new.name == old.name)) {
        context.cancel(gone.name, key)?;
    }
    for new in after.iter().filter(|new| !before.contains(new)) {
        context.schedule_because(new.name, key, new.due, new.kind, cause)?;
    }
    Ok(())
}
