use crate::Output;

/// What steps leave behind for the driver. One is reused for many steps: the driver drains `outputs` and keeps the room.
#[derive(Debug, Default)]
pub struct Effects {
    /// Records to produce, in order.
    pub outputs: Vec<Output>,
    /// What happened, counted; the driver reads and resets.
    pub counters: Counters,
}

/// Counts since the driver last reset them. They are not taken back by an abort.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Inputs that processors worked on.
    pub processed: u64,
    /// Inputs not wanted (`only`) or dropped by policy.
    pub skipped: u64,
    /// Inputs written to a dead-letter topic.
    pub dead_letters: u64,
    /// Inputs later than grace, dropped.
    pub late: u64,
    /// Commands refused with a reply, and reactions that no longer mattered.
    pub rejected: u64,
    /// Inputs dropped because their id was seen within the window.
    pub deduplicated: u64,
    /// Commands forwarded to the partition that their key hashes to.
    pub forwarded: u64,
    /// Inputs set aside by [`crate::Policy::ParkKey`].
    pub parked: u64,
    /// Tries again after a retriable failure.
    pub retries: u64,
    /// Timers that fired.
    pub timers: u64,
    /// Results of calls that were processed.
    pub call_results: u64,
    /// Results of calls that the task does not know (any more), ignored.
    pub unknown_call_results: u64,
    /// Inputs processed although another input, which had more coming, was waited for too long.
    pub out_of_order: u64,
}

impl Counters {
    /// Adds another set of counts.
    pub fn add(&mut self, other: &Self) {
        self.processed += other.processed;
        self.skipped += other.skipped;
        self.dead_letters += other.dead_letters;
        self.late += other.late;
        self.rejected += other.rejected;
        self.deduplicated += other.deduplicated;
        self.forwarded += other.forwarded;
        self.parked += other.parked;
        self.retries += other.retries;
        self.timers += other.timers;
        self.call_results += other.call_results;
        self.unknown_call_results += other.unknown_call_results;
        self.out_of_order += other.out_of_order;
    }

    /// A count by its field's name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<u64> {
        let counts = [
            ("processed", self.processed),
            ("skipped", self.skipped),
            ("dead_letters", self.dead_letters),
            ("late", self.late),
            ("rejected", self.rejected),
            ("deduplicated", self.deduplicated),
            ("forwarded", self.forwarded),
            ("parked", self.parked),
            ("retries", self.retries),
            ("timers", self.timers),
            ("call_results", self.call_results),
            ("unknown_call_results", self.unknown_call_results),
            ("out_of_order", self.out_of_order),
        ];
        counts.into_iter().find(|(known, _)| *known == name).map(|(_, count)| count)
    }
}
