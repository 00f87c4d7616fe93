//! The choreography as data: who reacts to what, with what, and what undoes it. Checked when it is put together.

mod checks;

use std::fmt::Write;

use serde::Serialize;

use crate::{Error, Topology};

/// One reaction of one processor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The processor that reacts.
    pub processor: String,
    /// The type it reacts to: a command, an event, or a time-out's name.
    pub consumes: String,
    /// The types it may answer with, any of them.
    pub emits: Vec<String>,
    /// How what it does is taken back.
    pub undo: Undo,
}

/// How a step is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Undo {
    /// It was not said, which the check refuses.
    Unsaid,
    /// It changes nothing that has to be taken back.
    Nothing,
    /// This fact takes it back: its processor reacts to it with a compensation.
    By(String),
    /// It can't be taken back, such as an email.
    Irreversible,
    /// It takes another step back.
    Compensation,
}

impl Step {
    /// A step of a processor on a type.
    #[must_use]
    pub fn on(processor: &str, consumes: &str) -> Self {
        Self { processor: processor.to_owned(), consumes: consumes.to_owned(), emits: Vec::new(), undo: Undo::Unsaid }
    }

    /// What it may answer with.
    #[must_use]
    pub fn emits(mut self, types: &[&str]) -> Self {
        self.emits.extend(types.iter().map(|&name| name.to_owned()));
        self
    }

    /// The fact that takes it back.
    #[must_use]
    pub fn undone_by(mut self, trigger: &str) -> Self {
        self.undo = Undo::By(trigger.to_owned());
        self
    }

    /// It changes nothing that has to be taken back.
    #[must_use]
    pub fn needs_no_undo(mut self) -> Self {
        self.undo = Undo::Nothing;
        self
    }

    /// It can't be taken back.
    #[must_use]
    pub fn irreversible(mut self) -> Self {
        self.undo = Undo::Irreversible;
        self
    }

    /// It takes another step back.
    #[must_use]
    pub fn compensates(mut self) -> Self {
        self.undo = Undo::Compensation;
        self
    }
}

/// A whole choreography that has been checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choreography {
    /// What starts it from outside: commands, time-outs.
    pub starts: Vec<String>,
    /// The facts after which nothing has to follow.
    pub ends: Vec<String>,
    /// The facts that their owner says for its own memory: nothing reacts to them.
    pub remembered: Vec<String>,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// A choreography being put together.
#[derive(Debug, Clone, Default)]
pub struct ChoreographyBuilder {
    starts: Vec<String>,
    ends: Vec<String>,
    remembered: Vec<String>,
    steps: Vec<Step>,
}

impl Choreography {
    /// Nothing yet.
    #[must_use]
    pub fn builder() -> ChoreographyBuilder {
        ChoreographyBuilder::default()
    }

    /// As a Mermaid flowchart: facts as nodes, steps as arrows; compensations are dotted.
    #[must_use]
    pub fn mermaid(&self) -> String {
        let mut text = "flowchart TD\n".to_owned();
        for step in &self.steps {
            let arrow = if step.undo == Undo::Compensation { "-.->" } else { "-->" };
            for emitted in &step.emits {
                let _ = writeln!(text, "  {} {arrow}|{}| {}", step.consumes, step.processor, emitted);
            }
            if step.emits.is_empty() {
                let _ = writeln!(text, "  {} {arrow} {}([{}])", step.consumes, step.processor, step.processor);
            }
        }
        for fact in &self.remembered {
            let _ = writeln!(text, "  {fact}:::remembered");
        }
        for end in &self.ends {
            let _ = writeln!(text, "  {end}:::ends");
        }
        text.push_str("  classDef ends stroke-width:3px\n  classDef remembered stroke-dasharray:3\n");
        text
    }

    /// The steps that react to a type.
    pub fn steps_on<'a>(&'a self, consumed: &'a str) -> impl Iterator<Item = &'a Step> {
        self.steps.iter().filter(move |step| step.consumes == consumed)
    }

    /// The types that may follow from a type, over all processors.
    pub fn follows<'a>(&'a self, consumed: &'a str) -> impl Iterator<Item = &'a str> {
        self.steps_on(consumed).flat_map(|step| step.emits.iter().map(String::as_str))
    }
}

impl ChoreographyBuilder {
    /// A command or time-out that comes from outside.
    #[must_use]
    pub fn starts_with(mut self, message_type: &str) -> Self {
        self.starts.push(message_type.to_owned());
        self
    }

    /// A fact after which nothing has to follow.
    #[must_use]
    pub fn ends_with(mut self, message_type: &str) -> Self {
        self.ends.push(message_type.to_owned());
        self
    }

    /// A fact that its owner says for its own memory, since its state is rebuilt from what it said: nobody may react to
    /// it, and what goes on does so without it.
    #[must_use]
    pub fn remembers(mut self, message_type: &str) -> Self {
        self.remembered.push(message_type.to_owned());
        self
    }

    /// Adds steps.
    #[must_use]
    pub fn steps(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.steps.extend(steps);
        self
    }

    /// Adds the steps that a topology declares.
    #[must_use]
    pub fn topology(self, topology: &Topology) -> Self {
        let steps = topology.choreography().to_vec();
        self.steps(steps)
    }

    /// Checks the whole: no dead end, no step that nothing reaches, one owner for each fact, one trigger for each
    /// compensation, and every step says how it is undone.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn check(self) -> Result<Choreography, Error> {
        let Self { starts, ends, remembered, steps } = self;
        let choreography = Choreography { starts, ends, remembered, steps };
        let problems = checks::problems(&choreography);
        if problems.is_empty() { Ok(choreography) } else { Err(Error { subject: "choreography".to_owned(), problems }) }
    }
}

#[cfg(test)]
mod tests;
