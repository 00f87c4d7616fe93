#![allow(unsafe_code, reason = "librdkafka's calls that rdkafka does not offer, or offers with other semantics")]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headwater_log::{Offset, TopicPartition};
use rdkafka_sys as sys;

use super::metadata::GroupMetadata;
use super::standings::Standings;
use crate::admin::offsets::{OffsetAt, ends_on, known_offsets_on};
use crate::native::{Client, ListEntry, NativeError, PartitionList, c_string, check, millis};
use crate::{CommittedOffset, Error, Isolation, OffsetToCommit, StartAt, StartOffset};

/// For a look at who leads what is about to be fetched.
const LEARN_DEADLINE: Duration = Duration::from_secs(2);

/// What can be asked of a consumer besides polling, from inside a handler too. Cheap to clone.
#[derive(Clone)]
pub struct ConsumerHandle {
    client: Arc<Client>,
    standings: Arc<Mutex<Standings>>,
}

impl ConsumerHandle {
    pub(super) const fn new(client: Arc<Client>, standings: Arc<Mutex<Standings>>) -> Self {
        Self { client, standings }
    }

    /// Where each assigned partition is read next.
    pub(super) fn standings(&self) -> MutexGuard<'_, Standings> {
        // What is in it is whole at any time.
        self.standings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) const fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Starts fetching more partitions.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when one of them is assigned already.
    pub fn incremental_assign(&self, partitions: &[StartAt]) -> Result<(), Error> {
        self.learn_topics_of(partitions)?;
        let list = list_of_starts(partitions)?;
        // SAFETY: the client and the list are alive; the list is copied.
        let error = unsafe { NativeError::take(sys::rd_kafka_incremental_assign(self.client.as_ptr(), list.as_ptr())) };
        if let Some(error) = error {
            return Err(error.to_error().context("partitions cannot be assigned"));
        }
        self.standings().assigned(partitions);
        Ok(())
    }

    fn learn_topics_of(&self, partitions: &[StartAt]) -> Result<(), Error> {
        self.client.learn_topics(partitions.iter().map(|start| &start.partition.topic), LEARN_DEADLINE)
    }

    /// Stops fetching partitions.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when one of them is not assigned.
    pub fn incremental_unassign(&self, partitions: &[TopicPartition]) -> Result<(), Error> {
        self.let_go_paused(|partition| partitions.contains(partition))?;
        let list = PartitionList::of(partitions)?;
        // SAFETY: the client and the list are alive; the list is copied.
        let error =
            unsafe { NativeError::take(sys::rd_kafka_incremental_unassign(self.client.as_ptr(), list.as_ptr())) };
        if let Some(error) = error {
            return Err(error.to_error().context("partitions cannot be unassigned"));
        }
        self.standings().unassigned(partitions);
        Ok(())
    }

    /// Replaces the whole assignment.
    ///
    /// # Errors
    /// What librdkafka answers, by kind.
    pub fn assign(&self, partitions: &[StartAt]) -> Result<(), Error> {
        self.learn_topics_of(partitions)?;
        self.let_go_paused(|_| true)?;
        let list = list_of_starts(partitions)?;
        // SAFETY: the client and the list are alive; the list is copied.
        check(unsafe { sys::rd_kafka_assign(self.client.as_ptr(), list.as_ptr()) }, "partitions cannot be assigned")?;
        self.standings().replaced(partitions);
        Ok(())
    }

    /// What is being fetched.
    ///
    /// # Errors
    /// What librdkafka answers, by kind.
    pub fn assignment(&self) -> Result<Vec<TopicPartition>, Error> {
        let mut list = std::ptr::null_mut();
        // SAFETY: the client is alive; on success the list that is written is ours.
        let list = unsafe {
            check(sys::rd_kafka_assignment(self.client.as_ptr(), &raw mut list), "the assignment cannot be read")?;
            PartitionList::take(list)
        };
        Ok(list.map(|list| list.entries().into_iter().map(|entry| entry.partition).collect()).unwrap_or_default())
    }

    /// Stops handing out records of partitions, without giving them up. What was fetched ahead is thrown away.
    ///
    /// # Errors
    /// The first partition that could not be paused.
    pub fn pause(&self, partitions: &[TopicPartition]) -> Result<(), Error> {
        self.standings().paused(partitions, true);
        self.hold_back(partitions)
    }

    /// Hands out records of paused partitions again, from where they were.
    ///
    /// # Errors
    /// The first partition that could not be resumed.
    pub fn resume(&self, partitions: &[TopicPartition]) -> Result<(), Error> {
        let starts = self.standings().of(partitions);
        self.go_on(&starts, partitions)?;
        self.standings().paused(partitions, false);
        Ok(())
    }

    /// What a rebalance does to the assignment, so that the partitions that stay go on from where they were: librdkafka,
    /// which holds all of them back during a rebalance, goes on from its own position.
    pub(super) fn rebalance(
        &self,
        leaving: &[TopicPartition],
        change: impl FnOnce() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let staying = self.standings().running_but(leaving);
        let partitions: Vec<TopicPartition> = staying.iter().map(|start| start.partition.clone()).collect();
        if partitions.is_empty() {
            return change();
        }
        self.hold_back(&partitions)?;
        change()?;
        self.go_on(&staying, &partitions)
    }

    /// Resumes partitions from where this side knows them to be. Where that is no offset, the resume would make the answer
    /// to the seek an old one, to be asked for again after half a second: there it comes first.
    fn go_on(&self, starts: &[StartAt], partitions: &[TopicPartition]) -> Result<(), Error> {
        let is_offset = |start: &StartAt| matches!(start.offset, StartOffset::At(_));
        let (offsets, others): (Vec<_>, Vec<_>) = starts.iter().cloned().partition(is_offset);
        self.seek_where_it_is(&offsets)?;
        self.let_go(partitions)?;
        self.seek_where_it_is(&others)
    }

    fn hold_back(&self, partitions: &[TopicPartition]) -> Result<(), Error> {
        let list = PartitionList::of(partitions)?;
        // SAFETY: the client and the list are alive.
        check(unsafe { sys::rd_kafka_pause_partitions(self.client.as_ptr(), list.as_ptr()) }, "pause failed")?;
        first_error(&list)
    }

    fn let_go(&self, partitions: &[TopicPartition]) -> Result<(), Error> {
        let list = PartitionList::of(partitions)?;
        // SAFETY: the client and the list are alive.
        check(unsafe { sys::rd_kafka_resume_partitions(self.client.as_ptr(), list.as_ptr()) }, "resume failed")?;
        first_error(&list)
    }

    /// A partition that leaves while it is paused would be paused still when it comes again.
    fn let_go_paused(&self, leaves: impl Fn(&TopicPartition) -> bool) -> Result<(), Error> {
        let mut paused = self.standings().paused_partitions();
        paused.retain(leaves);
        if paused.is_empty() { Ok(()) } else { self.let_go(&paused) }
    }

    /// A partition whose fetching has not begun refuses: it begins where it was assigned.
    pub(super) fn seek_where_it_is(&self, starts: &[StartAt]) -> Result<(), Error> {
        const DEADLINE: Duration = Duration::from_secs(10);
        if starts.is_empty() {
            return Ok(());
        }
        for (partition, error) in self.seek(starts, DEADLINE)? {
            tracing::debug!(%partition, %error, "not sought: it is not fetched yet");
        }
        Ok(())
    }

    /// Fetches assigned partitions from other offsets, and answers with those that could not be sought. When this
    /// returns, no record of an older position comes any more from the others.
    ///
    /// # Errors
    /// When nothing was sought, or not in time.
    pub fn seek(&self, partitions: &[StartAt], deadline: Duration) -> Result<Vec<(TopicPartition, Error)>, Error> {
        let list = list_of_starts(partitions)?;
        // SAFETY: the client and the list are alive; errors are written into the list's entries.
        let error = unsafe {
            NativeError::take(sys::rd_kafka_seek_partitions(self.client.as_ptr(), list.as_ptr(), millis(deadline)))
        };
        error.map_or(Ok(()), |error| Err(error.to_error().context("seek failed")))?;
        let refused = |entry: ListEntry| entry.error.map(|error| (entry.partition, error));
        let refused: Vec<(TopicPartition, Error)> = list.entries().into_iter().filter_map(refused).collect();
        let mut standings = self.standings();
        for start in partitions.iter().filter(|start| refused.iter().all(|(other, _)| *other != start.partition)) {
            standings.sought(start);
        }
        Ok(refused)
    }

    /// The offset after the last record that was handed out, or one more than that after an end was reported in a batch;
    /// None before the first.
    pub(super) fn position(&self, partition: &TopicPartition) -> Result<Option<Offset>, Error> {
        let list = PartitionList::of([partition])?;
        // SAFETY: the client and the list are alive; positions are written into the list's entries.
        check(unsafe { sys::rd_kafka_position(self.client.as_ptr(), list.as_ptr()) }, "no position")?;
        Ok(list.entries().first().and_then(ListEntry::known_offset))
    }

    /// First offset and high watermark as the last fetch answered them, without asking the broker; None before that.
    #[must_use]
    pub fn cached_watermarks(&self, partition: &TopicPartition) -> Option<(Offset, Offset)> {
        let topic = c_string("topic", partition.topic.as_str()).ok()?;
        let (mut low, mut high) = (0_i64, 0_i64);
        // SAFETY: the client, the name and both numbers are alive during the call.
        let code = unsafe {
            sys::rd_kafka_get_watermark_offsets(
                self.client.as_ptr(),
                topic.as_ptr(),
                partition.partition.to_wire(),
                &raw mut low,
                &raw mut high,
            )
        };
        check(code, "watermarks").ok()?;
        Some((Offset::new(low).ok()?, Offset::new(high).ok()?))
    }

    /// The ends of partitions, asked of their leaders: high watermarks, or last stable offsets.
    ///
    /// # Errors
    /// The first partition that has no answer, by kind.
    pub fn ends(
        &self,
        partitions: &[TopicPartition],
        isolation: Isolation,
        deadline: Duration,
    ) -> Result<Vec<(TopicPartition, Offset)>, Error> {
        ends_on(&self.client, partitions, isolation, deadline)
    }

    /// The first offsets that still exist, asked of their leaders.
    ///
    /// # Errors
    /// The first partition that has no answer, by kind.
    pub fn beginnings(
        &self,
        partitions: &[TopicPartition],
        deadline: Duration,
    ) -> Result<Vec<(TopicPartition, Offset)>, Error> {
        known_offsets_on(&self.client, partitions, OffsetAt::Beginning, Isolation::ReadUncommitted, deadline)
    }

    /// The first offsets whose record is at or after these times (milliseconds since 1970 UTC); None past the end.
    ///
    /// # Errors
    /// The first partition that has no answer, by kind.
    pub fn offsets_for_times(
        &self,
        times: &[(TopicPartition, i64)],
        deadline: Duration,
    ) -> Result<Vec<(TopicPartition, Option<Offset>)>, Error> {
        let mut list = PartitionList::new(times.len());
        for (partition, time_ms) in times {
            list.push(partition, *time_ms, None)?;
        }
        // SAFETY: the client and the list are alive; answers are written into the list's entries.
        let code = unsafe { sys::rd_kafka_offsets_for_times(self.client.as_ptr(), list.as_ptr(), millis(deadline)) };
        check(code, "offsets for times")?;
        first_error(&list)?;
        Ok(list
            .entries()
            .into_iter()
            .map(|entry| {
                let offset = entry.known_offset();
                (entry.partition, offset)
            })
            .collect())
    }

    /// What this consumer's group has committed, with metadata. Stable offsets only: it waits (and retries inside) while
    /// a transaction that commits one of them is open (KIP-447).
    ///
    /// # Errors
    /// The first partition that has no answer, by kind; [`ErrorKind::TimedOut`](crate::ErrorKind::TimedOut) while a
    /// transaction stays open.
    pub fn committed(&self, partitions: &[TopicPartition], deadline: Duration) -> Result<Vec<CommittedOffset>, Error> {
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let list = PartitionList::of(partitions)?;
        // SAFETY: the client and the list are alive. The client's isolation.level is read_committed, by which
        // rd_kafka_committed sets OffsetFetch's require_stable.
        let code = unsafe { sys::rd_kafka_committed(self.client.as_ptr(), list.as_ptr(), millis(deadline)) };
        check(code, "committed offsets cannot be fetched")?;
        first_error(&list)?;
        Ok(list
            .entries()
            .into_iter()
            .map(|entry| CommittedOffset {
                offset: entry.known_offset(),
                partition: entry.partition,
                metadata: entry.metadata.unwrap_or_default(),
            })
            .collect())
    }

    /// Commits offsets outside of any transaction, and waits for the answer.
    ///
    /// # Errors
    /// By kind; [`ErrorKind::Rebalanced`](crate::ErrorKind::Rebalanced) when the group has moved on.
    pub fn commit(&self, offsets: &[OffsetToCommit]) -> Result<(), Error> {
        if offsets.is_empty() {
            return Err(Error::invalid("there is no offset to commit"));
        }
        let mut list = PartitionList::new(offsets.len());
        for commit in offsets {
            list.push(&commit.partition, commit.offset.get(), Some(&commit.metadata))?;
        }
        // SAFETY: the client and the list are alive; the call waits for the answer.
        check(unsafe { sys::rd_kafka_commit(self.client.as_ptr(), list.as_ptr(), 0) }, "offsets cannot be committed")?;
        first_error(&list)
    }

    /// This member's credentials as of now, to be sent with a transaction's offsets.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when the consumer has no group.
    pub fn group_metadata(&self) -> Result<GroupMetadata, Error> {
        // SAFETY: the client is alive; what is returned is ours.
        unsafe { GroupMetadata::take(sys::rd_kafka_consumer_group_metadata(self.client.as_ptr())) }
    }

    /// Whether the assignment was lost (session time-out, or polled too late): others may own it already.
    #[must_use]
    pub fn assignment_is_lost(&self) -> bool {
        // SAFETY: the client is alive.
        unsafe { sys::rd_kafka_assignment_lost(self.client.as_ptr()) != 0 }
    }

    /// Ends the wait of the poll that is under way (or of the next one), from any thread.
    pub fn wake(&self) {
        // SAFETY: the client is alive; the queue's handle is ours, and destroyed after its only use. Yielding is made for
        // calls from other threads.
        unsafe {
            let queue = sys::rd_kafka_queue_get_consumer(self.client.as_ptr());
            if !queue.is_null() {
                sys::rd_kafka_queue_yield(queue);
                sys::rd_kafka_queue_destroy(queue);
            }
        }
    }

    /// The cluster's id; None when no broker answers in time.
    #[must_use]
    pub fn cluster_id(&self, deadline: Duration) -> Option<String> {
        self.client.cluster_id(deadline)
    }

    /// Whether the group's protocol hands partitions over one by one, not all at once.
    pub(crate) fn is_cooperative(&self) -> bool {
        // SAFETY: the client is alive; the text is a constant, or null outside of a group.
        let protocol = unsafe { crate::native::text_at(sys::rd_kafka_rebalance_protocol(self.client.as_ptr())) };
        protocol == "COOPERATIVE"
    }
}

pub(super) fn list_of_starts(partitions: &[StartAt]) -> Result<PartitionList, Error> {
    let mut list = PartitionList::new(partitions.len());
    for start in partitions {
        list.push(&start.partition, start.offset.to_wire(), None)?;
    }
    Ok(list)
}

fn first_error(list: &PartitionList) -> Result<(), Error> {
    list.entries().into_iter().find_map(|entry| entry.error).map_or(Ok(()), Err)
}
