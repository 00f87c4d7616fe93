//! Records of event topics: wanted or not, and their envelope.

use std::sync::Arc;

use headwater_event::header;
use headwater_schema::wire;

use super::records::Work;
use crate::failure::while_reading;
use crate::input::Body;
use crate::{Failure, Input};

impl Work<'_> {
    /// Reads what routing needs; false when the source does not want it. What is not wanted is never decoded.
    pub(super) fn read_event(&self, input: &mut Input<'_>) -> Result<bool, Failure> {
        let wants = |name: &str| input.source.only.is_empty() || input.source.only.contains(&name);
        if input.headers().last_text(header::TYPE).is_some_and(|name| !wants(name)) {
            return Ok(false);
        }
        let read = input.record.envelope.read(input.headers()).map_err(|error| Failure::decode(error.to_string()))?;
        let mut envelope = match read {
            Some(envelope) => envelope,
            None => match input.value() {
                None if input.source.only.is_empty() => Arc::new(input.envelope_by_place("")),
                None => return Ok(false),
                Some(value) => {
                    let (id, body) = wire::decode(value).map_err(|error| Failure::decode(error.to_string()))?;
                    let writer = self.plan.environment.schemas.writer(id).map_err(|error| while_reading(&error))?;
                    let name = writer.record_name(body).map_err(|error| while_reading(&error))?;
                    if !wants(name) {
                        return Ok(false);
                    }
                    let envelope = Arc::new(input.envelope_by_place(name));
                    input.body = Body::Avro(writer);
                    envelope
                }
            },
        };
        if envelope.subject.is_empty() {
            let key = input.key().and_then(|key| std::str::from_utf8(key).ok());
            Arc::make_mut(&mut envelope).subject = key.unwrap_or_default().to_owned();
        }
        input.envelope = envelope.into();
        Ok(true)
    }
}
