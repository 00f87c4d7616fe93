use std::fmt;

use headwater_worker::Unusable;
use headwater_worker::ports::SnapshotWanted;

use crate::Manifest;

/// Why a snapshot is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is of another task, application or changelog than where it lies.
    OfAnother(String),
    /// A store that was loaded from it could not be used.
    Unusable(Unusable),
    /// It spares too little. Nothing is wrong with it.
    SparesTooLittle,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OfAnother(what) => write!(f, "it is of {what}"),
            Self::Unusable(Unusable::OtherTopic) => f.write_str("the changelog's topic is another of the same name"),
            Self::Unusable(Unusable::OutsideLog) => f.write_str("its offset lies outside the changelog"),
            Self::Unusable(Unusable::TooOld) => f.write_str("it is too old: deletions since then may be gone"),
            Self::Unusable(Unusable::HalfLoaded) => f.write_str("it is not whole"),
            Self::Unusable(Unusable::Ahead) => f.write_str("it lies beyond what was committed"),
            Self::SparesTooLittle => f.write_str("it spares too little"),
        }
    }
}

/// Whether a task begins at a snapshot: by the same rules as at a store that was here all the time.
///
/// # Errors
/// Why not.
pub fn judge(manifest: &Manifest, application: &str, wanted: &SnapshotWanted) -> Result<(), Refusal> {
    let changelog = &manifest.changelog;
    if manifest.application != application || manifest.task != wanted.task {
        return Err(Refusal::OfAnother(format!("task {} of {}", manifest.task, manifest.application)));
    }
    let partition = wanted.changelog.partition.get();
    if changelog.topic != wanted.changelog.topic.as_str() || changelog.partition != partition {
        return Err(Refusal::OfAnother(format!("changelog {}[{}]", changelog.topic, changelog.partition)));
    }
    if let Some(why) = manifest.meta().unusable(&wanted.bounds, wanted.now) {
        return Err(Refusal::Unusable(why));
    }
    let spares = manifest.offset.saturating_sub(wanted.from);
    // To load an entry costs no more than to replay a record. A store that is here is given up only for something.
    let least = if wanted.has_store {
        wanted.spares_min.max(i64::try_from(manifest.entries()).unwrap_or(i64::MAX))
    } else {
        wanted.spares_min
    };
    if spares < least { Err(Refusal::SparesTooLittle) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
