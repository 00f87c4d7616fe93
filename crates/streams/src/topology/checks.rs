//! What makes a topology valid.

use super::{Parts, SourceKind, Subtopology};
use crate::{FailureKind, Policy, StoreNumber};

/// Everything that is wrong, in the order of declaration.
pub(super) fn problems(parts: &Parts) -> Vec<String> {
    let mut problems = Vec::new();
    name(&mut problems, "processor name", &parts.name);
    if parts.subtopologies.is_empty() {
        problems.push("it has no subtopology: add one with subtopology(name, domain)".to_owned());
    }
    let names = parts.subtopologies.iter().map(|subtopology| subtopology.name.as_str());
    unique(&mut problems, "subtopology", names);
    let stores = || parts.subtopologies.iter().flat_map(|subtopology| &subtopology.stores);
    unique(&mut problems, "table of topic", stores().filter_map(|store| store.source.as_deref()));
    for subtopology in &parts.subtopologies {
        name(&mut problems, "subtopology name", &subtopology.name);
        check(&mut problems, parts, subtopology);
    }
    let forwarding = parts.subtopologies.iter().flat_map(|subtopology| &subtopology.sources);
    unique(&mut problems, "command source", forwarding.filter_map(|source| source.forward_to.as_deref()));
    problems
}

fn check(problems: &mut Vec<String>, parts: &Parts, subtopology: &Subtopology) {
    let own = &subtopology.name;
    let first_sources = || subtopology.sources.iter().filter(|source| source.kind != SourceKind::ForwardedCommands);
    unique(problems, &format!("{own}: source"), first_sources().map(|source| source.name.as_str()));
    unique(
        problems,
        &format!("{own}: source of topic"),
        subtopology.sources.iter().map(|source| source.topic.as_str()),
    );
    unique(problems, &format!("{own}: sink"), subtopology.sinks.iter().map(|sink| sink.name.as_str()));
    unique(problems, &format!("{own}: store"), subtopology.stores.iter().map(|store| store.name.as_str()));
    let node_names = || subtopology.processors.iter().map(|node| node.name.as_str());
    unique(problems, &format!("{own}: processor"), node_names());
    for node_name in node_names() {
        name(problems, &format!("{own}: processor name"), node_name);
    }
    sources(problems, parts, subtopology);
    stores(problems, subtopology);
    tables(problems, subtopology);
    for node in &subtopology.processors {
        if node.sources.is_empty() {
            problems.push(format!("{own}: nothing reaches processor {}: give it a source", node.name));
        }
        for wanted in node.sources.iter().filter(|wanted| !first_sources().any(|source| source.name == **wanted)) {
            problems.push(format!("{own}: processor {} reads unknown source {wanted}", node.name));
        }
        let unknown = |wanted: &&String| !subtopology.stores.iter().any(|store| store.name == **wanted);
        for wanted in node.stores.iter().filter(unknown) {
            problems.push(format!("{own}: processor {} uses unknown store {wanted}", node.name));
        }
    }
}

