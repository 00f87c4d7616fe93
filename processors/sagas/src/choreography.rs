use headwater_streams::choreography::Step;

/// The tracker only watches: it owns no step.
#[must_use]
pub fn choreography() -> Vec<Step> {
    Vec::new()
}
