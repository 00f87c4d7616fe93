use headwater_streams::choreography::Step;

/// The steps that inventory owns.
#[must_use]
pub fn choreography() -> Vec<Step> {
    Vec::new()
}
