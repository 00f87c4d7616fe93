use headwater_log::{Partition, TopicName, TopicPartition};
use rustc_hash::FxHashMap;

/// Things by topic and partition, found by the borrowed name that a fetched record carries, without making a name.
/// Records come in runs of one partition, so the last find is remembered.
pub struct PartitionMap<T> {
    by_topic: FxHashMap<TopicName, Vec<Option<usize>>>,
    entries: Vec<Option<(TopicPartition, T)>>,
    last: Option<usize>,
}

impl<T> Default for PartitionMap<T> {
    fn default() -> Self {
        Self { by_topic: FxHashMap::default(), entries: Vec::new(), last: None }
    }
}

impl<T> PartitionMap<T> {
    /// Adds or replaces; answers with the place, which stays until it is removed.
    pub fn insert(&mut self, partition: TopicPartition, value: T) -> usize {
        if let Some(place) = self.place_of(&partition) {
            self.entries[place] = Some((partition, value));
            return place;
        }
        let place = self.entries.iter().position(Option::is_none).unwrap_or_else(|| {
            self.entries.push(None);
            self.entries.len() - 1
        });
        let places = self.by_topic.entry(partition.topic.clone()).or_default();
        let number = partition.partition.get() as usize;
        if places.len() <= number {
            places.resize(number + 1, None);
        }
        places[number] = Some(place);
        self.entries[place] = Some((partition, value));
        place
    }

    /// Takes one out.
    pub fn remove(&mut self, partition: &TopicPartition) -> Option<T> {
        let place = self.by_topic.get_mut(&partition.topic)?.get_mut(partition.partition.get() as usize)?.take()?;
        self.last = None;
        self.entries.get_mut(place)?.take().map(|(_, value)| value)
    }

    /// The place of a partition.
    #[must_use]
    pub fn place_of(&self, partition: &TopicPartition) -> Option<usize> {
        *self.by_topic.get(&partition.topic)?.get(partition.partition.get() as usize)?
    }

    /// The place by borrowed name.
    pub fn find(&mut self, topic: &str, partition: Partition) -> Option<usize> {
        if let Some(place) = self.last
            && let Some(Some((last, _))) = self.entries.get(place)
            && last.partition == partition
            && last.topic.as_str() == topic
        {
            return Some(place);
        }
        let found = self.entries.iter().position(|entry| {
            entry.as_ref().is_some_and(|(at, _)| at.partition == partition && at.topic.as_str() == topic)
        });
        self.last = found;
        found
    }

    /// The entry by borrowed name.
    pub fn find_mut(&mut self, topic: &str, partition: Partition) -> Option<&mut T> {
        let place = self.find(topic, partition)?;
        self.entries.get_mut(place)?.as_mut().map(|(_, value)| value)
    }

    /// The entry of a partition.
    pub fn get_mut(&mut self, partition: &TopicPartition) -> Option<&mut T> {
        let place = self.place_of(partition)?;
        self.entries.get_mut(place)?.as_mut().map(|(_, value)| value)
    }

    /// The entry of a partition.
    #[must_use]
    pub fn get(&self, partition: &TopicPartition) -> Option<&T> {
        self.entries.get(self.place_of(partition)?)?.as_ref().map(|(_, value)| value)
    }

    /// The entry at a place, if it is taken.
    pub fn at_mut(&mut self, place: usize) -> Option<(&TopicPartition, &mut T)> {
        self.entries.get_mut(place)?.as_mut().map(|(partition, value)| (&*partition, value))
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = (&TopicPartition, &T)> {
        self.entries.iter().flatten().map(|(partition, value)| (partition, value))
    }

    /// All entries.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&TopicPartition, &mut T)> {
        self.entries.iter_mut().flatten().map(|(partition, value)| (&*partition, value))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.iter().all(Option::is_none)
    }
}

impl<T> IntoIterator for PartitionMap<T> {
    type Item = (TopicPartition, T);
    type IntoIter = std::iter::Flatten<std::vec::IntoIter<Option<(TopicPartition, T)>>>;
    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests;
