//! The topology for people and tools: text, JSON, Mermaid.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{SourceKind, Store, Subtopology, Topology};

impl SourceKind {
    const fn word(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Commands => "commands",
            Self::ForwardedCommands => "forwarded commands",
            Self::Raw => "raw",
        }
    }
}

fn traits_of(store: &Store) -> String {
    let mut words = vec![if store.in_memory { "in memory" } else { "persistent" }];
    if store.ordered {
        words.push("ordered");
    }
    let table_of = store.source.as_ref().map(|topic| format!("table of {topic}"));
    match &table_of {
        Some(table_of) => words.push(table_of),
        None if !store.changelog => words.push("no changelog"),
        None => {}
    }
    words.join(", ")
}

impl Topology {
    /// The topology as indented text.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut text = format!("processor {}\n", self.name());
        for subtopology in self.subtopologies() {
            describe(&mut text, subtopology);
        }
        for reaction in self.reactions() {
            let _ = writeln!(text, "  on {} from {}: {}", reaction.message_type, reaction.topic, reaction.command);
        }
        text
    }

    /// The topology as JSON.
    #[must_use]
    pub fn describe_json(&self) -> Value {
        let subtopologies: Vec<Value> = self.subtopologies().iter().map(to_json).collect();
        json!({ "processor": self.name(), "subtopologies": subtopologies, "reactions": self.reactions() })
    }

    /// The topology as a Mermaid flowchart.
    #[must_use]
    pub fn describe_mermaid(&self) -> String {
        let mut text = "flowchart LR\n".to_owned();
        for (at, subtopology) in self.subtopologies().iter().enumerate() {
            mermaid(&mut text, at, subtopology);
        }
        text
    }
}

fn describe(text: &mut String, subtopology: &Subtopology) {
    let _ = writeln!(text, "  subtopology {} (by {})", subtopology.name, subtopology.domain.name);
    for source in &subtopology.sources {
        let _ = write!(text, "    source {} <- {} ({})", source.name, source.topic, source.kind.word());
        if !source.only.is_empty() {
            let _ = write!(text, " only {}", source.only.join(", "));
        }
        text.push('\n');
    }
    for node in &subtopology.processors {
        let _ = write!(text, "    processor {} <- {}", node.name, node.sources.join(", "));
        if !node.stores.is_empty() {
            let _ = write!(text, " with {}", node.stores.join(", "));
        }
        text.push('\n');
    }
    for store in &subtopology.stores {
        let _ = writeln!(text, "    store {} #{} ({})", store.name, store.number.0, traits_of(store));
    }
    for sink in &subtopology.sinks {
        let _ = writeln!(text, "    sink {} -> {}", sink.name, sink.topic);
    }
    if let Some(changelog) = &subtopology.changelog {
        let _ = writeln!(text, "    changelog {changelog}");
    }
}

fn to_json(subtopology: &Subtopology) -> Value {
    let sources = subtopology.sources.iter().map(|source| {
        json!({ "name": source.name, "topic": source.topic, "kind": source.kind.word(), "only": source.only,
            "dead_letters": source.dead_letters, "dedup_window_ms": source.dedup_window_ms, "grace_ms": source.grace_ms })
    });
    let stores = subtopology.stores.iter().map(|store| {
        json!({ "name": store.name, "number": store.number, "in_memory": store.in_memory,
            "changelog": store.changelog, "ordered": store.ordered, "source": store.source })
    });
    let nodes = subtopology.processors.iter();
    let sinks = subtopology.sinks.iter();
    json!({
        "name": subtopology.name,
        "domain": subtopology.domain.name,
        "anchor": subtopology.domain.anchor,
        "sources": sources.collect::<Vec<_>>(),
        "processors": nodes.map(|node| json!({ "name": node.name, "sources": node.sources, "stores": node.stores }))
            .collect::<Vec<_>>(),
        "stores": stores.collect::<Vec<_>>(),
        "sinks": sinks.map(|sink| json!({ "name": sink.name, "topic": sink.topic, "repartition": sink.repartition }))
            .collect::<Vec<_>>(),
        "changelog": subtopology.changelog,
    })
}

fn mermaid(text: &mut String, at: usize, subtopology: &Subtopology) {
    let topic_id = |topic: &str| format!("t_{}", topic.replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
    let _ = writeln!(text, "  subgraph s{at}[\"{} by {}\"]", subtopology.name, subtopology.domain.name);
    for (number, node) in subtopology.processors.iter().enumerate() {
        let _ = writeln!(text, "    s{at}p{number}[[\"{}\"]]", node.name);
    }
    for store in &subtopology.stores {
        let _ = writeln!(text, "    s{at}d{}[(\"{}\")]", store.number.0, store.name);
    }
    text.push_str("  end\n");
    for (number, node) in subtopology.processors.iter().enumerate() {
        for source in subtopology.sources.iter().filter(|source| node.sources.contains(&source.name)) {
            let _ = writeln!(text, "  {}([\"{}\"]) --> s{at}p{number}", topic_id(&source.topic), source.topic);
        }
        for store in subtopology.stores.iter().filter(|store| node.stores.contains(&store.name)) {
            let _ = writeln!(text, "  s{at}p{number} --- s{at}d{}", store.number.0);
        }
        for sink in &subtopology.sinks {
            let _ = writeln!(text, "  s{at}p{number} --> {}([\"{}\"])", topic_id(&sink.topic), sink.topic);
        }
    }
}
