use std::collections::BTreeMap;
use std::time::Duration;

/// One complaint is said again after this time.
const SAID_AGAIN_AFTER: Duration = Duration::from_secs(30);
/// Complaints that are remembered; beyond, all is forgotten and said again.
const REMEMBERED_MAX: usize = 64;

/// Keeps a client whose broker is gone from filling the log: it says the same, several times a second, until the broker
/// is back.
#[derive(Debug, Default)]
pub struct Complaints {
    said: BTreeMap<String, Said>,
}

#[derive(Debug)]
struct Said {
    at: Duration,
    since: u64,
}

impl Complaints {
    /// Whether to say it now; if so, how often it was not said since the last time.
    pub fn repeated(&mut self, complaint: &str, now: Duration) -> Option<u64> {
        if let Some(said) = self.said.get_mut(complaint) {
            if now.saturating_sub(said.at) < SAID_AGAIN_AFTER {
                said.since += 1;
                return None;
            }
            said.at = now;
            return Some(std::mem::take(&mut said.since));
        }
        if self.said.len() >= REMEMBERED_MAX {
            self.said.clear();
        }
        self.said.insert(complaint.to_owned(), Said { at: now, since: 0 });
        Some(0)
    }
}

#[cfg(test)]
mod tests;
