use std::sync::{Arc, OnceLock};

use headwater_event::{Envelope, Error};
use headwater_log::Headers;

/// What a record's headers say, read once however many tasks read the record. Empty until somebody asks, or filled by
/// whoever wrote the headers.
#[derive(Debug, Clone, Default)]
pub struct KnownEnvelope(OnceLock<Arc<Envelope>>);

impl KnownEnvelope {
    /// The envelope that the headers were written from.
    pub(crate) fn written(envelope: Envelope) -> Self {
        Self(OnceLock::from(Arc::new(envelope)))
    }

    /// The envelope; None where the headers hold none. Neither that nor an error is remembered: both are rare.
    ///
    /// # Errors
    /// As [`Envelope::read`].
    pub(crate) fn read(&self, headers: &Headers) -> Result<Option<Arc<Envelope>>, Error> {
        if let Some(known) = self.0.get() {
            return Ok(Some(Arc::clone(known)));
        }
        let Some(read) = Envelope::read(headers)? else { return Ok(None) };
        Ok(Some(Arc::clone(self.0.get_or_init(|| Arc::new(read)))))
    }
}

/// It follows from the headers, so it makes no difference.
impl PartialEq for KnownEnvelope {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for KnownEnvelope {}

#[cfg(test)]
mod tests;
