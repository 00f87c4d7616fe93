//! Avro's schema resolution as a check ("Schema Resolution" in the Avro specification), with the
//! paths and words of Avro's own `SchemaCompatibility`, which Confluent's registry shows.

use std::collections::BTreeMap;

use super::{Incompatibility, Rule};
use crate::avro::{AvroSchema, Enumeration, Field, Fixed, Node, NodeId, Record};

pub(super) fn check(reader: &AvroSchema, writer: &AvroSchema) -> Vec<Incompatibility> {
    let mut checker = Checker { reader, writer, pairs: BTreeMap::new(), steps_left: STEPS_MAX };
    let mut place = Place::default();
    let mut found = Vec::new();
    checker.pair(reader.root(), writer.root(), &mut place, &mut found);
    found
}

/// Pairs of nodes looked at, at most. Pairs of named types are looked at once, so honest schemas
/// stay far below; beyond it the schemas are taken as incompatible.
const STEPS_MAX: usize = 200_000;

/// Where the check is in the reader's schema.
#[derive(Default)]
struct Place {
    pointer: Vec<String>,
    fields: Vec<String>,
}

impl Place {
    fn pointer(&self) -> String {
        match self.pointer.is_empty() {
            true => "/".to_owned(),
            false => self.pointer.iter().map(|part| format!("/{part}")).collect(),
        }
    }

    fn within<R>(&mut self, part: impl ToString, inner: impl FnOnce(&mut Self) -> R) -> R {
        self.pointer.push(part.to_string());
        let result = inner(self);
        self.pointer.pop();
        result
    }
}

struct Checker<'a> {
    reader: &'a AvroSchema,
    writer: &'a AvroSchema,
    /// Pairs of records that are judged, or being judged: recursion is taken as compatible.
    pairs: BTreeMap<(NodeId, NodeId), bool>,
    steps_left: usize,
}

impl Checker<'_> {
    fn pair(&mut self, reader_id: NodeId, writer_id: NodeId, place: &mut Place, found: &mut Vec<Incompatibility>) {
        let Some(left) = self.steps_left.checked_sub(1) else {
            return report(place, Rule::TypeMismatch, "schemas too large to compare".into(), found);
        };
        self.steps_left = left;
        let (reader, writer) = (self.reader, self.writer);
        match (reader.node(reader_id), writer.node(writer_id)) {
            (_, Node::Union(branches)) => self.writer_union(reader_id, branches, place, found),
            (Node::Union(branches), written) => {
                if self.some_branch(branches, writer_id) {
                    return;
                }
                report(
                    place,
                    Rule::MissingUnionBranch,
                    format!("the reader's union lacks a branch for {}; add it", describe(written)),
                    found,
                );
            }
            (Node::Array(mine), Node::Array(theirs)) => {
                place.within("items", |place| self.pair(*mine, *theirs, place, found));
            }
            (Node::Map(mine), Node::Map(theirs)) => {
                place.within("values", |place| self.pair(*mine, *theirs, place, found));
            }
            (Node::Fixed(mine), Node::Fixed(theirs)) => self.fixed(mine, theirs, place, found),
            (Node::Enum(mine), Node::Enum(theirs)) => self.enumeration(mine, theirs, place, found),
            (Node::Record(mine), Node::Record(theirs)) => {
                let key = (reader_id, writer_id);
                if self.pairs.insert(key, true).is_none() {
                    self.record(mine, theirs, place, found);
                }
            }
            (mine, theirs) if promotes(theirs, mine) => {}
            (mine, theirs) => report(
                place,
                Rule::TypeMismatch,
                format!(
                    "reader type {} cannot read writer type {}; keep the type, or add a new field",
                    describe(mine),
                    describe(theirs)
                ),
                found,
            ),
        }
    }

    /// Every branch that was written must be readable.
    fn writer_union(
        &mut self,
        reader_id: NodeId,
        branches: &[NodeId],
        place: &mut Place,
        found: &mut Vec<Incompatibility>,
    ) {
        let reader = self.reader;
        let writer = self.writer;
        match reader.node(reader_id) {
            Node::Union(mine) => {
                for (index, branch) in branches.iter().enumerate() {
                    if self.some_branch(mine, *branch) {
                        continue;
                    }
                    // A branch of the same name is there but differs: say how it differs.
                    let name = writer.node(*branch).full_name();
                    let same =
                        mine.iter().position(|candidate| name.is_some() && reader.node(*candidate).full_name() == name);
                    place.within(index, |place| {
                        if let Some((position, same)) = same.and_then(|at| mine.get(at).map(|id| (at, *id))) {
                            place.pointer.pop();
                            place.pointer.push(position.to_string());
                            self.pairs.remove(&(same, *branch));
                            self.pair(same, *branch, place, found);
                            return;
                        }
                        let text = format!(
                            "the reader's union lacks the branch {} of the writer's; add it",
                            describe(writer.node(*branch))
                        );
                        report(place, Rule::MissingUnionBranch, text, found);
                    });
                }
            }
            mine => {
                for branch in branches {
                    if !self.branch_reads(reader_id, *branch) {
                        let text = format!(
                            "reader type {} cannot read the writer's union branch {}; make it a union with that branch",
                            describe(mine),
                            describe(writer.node(*branch))
                        );
                        report(place, Rule::TypeMismatch, text, found);
                    }
                }
            }
        }
    }

    fn some_branch(&mut self, branches: &[NodeId], writer_id: NodeId) -> bool {
        branches.iter().any(|branch| self.branch_reads(*branch, writer_id))
    }

    /// A trial whose findings are dropped; what it assumed of recursive pairs is dropped too if it
    /// fails.
    fn branch_reads(&mut self, reader_id: NodeId, writer_id: NodeId) -> bool {
        // A record that a union is tried with must have its name, or any record without fields in
        // common would fit.
        let (mine, theirs) = (self.reader.node(reader_id), self.writer.node(writer_id));
        if let (Node::Record(_), Node::Record(_)) = (mine, theirs)
            && !same_name(mine, theirs)
        {
            return false;
        }
        let before = self.pairs.clone();
        let mut found = Vec::new();
        self.pair(reader_id, writer_id, &mut Place::default(), &mut found);
        if !found.is_empty() {
            self.pairs = before;
        }
        found.is_empty()
    }

    fn record(&mut self, mine: &Record, theirs: &Record, place: &mut Place, found: &mut Vec<Incompatibility>) {
        if !names_agree(&mine.name, &mine.aliases, &theirs.name) {
            report_name(place, "record", &mine.name, &theirs.name, found);
        }
        for (index, field) in mine.fields.iter().enumerate() {
            place.pointer.extend(["fields".to_owned(), index.to_string()]);
            place.fields.push(field.name.clone());
            match written_field(field, theirs) {
                Some(written) => place.within("type", |place| {
                    self.pair(field.node, written.node, place, found);
                }),
                None if field.default.is_some() => {}
                None => {
                    let text = format!(
                        "field {} of {} is not in the writer's schema and has no default; give it a default",
                        field.name, mine.name
                    );
                    report(place, Rule::ReaderFieldMissingDefaultValue, text, found);
                }
            }
            place.fields.pop();
            place.pointer.truncate(place.pointer.len().saturating_sub(2));
        }
    }

    fn fixed(&self, mine: &Fixed, theirs: &Fixed, place: &mut Place, found: &mut Vec<Incompatibility>) {
        if !names_agree(&mine.name, &mine.aliases, &theirs.name) {
            report_name(place, "fixed", &mine.name, &theirs.name, found);
        }
        if mine.size_bytes != theirs.size_bytes {
            let text = format!(
                "fixed {} has {} bytes in the reader and {} in the writer; keep the size",
                mine.name, mine.size_bytes, theirs.size_bytes
            );
            place.within("size", |place| report(place, Rule::FixedSizeMismatch, text, found));
        }
    }

    fn enumeration(
        &self,
        mine: &Enumeration,
        theirs: &Enumeration,
        place: &mut Place,
        found: &mut Vec<Incompatibility>,
    ) {
        if !names_agree(&mine.name, &mine.aliases, &theirs.name) {
            report_name(place, "enum", &mine.name, &theirs.name, found);
        }
        let missing = theirs.symbols.iter().filter(|s| !mine.symbols.contains(s));
        let missing: Vec<&str> = missing.map(String::as_str).collect();
        if !missing.is_empty() && mine.default.is_none() {
            let text = format!(
                "enum {} of the reader lacks the symbols {} of the writer's and has no default; add them or a default",
                mine.name,
                missing.join(", ")
            );
            place.within("symbols", |place| {
                report(place, Rule::MissingEnumSymbols, text, found);
            });
        }
    }
}

