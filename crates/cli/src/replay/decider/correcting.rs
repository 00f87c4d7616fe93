use std::time::Duration;

use headwater_kafka::{OutgoingRecord, TopicHandle, TransactionalProducer, TransactionalProducerSettings};
use headwater_log::Partition;
use headwater_streams::StoreNumber;

use super::plan::RebuildPlan;
use crate::Error;
use crate::cluster::Cluster;

/// Writes of one transaction, so that it stays well within its time.
const WRITES_MAX: u64 = 5_000;
const DEADLINE: Duration = Duration::from_secs(30);

/// Puts keys right in a changelog, in transactions: few writes are one, and are done all or none.
pub struct Corrector<'a> {
    cluster: &'a Cluster,
    application: &'a str,
    producer: TransactionalProducer,
    changelog: TopicHandle,
    /// Writes of the open transaction.
    open: u64,
    committed: u64,
}

impl<'a> Corrector<'a> {
    /// One that fences whoever replays the same at the same time.
    ///
    /// # Errors
    /// What the cluster answers.
    pub fn new(cluster: &'a Cluster, plan: &'a RebuildPlan) -> Result<Self, Error> {
        let id = format!("{}-replay-{}", plan.application, plan.processor);
        let mut producer = TransactionalProducer::new(&cluster.connection, &TransactionalProducerSettings::new(&id))?;
        producer.initialize(DEADLINE).into_result()?;
        let changelog = producer.topic(&plan.changelog)?;
        Ok(Self { cluster, application: &plan.application, producer, changelog, open: 0, committed: 0 })
    }

    /// Writes one key of a store; None deletes it.
    ///
    /// # Errors
    /// What the cluster answers, or that the application was started meanwhile.
    pub fn put(
        &mut self,
        partition: Partition,
        store: StoreNumber,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), Error> {
        if self.open == 0 {
            self.producer.begin().into_result()?;
        }
        let key = [&[store.0], key].concat();
        let record = OutgoingRecord { partition: Some(partition), key: Some(&key), value, ..OutgoingRecord::default() };
        self.producer.produce(self.changelog, &record)?;
        self.open += 1;
        if self.open == WRITES_MAX { self.commit() } else { Ok(()) }
    }

    /// An instance that started meanwhile has read the changelog, and would not see what is written to it now.
    fn commit(&mut self) -> Result<(), Error> {
        if let Err(error) = self.cluster.must_be_stopped(self.application) {
            let aborted = self.producer.abort(DEADLINE).into_result();
            return aborted.map_err(Error::from).and(Err(error));
        }
        self.producer.commit(DEADLINE).into_result()?;
        self.committed += std::mem::take(&mut self.open);
        Ok(())
    }

    /// Commits the rest; answers with how many keys were written.
    ///
    /// # Errors
    /// As [`Corrector::put`].
    pub fn finish(mut self) -> Result<u64, Error> {
        if self.open > 0 {
            self.commit()?;
        }
        Ok(self.committed)
    }
}
