use std::collections::{BTreeMap, BTreeSet};

use super::{Choreography, Undo};

pub(super) fn problems(choreography: &Choreography) -> Vec<String> {
    let mut problems = Vec::new();
    dead_ends(choreography, &mut problems);
    remembered(choreography, &mut problems);
    unreachable(choreography, &mut problems);
    owners(choreography, &mut problems);
    undone(choreography, &mut problems);
    compensations(choreography, &mut problems);
    problems
}

fn dead_ends(choreography: &Choreography, problems: &mut Vec<String>) {
    let consumed: BTreeSet<&str> = choreography.steps.iter().map(|step| step.consumes.as_str()).collect();
    let emitted: BTreeSet<&str> = choreography.steps.iter().flat_map(|s| s.emits.iter().map(String::as_str)).collect();
    for fact in emitted.iter().chain(choreography.starts.iter().map(String::as_str).collect::<BTreeSet<_>>().iter()) {
        let is_declared = |facts: &[String]| facts.iter().any(|declared| declared == fact);
        let goes_on = consumed.contains(fact) || is_declared(&choreography.ends);
        if !goes_on && !is_declared(&choreography.remembered) {
            problems.push(format!("{fact} is a dead end: nobody reacts to it, and it is not declared an end"));
        }
    }
    for end in choreography.ends.iter().filter(|end| !emitted.contains(end.as_str())) {
        problems.push(format!("{end} is declared an end, but no step emits it"));
    }
}

/// What is said for its owner's memory is no way round the other checks: nothing hangs on it, and whatever led to it leads
/// on to something else too.
fn remembered(choreography: &Choreography, problems: &mut Vec<String>) {
    for fact in &choreography.remembered {
        let emitters: Vec<_> = choreography.steps.iter().filter(|step| step.emits.contains(fact)).collect();
        if emitters.is_empty() {
            problems.push(format!("{fact} is declared a memory, but no step emits it"));
        }
        if choreography.ends.contains(fact) {
            problems.push(format!("{fact} is declared a memory and an end: it is one of them"));
        }
        for step in choreography.steps_on(fact) {
            problems.push(format!("{fact} is a memory of its owner, but {} reacts to it", step.processor));
        }
        let only_remembers =
            |step: &&&super::Step| step.emits.iter().all(|emitted| choreography.remembered.contains(emitted));
        for step in emitters.iter().filter(only_remembers) {
            problems.push(format!(
                "{} on {} is a dead end: it emits nothing but memories of its owner",
                step.processor, step.consumes
            ));
        }
    }
}

fn unreachable(choreography: &Choreography, problems: &mut Vec<String>) {
    let mut reached: BTreeSet<&str> = choreography.starts.iter().map(String::as_str).collect();
    let mut open: Vec<&str> = reached.iter().copied().collect();
    while let Some(fact) = open.pop() {
        for next in choreography.follows(fact) {
            if reached.insert(next) {
                open.push(next);
            }
        }
    }
    for step in choreography.steps.iter().filter(|step| !reached.contains(step.consumes.as_str())) {
        problems.push(format!("{} on {} can't be reached from any start", step.processor, step.consumes));
    }
}

fn owners(choreography: &Choreography, problems: &mut Vec<String>) {
    let mut owners: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for step in &choreography.steps {
        for fact in &step.emits {
            owners.entry(fact).or_default().insert(&step.processor);
        }
    }
    for (fact, owners) in owners.iter().filter(|(_, owners)| owners.len() > 1) {
        let owners: Vec<&str> = owners.iter().copied().collect();
        problems.push(format!("{fact} has several owners ({}): one fact has one owner", owners.join(", ")));
    }
}

fn undone(choreography: &Choreography, problems: &mut Vec<String>) {
    for step in &choreography.steps {
        match &step.undo {
            Undo::Unsaid if step.emits.is_empty() => {}
            Undo::Unsaid => problems.push(format!(
                "{} on {} does not say how it is undone: undone_by, needs_no_undo, irreversible or compensates",
                step.processor, step.consumes
            )),
            Undo::By(trigger) => {
                let is_undone =
                    |other: &&super::Step| other.processor == step.processor && other.undo == Undo::Compensation;
                if !choreography.steps_on(trigger).any(|other| is_undone(&other)) {
                    problems.push(format!(
                        "{} on {} is undone by {trigger}, but {} has no compensation on it",
                        step.processor, step.consumes, step.processor
                    ));
                }
            }
            Undo::Nothing | Undo::Irreversible | Undo::Compensation => {}
        }
    }
}

fn compensations(choreography: &Choreography, problems: &mut Vec<String>) {
    let mut triggers: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for step in choreography.steps.iter().filter(|step| step.undo == Undo::Compensation) {
        for fact in &step.emits {
            triggers.entry((&step.processor, fact)).or_default().insert(&step.consumes);
        }
    }
    for ((processor, fact), triggers) in triggers.iter().filter(|(_, triggers)| triggers.len() > 1) {
        let triggers: Vec<&str> = triggers.iter().copied().collect();
        problems.push(format!(
            "{processor} compensates with {fact} on several triggers ({}): have one",
            triggers.join(", ")
        ));
    }
}