fn sources(problems: &mut Vec<String>, parts: &Parts, subtopology: &Subtopology) {
    let own = &subtopology.name;
    if subtopology.sources.is_empty() {
        problems.push(format!("{own}: it has no source"));
    }
    for source in &subtopology.sources {
        if let Some(domain) = source.domain.filter(|domain| *domain != subtopology.domain) {
            problems.push(format!(
                "{own}: source {} is of domain {}, the subtopology of {}: repartition it first",
                source.name, domain.name, subtopology.domain.name
            ));
        }
        if !subtopology.processors.iter().any(|node| node.sources.contains(&source.name)) {
            problems.push(format!("{own}: no processor reads source {}", source.name));
        }
        for wanted in source.only.iter().filter(|wanted| !source.types.iter().any(|known| known.full_name == **wanted))
        {
            problems
                .push(format!("{own}: source {} wants only {wanted}, which {} never holds", source.name, source.topic));
        }
        if source.dedup_window_ms.is_some() && subtopology.changelog.is_none() {
            problems.push(format!("{own}: source {} remembers ids, but the subtopology is stateless", source.name));
        }
        if source.repartition && source.kind != SourceKind::ForwardedCommands {
            let sinks = parts.subtopologies.iter().flat_map(|other| &other.sinks);
            match sinks.filter(|sink| sink.repartition).find(|sink| sink.topic == source.topic) {
                None => problems.push(format!(
                    "{own}: nothing writes {}: declare repartition(\"{}\", domain) where it is written",
                    source.topic, source.name
                )),
                Some(sink) if sink.domain != Some(subtopology.domain) => problems.push(format!(
                    "{own}: {} is repartitioned by another domain than {}",
                    source.topic, subtopology.domain.name
                )),
                Some(_) => {}
            }
        }
        if source.refusals.is_some() && !matches!(source.kind, SourceKind::Commands | SourceKind::ForwardedCommands) {
            problems.push(format!("{own}: source {} has refusals, which only command sources make", source.name));
        }
    }
}

fn stores(problems: &mut Vec<String>, subtopology: &Subtopology) {
    let own = &subtopology.name;
    for (at, store) in subtopology.stores.iter().enumerate() {
        if store.number < StoreNumber::FIRST_USER {
            problems.push(format!("{own}: store {} has number {}: use 16 to 255", store.name, store.number.0));
        }
        if subtopology.stores.iter().take(at).any(|other| other.number == store.number) {
            problems.push(format!("{own}: store {} has number {} of another store", store.name, store.number.0));
        }
        if !subtopology.processors.iter().any(|node| node.stores.contains(&store.name)) {
            problems.push(format!("{own}: no processor uses store {}", store.name));
        }
        if subtopology.changelog.is_none() && store.source.is_none() {
            problems.push(format!("{own}: store {}, but the subtopology is declared stateless", store.name));
        }
    }
}

/// A table's store is what its topic says, whether it was processed or restored: so nothing else touches its records.
fn tables(problems: &mut Vec<String>, subtopology: &Subtopology) {
    let own = &subtopology.name;
    for store in subtopology.stores.iter() {
        let Some(topic) = store.source.as_deref() else { continue };
        let Some(source) = subtopology.sources.iter().find(|source| source.topic == topic) else { continue };
        let others = subtopology.processors.iter().filter(|node| !node.is_table && node.sources.contains(&source.name));
        for node in others {
            problems.push(format!(
                "{own}: processor {} reads source {}, which is table {}'s: name the store instead, or read the topic in \
                 another subtopology",
                node.name, source.name, store.name
            ));
        }
        let is_changed = source.dedup_window_ms.is_some() || source.grace_ms.is_some() || !source.only.is_empty();
        if is_changed || source.refusals.is_some() || source.forward_to.is_some() {
            problems.push(format!(
                "{own}: source {} is table {}'s, which takes every record: no deduplication, grace, types or refusals",
                source.name, store.name
            ));
        }
        let policies = source.policies.unwrap_or(subtopology.policies);
        if matches!(policies.of(FailureKind::Decode), Policy::ParkKey { .. }) {
            problems.push(format!(
                "{own}: source {} is table {}'s: what has no key can't be parked by key; say another policy for decode",
                source.name, store.name
            ));
        }
    }
}

/// Internal topics are named by these, so they are kept to what every tool takes; 60 leaves room for the rest.
fn name(problems: &mut Vec<String>, what: &str, name: &str) {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 60 || !name.chars().all(legal) {
        problems.push(format!("{what} {name:?} is not allowed: use 1 to 60 of a-z, 0-9 and '-'"));
    }
}

fn unique<'a>(problems: &mut Vec<String>, what: &str, names: impl Iterator<Item = &'a str>) {
    let mut seen = Vec::new();
    for name in names {
        if seen.contains(&name) {
            problems.push(format!("{what} {name} is there twice"));
        }
        seen.push(name);
    }
}
