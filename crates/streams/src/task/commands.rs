//! Records of command topics: Avro or JSON, checked, attributed to their aggregate, and put in their place.

use std::sync::Arc;

use bytes::Bytes;
use headwater_event::{CorrelationId, Envelope, EventId, TraceParent, header};
use headwater_log::Headers;
use headwater_schema::avro::Node;
use headwater_schema::json_command::{CommandSet, Rejection, peek_string};
use headwater_schema::{WriterSchema, wire};
use serde_json::Value;

use super::dead_letters::ID_BY_PLACE;
use super::records::Work;
use crate::failure::while_reading;
use crate::input::{Body, contradiction};
use crate::topology::{Rejected, SourceKind};
use crate::{Failure, Input, TopicRef};

/// What becomes of a command that could be read.
pub(super) enum Command {
    /// It is processed here; `by_place` when its id was made of its place.
    Take { by_place: bool },
    /// The source does not want its type.
    Skip,
    /// Its aggregate lives in another partition.
    Forward { to: TopicRef },
    /// It names its aggregate, but can't be taken: the sender gets an answer.
    Refuse(Rejected),
}

/// What a command says of itself.
struct Content {
    full_name: String,
    aggregate_id: String,
    body: Body,
}

impl Work<'_> {
    pub(super) fn read_command(&self, input: &mut Input<'_>) -> Result<Command, Failure> {
        let source = input.source;
        let commands = source.commands.as_ref().ok_or_else(|| Failure::decode("source has no commands"))?;
        let record = input.record;
        let given = record.envelope.read(&record.headers).map_err(|error| Failure::decode(error.to_string()))?;
        let value = record.value.as_deref();
        let value = value.ok_or_else(|| Failure::decode("value is null: a command is never a tombstone"))?;
        let claimed = given.as_ref().map(|given| given.message_type.as_str());
        let claimed = claimed.or_else(|| input.headers().last_text(header::TYPE)).map(str::to_owned);
        let content = if wire::is_framed(value) {
            self.read_avro(commands, claimed.as_deref(), input, value)?
        } else {
            let checked = match claimed.as_deref() {
                Some(name) => commands.check_named(name, value),
                None => commands.check(value),
            };
            match checked {
                Ok(command) => Content {
                    aggregate_id: first_text(&command.value).unwrap_or_default().to_owned(),
                    full_name: command.full_name,
                    body: Body::Json(command.value),
                },
                Err(rejection) => return self.unfit(input, given, value, &rejection),
            }
        };
        if !source.only.is_empty() && !source.only.contains(&content.full_name.as_str()) {
            return Ok(Command::Skip);
        }
        let by_place = given.is_none();
        self.identify(input, given, &content.full_name, &content.aggregate_id);
        input.body = content.body;
        let aggregate_id = content.aggregate_id;
        if let Some(key) = input.record.key.as_deref().filter(|key| !key.is_empty() && *key != aggregate_id.as_bytes())
        {
            let key = String::from_utf8_lossy(key).chars().take(100).collect::<String>();
            let message = format!("key {key:?} contradicts the command's id {aggregate_id:?}: use the id, or no key");
            return refuse(input, aggregate_id, "key_mismatch", message, None);
        }
        input.key = Some(Bytes::from(aggregate_id.into_bytes()));
        let key = input.key.as_deref().unwrap_or_default();
        let is_here = self.plan.environment.partition_of(source.topic, key).is_none_or(|at| at == self.plan.partition);
        match (is_here, source.kind, source.forward_to) {
            (true, _, _) => Ok(Command::Take { by_place: by_place && source.kind == SourceKind::Commands }),
            (false, SourceKind::Commands, Some(to)) => Ok(Command::Forward { to }),
            (false, _, _) => Err(Failure::decode(
                "forwarded command is not of this partition: its topics must have one partition count",
            )),
        }
    }

    fn read_avro(
        &self,
        commands: &CommandSet,
        claimed: Option<&str>,
        input: &Input<'_>,
        value: &[u8],
    ) -> Result<Content, Failure> {
        let (id, body) = wire::decode(value).map_err(|error| Failure::decode(error.to_string()))?;
        let writer = self.plan.environment.schemas.writer(id).map_err(|error| while_reading(&error))?;
        let name = writer.record_name(body).map_err(|error| while_reading(&error))?;
        if !input.source.types.iter().any(|known| known.full_name == name) {
            return Err(Failure::decode(format!("{name} is no command of {}", input.source.declared_topic)));
        }
        if let Some(claimed) = claimed.filter(|claimed| commands.resolve(claimed) != Some(name)) {
            return Err(contradiction(claimed, name));
        }
        let aggregate_id = leading_text(&writer, body)?.to_owned();
        Ok(Content { full_name: name.to_owned(), aggregate_id, body: Body::Avro(writer) })
    }

    /// Completes the envelope: type and subject are what the payload says.
    fn identify(&self, input: &mut Input<'_>, given: Option<Arc<Envelope>>, full_name: &str, aggregate_id: &str) {
        let mut envelope = given.unwrap_or_else(|| {
            let mut root = input.envelope_by_place(full_name);
            let headers = input.headers();
            if let Some(id) = headers.last_text(ID_BY_PLACE) {
                root.id = EventId::of_text(id);
            }
            let correlation = headers.last_text(header::CORRELATION_ID);
            root.correlation_id = correlation.map_or_else(|| CorrelationId::from(root.id), CorrelationId::new);
            root.trace_parent =
                headers.last_text(header::TRACE_PARENT).and_then(|trace| TraceParent::parse(trace).ok());
            Arc::new(root)
        });
        if envelope.message_type != full_name || envelope.subject != aggregate_id {
            let envelope = Arc::make_mut(&mut envelope);
            full_name.clone_into(&mut envelope.message_type);
            aggregate_id.clone_into(&mut envelope.subject);
        }
        input.envelope = envelope.into();
    }

    /// JSON that does not fit: the sender gets an answer if it is known which aggregate it was for, else it is a dead
    /// letter.
    fn unfit(
        &self,
        input: &mut Input<'_>,
        given: Option<Arc<Envelope>>,
        value: &[u8],
        rejection: &Rejection,
    ) -> Result<Command, Failure> {
        let failure = || Failure::decode(rejection.to_string());
        let types = input.source.types.iter().filter(|known| match rejection.command.as_deref() {
            Some(name) => known.full_name == name,
            None => true,
        });
        let mut fields: Vec<String> = types.filter_map(|known| first_field(known.schema)).collect();
        fields.dedup();
        let [field] = fields.as_slice() else { return Err(failure()) };
        let aggregate_id = peek_string(value, field).filter(|id| !id.trim().is_empty()).ok_or_else(failure)?;
        let full_name = rejection.command.clone().unwrap_or_default();
        self.identify(input, given, &full_name, &aggregate_id);
        let path = (!rejection.path.is_empty()).then(|| rejection.path.clone());
        refuse(input, aggregate_id, rejection.problem.word(), rejection.to_string(), path)
    }

    pub(super) fn forward_command(&mut self, input: &Input<'_>, to: TopicRef) -> Result<(), Failure> {
        let mut headers: Headers = input.headers().iter().collect();
        if headers.last(header::ID).is_none() {
            for name in [header::SPEC_VERSION, header::SOURCE, header::TYPE, header::SUBJECT, header::TIME] {
                headers.remove(name);
            }
            for name in [header::CORRELATION_ID, header::CAUSATION_ID, header::DATA_VERSION, header::TRACE_PARENT] {
                headers.remove(name);
            }
            input.envelope().write(&mut headers);
        }
        let value = input.record.value.clone();
        let output = self.plan.output(to, input.key.clone(), value, headers, input.record.timestamp)?;
        self.effects.outputs.push(output);
        Ok(())
    }
}

