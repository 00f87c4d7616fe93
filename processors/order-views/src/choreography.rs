use headwater_streams::choreography::Step;

/// A projection owns no step.
#[must_use]
pub fn choreography() -> Vec<Step> {
    Vec::new()
}
