//! How outputs are made.

use bytes::Bytes;
use headwater_event::{Envelope, Message, MessageType};
use headwater_log::Headers;
use headwater_schema::wire;

use crate::context::{Cause, SinkHandle};
use crate::failure::while_writing;
use crate::schemas::Encoder;
use crate::{Context, Failure, KnownEnvelope, Output};

impl Context<'_> {
    pub(crate) fn emit<M: Message>(&mut self, sink: SinkHandle, key: &str, message: &M) -> Result<(), Failure> {
        let plan = self.plan;
        let sink = plan.sinks.get(usize::from(sink.0));
        let sink = sink.ok_or_else(|| Failure::produce("sink handle is of another subtopology"))?;
        if !sink.types.iter().any(|known| known.full_name == M::FULL_NAME) {
            return Err(Failure::produce(format!("{} never holds {}", sink.declared_topic, M::FULL_NAME)));
        }
        let message_type = MessageType::of::<M>();
        if self.core.encoder(sink.topic, message_type).is_none() {
            let schemas = &plan.environment.schemas;
            let encoder = schemas.encoder(&sink.declared_topic, message_type, &sink.naming);
            let encoder = encoder.map_err(|error| while_writing(&error))?;
            self.core.remember_encoder(sink.topic, message_type, encoder);
        }
        let mut buffer = std::mem::take(&mut self.core.buffer);
        buffer.clear();
        let encoded = match self.core.encoder(sink.topic, message_type) {
            Some(encoder) => encode(&mut buffer, encoder, message),
            None => Err(Failure::produce("the encoder is gone")),
        };
        let value = encoded.map(|()| Bytes::copy_from_slice(&buffer));
        self.core.buffer = buffer;
        let envelope = self.child(M::FULL_NAME, key);
        let mut headers = Headers::with_capacity(10, 384);
        envelope.write(&mut headers);
        let key = Bytes::copy_from_slice(key.as_bytes());
        let mut output = plan.output(sink.topic, Some(key), Some(value?), headers, self.event_time)?;
        output.envelope = KnownEnvelope::written(envelope);
        self.put_out(sink.folds, output);
        Ok(())
    }

    fn put_out(&mut self, folds: bool, output: Output) {
        if folds && output.key.is_some() {
            self.core.folded.put(output);
        } else {
            self.effects.outputs.push(output);
        }
    }

    fn child(&mut self, message_type: &'static str, subject: &str) -> Envelope {
        let ordinal = self.core.ordinal(message_type);
        let mut child = self.envelope().child(&self.plan.processor, message_type, subject, self.now, ordinal);
        if let Cause::Stored { seed, .. } = self.cause {
            child.id = seed.child(&self.plan.processor, message_type, ordinal);
        }
        child
    }

    pub(crate) fn emit_raw(
        &mut self,
        sink: SinkHandle,
        key: Option<Bytes>,
        value: Option<Bytes>,
        headers: Headers,
    ) -> Result<(), Failure> {
        let sink = self.plan.sinks.get(usize::from(sink.0));
        let sink = sink.ok_or_else(|| Failure::produce("sink handle is of another subtopology"))?;
        let output = self.plan.output(sink.topic, key, value, headers, self.event_time)?;
        self.put_out(sink.folds, output);
        Ok(())
    }
}

/// Appends a message in the wire format.
pub(crate) fn encode<M: Message>(buffer: &mut Vec<u8>, encoder: &Encoder, message: &M) -> Result<(), Failure> {
    wire::encode_header_into(buffer, encoder.id);
    if let Some(branch) = encoder.branch {
        // An Avro long: zigzag, then seven bits a byte.
        let mut rest = u64::from(branch) << 1;
        while rest >= 0x80 {
            buffer.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        buffer.push(rest as u8);
    }
    encoder.schema.encode_body_into(buffer, message).map_err(|error| while_writing(&error))
}
