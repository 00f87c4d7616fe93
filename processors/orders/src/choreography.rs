use headwater_streams::choreography::Step;

/// The steps that orders owns.
#[must_use]
pub fn choreography() -> Vec<Step> {
    Vec::new()
}
