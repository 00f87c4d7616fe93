use std::ffi::c_int;
use std::ptr::NonNull;

use headwater_log::{Offset, Partition, TopicName, TopicPartition};
use rdkafka_sys as sys;

use super::code::error_of_code;
use super::text::{c_string, text_at};
use crate::Error;

/// An owned `rd_kafka_topic_partition_list_t`.
pub(crate) struct PartitionList(NonNull<sys::rd_kafka_topic_partition_list_t>);

/// One entry, copied.
pub(crate) struct ListEntry {
    /// Which partition.
    pub(crate) partition: TopicPartition,
    /// An offset, or one of librdkafka's signals below 0.
    pub(crate) offset: i64,
    /// The commit's metadata.
    pub(crate) metadata: Option<String>,
    /// What went wrong with this partition.
    pub(crate) error: Option<Error>,
}

impl ListEntry {
    /// The offset, unless it is a signal.
    pub(crate) fn known_offset(&self) -> Option<Offset> {
        Offset::new(self.offset).ok()
    }
}

impl PartitionList {
    /// An empty list.
    pub(crate) fn new(capacity: usize) -> Self {
        // SAFETY: allocates a list that this value owns; librdkafka ends the process when memory is out.
        let raw = unsafe { sys::rd_kafka_topic_partition_list_new(c_int::try_from(capacity).unwrap_or(0)) };
        // SAFETY: never null, as above.
        Self(unsafe { NonNull::new_unchecked(raw) })
    }

    /// Takes over a list.
    ///
    /// # Safety
    /// `raw` is null or a list that the caller owns, and gives away here.
    pub(crate) unsafe fn take(raw: *mut sys::rd_kafka_topic_partition_list_t) -> Option<Self> {
        NonNull::new(raw).map(Self)
    }

    /// A list of partitions without offsets.
    pub(crate) fn of<'a>(partitions: impl IntoIterator<Item = &'a TopicPartition>) -> Result<Self, Error> {
        let mut list = Self::new(8);
        for partition in partitions {
            list.push(partition, i64::from(sys::RD_KAFKA_OFFSET_INVALID), None)?;
        }
        Ok(list)
    }

    /// A list of whole topics, to subscribe to.
    pub(crate) fn of_topics<'a>(topics: impl IntoIterator<Item = &'a TopicName>) -> Result<Self, Error> {
        let list = Self::new(8);
        for topic in topics {
            let name = c_string("a topic's name", topic.as_str())?;
            // SAFETY: the list is alive, and the name is copied by the call.
            unsafe { sys::rd_kafka_topic_partition_list_add(list.as_ptr(), name.as_ptr(), -1) };
        }
        Ok(list)
    }

    /// Adds a partition with an offset (or signal) and a commit's metadata.
    pub(crate) fn push(
        &mut self,
        partition: &TopicPartition,
        offset: i64,
        metadata: Option<&str>,
    ) -> Result<(), Error> {
        let topic = c_string("a topic's name", partition.topic.as_str())?;
        // SAFETY: the list is alive and the name copied by the call; the entry that is returned stays valid until the
        // list grows. The metadata is allocated with librdkafka's own allocator, by which the list frees it.
        unsafe {
            let entry =
                sys::rd_kafka_topic_partition_list_add(self.as_ptr(), topic.as_ptr(), partition.partition.to_wire());
            (*entry).offset = offset;
            if let Some(metadata) = metadata.filter(|metadata| !metadata.is_empty()) {
                let copy = sys::rd_kafka_mem_malloc(std::ptr::null_mut(), metadata.len());
                if copy.is_null() {
                    return Err(Error::new(crate::ErrorKind::Fatal, "out of memory for commit metadata"));
                }
                std::ptr::copy_nonoverlapping(metadata.as_ptr(), copy.cast::<u8>(), metadata.len());
                (*entry).metadata = copy;
                (*entry).metadata_size = metadata.len();
            }
        }
        Ok(())
    }

    /// The list itself, for calls.
    pub(crate) const fn as_ptr(&self) -> *mut sys::rd_kafka_topic_partition_list_t {
        self.0.as_ptr()
    }

    /// The entries, copied.
    pub(crate) fn entries(&self) -> Vec<ListEntry> {
        // SAFETY: the list is alive.
        unsafe { Self::read(self.as_ptr()) }
    }

    /// Copies the entries of a list that someone else owns. Entries whose topic or partition no cluster could have are
    /// left out.
    ///
    /// # Safety
    /// `list` is null or points to a list that lives, unchanged, during the call.
    pub(crate) unsafe fn read(list: *const sys::rd_kafka_topic_partition_list_t) -> Vec<ListEntry> {
        if list.is_null() {
            return Vec::new();
        }
        // SAFETY: alive, as the caller promises; `elems` holds `cnt` entries.
        let (elements, count) = unsafe { ((*list).elems, usize::try_from((*list).cnt).unwrap_or(0)) };
        // SAFETY: every index is below the count.
        (0..count).filter_map(|index| unsafe { Self::read_entry(elements.add(index)) }).collect()
    }

    /// Copies one entry.
    ///
    /// # Safety
    /// `entry` points to an entry that lives, unchanged, during the call.
    pub(crate) unsafe fn read_entry(entry: *const sys::rd_kafka_topic_partition_t) -> Option<ListEntry> {
        // SAFETY: alive, as the caller promises. The error is read as a number, since a broker may know codes that the
        // binding's enum does not. The metadata is `metadata_size` bytes.
        unsafe {
            let topic = TopicName::new(&text_at((*entry).topic)).ok()?;
            let partition = Partition::from_wire((*entry).partition).ok()?;
            let code = std::ptr::addr_of!((*entry).err).cast::<i32>().read();
            let metadata = (!(*entry).metadata.is_null()).then(|| {
                let bytes = std::slice::from_raw_parts((*entry).metadata.cast::<u8>(), (*entry).metadata_size);
                String::from_utf8_lossy(bytes).into_owned()
            });
            let partition = TopicPartition::new(topic, partition);
            let error = (code != 0).then(|| error_of_code(code, None).context(&partition));
            Some(ListEntry { partition, offset: (*entry).offset, metadata, error })
        }
    }
}

impl Drop for PartitionList {
    fn drop(&mut self) {
        // SAFETY: owned, and destroyed once.
        unsafe { sys::rd_kafka_topic_partition_list_destroy(self.as_ptr()) }
    }
}