fn report(place: &Place, rule: Rule, message: String, found: &mut Vec<Incompatibility>) {
    found.push(Incompatibility { path: place.pointer(), field: place.fields.join("."), rule, message });
}

fn report_name(place: &mut Place, kind: &str, mine: &str, theirs: &str, found: &mut Vec<Incompatibility>) {
    let text =
        format!("{kind} is named {mine} in the reader and {theirs} in the writer; keep the name or add an alias");
    place.within("name", |place| report(place, Rule::NameMismatch, text, found));
}

/// The writer's field that a reader's field takes: by its name, else by its aliases in order.
fn written_field<'a>(field: &Field, writer: &'a Record) -> Option<&'a Field> {
    std::iter::once(&field.name)
        .chain(&field.aliases)
        .find_map(|name| writer.fields.iter().find(|written| written.name == *name))
}

/// Names agree by their last part (as in Avro's Java `schemaNameEquals`), or by an alias in full.
fn names_agree(mine: &str, aliases: &[String], theirs: &str) -> bool {
    short(mine) == short(theirs) || aliases.iter().any(|alias| alias == theirs)
}

fn same_name(mine: &Node, theirs: &Node) -> bool {
    match (mine.full_name(), theirs.full_name()) {
        (Some(name), Some(written)) => names_agree(name, mine.aliases(), written),
        _ => true,
    }
}

fn short(full: &str) -> &str {
    full.rsplit('.').next().unwrap_or(full)
}

/// Avro's promotions, and equality of primitives.
fn promotes(written: &Node, read: &Node) -> bool {
    use Node::{Boolean, Bytes, Double, Float, Int, Long, Null, String};
    matches!(
        (written, read),
        (Null, Null)
            | (Boolean, Boolean)
            | (Int, Int | Long | Float | Double)
            | (Long, Long | Float | Double)
            | (Float, Float | Double)
            | (Double, Double)
            | (String | Bytes, String | Bytes)
    )
}

fn describe(node: &Node) -> String {
    match node.full_name() {
        Some(name) => format!("{} {name}", node.type_word()),
        None => node.type_word().to_owned(),
    }
}
