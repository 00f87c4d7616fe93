//! What comes out of tasks' steps, on its way into the open transaction.

use std::time::Duration;

use headwater_streams::Output;

use crate::Error;
use crate::core::Core;
use crate::ports::{Clock as _, Observer as _, Ports};

/// Outputs that wait for the markers of the last transaction take no more.
const HELD_BACK_BYTES_MAX: usize = 1 << 20;

impl<P: Ports> Core<P> {
    /// Begins the transaction with the first thing that is done, and produces what came out.
    pub(crate) fn after_steps(&mut self, place: usize) -> Result<(), Error> {
        let now = self.clock.monotonic();
        self.transaction.ensure_open(now, self.epoch)?;
        self.produce_unless_early()?;
        self.count(place);
        Ok(())
    }

    /// Produces what came out, unless the markers of the last transaction are still to be waited for.
    pub(crate) fn produce_unless_early(&mut self) -> Result<(), Error> {
        let outputs = &self.effects.outputs;
        if outputs.is_empty() {
            return Ok(());
        }
        if self.markers.hold_back(self.clock.monotonic()).is_some()
            && outputs.iter().map(Output::size_bytes).sum::<usize>() < HELD_BACK_BYTES_MAX
        {
            return Ok(());
        }
        self.produce_outputs()
    }

    /// Hands the outputs at hand to the producer, and to those of this worker's tasks that read them.
    pub(crate) fn produce_outputs(&mut self) -> Result<(), Error> {
        let mut produced = 0;
        let mut outputs = std::mem::take(&mut self.effects.outputs);
        for output in outputs.drain(..) {
            let Some(topic) = self.blueprint.environment.topic(output.topic) else { continue };
            self.transaction.produce(&topic.name, &output)?;
            produced += 1;
            self.hand_over(output);
        }
        self.effects.outputs = outputs;
        if produced > 0 {
            self.observer.produced(produced);
        }
        Ok(())
    }

    fn count(&mut self, place: usize) {
        let counters = std::mem::take(&mut self.effects.counters);
        let Some(slot) = self.slot(place) else { return };
        let stream_time = slot.task.stream_time();
        let behind = (counters.processed > 0 && stream_time.as_millis() >= 0).then(|| {
            let behind_ms = self.clock.wall().since_ms(stream_time).max(0);
            Duration::from_millis(behind_ms.unsigned_abs())
        });
        self.observer.stepped(&slot.processor, &counters, behind);
    }
}