/// An answer where the source gives any, else a dead letter.
fn refuse(
    input: &Input<'_>,
    aggregate_id: String,
    reason: &str,
    message: String,
    field: Option<String>,
) -> Result<Command, Failure> {
    if input.source.refusals.is_none() {
        return Err(Failure::decode(message));
    }
    let envelope = input.envelope();
    Ok(Command::Refuse(Rejected {
        aggregate_id,
        command_id: envelope.id,
        command_type: envelope.message_type.clone(),
        reason: reason.to_owned(),
        message,
        field,
    }))
}

/// The aggregate's id is a command's first field.
fn first_text(command: &Value) -> Option<&str> {
    command.as_object()?.values().next()?.as_str()
}

fn first_field(schema: &str) -> Option<String> {
    let schema: Value = serde_json::from_str(schema).ok()?;
    schema.get("fields")?.get(0)?.get("name")?.as_str().map(str::to_owned)
}

/// The first field of the record that a body holds, without decoding the rest.
fn leading_text<'a>(writer: &WriterSchema, body: &'a [u8]) -> Result<&'a str, Failure> {
    let cut_off = || Failure::decode("value ends before the command's id");
    let mut rest = body;
    let mut node = writer.avro().root_node();
    if let Node::Union(branches) = node {
        let branch = read_long(&mut rest).and_then(|branch| usize::try_from(branch).ok()).ok_or_else(cut_off)?;
        node = branches.get(branch).map(|id| writer.avro().node(*id)).ok_or_else(cut_off)?;
    }
    let Node::Record(record) = node else { return Err(Failure::decode("a command is a record")) };
    let first = record.fields.first().map(|field| writer.avro().node(field.node));
    if !matches!(first, Some(Node::String)) {
        return Err(Failure::decode(format!("{} does not begin with its aggregate's id, a string", record.name)));
    }
    let length = read_long(&mut rest).and_then(|length| usize::try_from(length).ok()).ok_or_else(cut_off)?;
    let text = rest.get(..length).ok_or_else(cut_off)?;
    std::str::from_utf8(text).map_err(|_| Failure::decode("the command's id is not UTF-8 text"))
}

/// An Avro long: seven bits a byte, zigzag.
fn read_long(rest: &mut &[u8]) -> Option<i64> {
    let mut raw = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        raw |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((raw >> 1).cast_signed() ^ -((raw & 1).cast_signed()));
        }
    }
    None
}
