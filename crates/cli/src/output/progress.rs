use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on standard error; nothing where that is no terminal.
#[derive(Debug, Clone)]
pub struct Progress(ProgressBar);

impl Progress {
    /// Counts towards a total.
    pub fn of_records(total: u64) -> Self {
        Self::new(Some(total), "{bar:40} {pos}/{len} records, {per_sec}, {eta} left {msg}")
    }

    /// Counts bytes of an input whose length is known, or its records where it is not.
    pub fn of_input(bytes: Option<u64>) -> Self {
        match bytes {
            Some(_) => Self::new(bytes, "{bar:40} {bytes}/{total_bytes}, {eta} left {msg}"),
            None => Self::new(None, "{spinner} {elapsed} {msg}"),
        }
    }

    /// Counts towards a total that may grow; how long it takes is for the caller to say.
    pub fn of_restore() -> Self {
        Self::new(Some(0), "restoring {bar:40} {pos}/{len} {msg}")
    }

    fn new(total: Option<u64>, template: &str) -> Self {
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(10));
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// How far it is.
    pub fn set(&self, done: u64) {
        self.0.set_position(done);
    }

    /// What it counts towards.
    pub fn set_total(&self, total: u64) {
        self.0.set_length(total);
    }

    /// What is shown beside the bar.
    pub fn say(&self, message: String) {
        self.0.set_message(message);
    }

    /// A line above the bar, on standard error.
    pub fn line(&self, text: &str) {
        self.0.suspend(|| super::note(text));
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}
