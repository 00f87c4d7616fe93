use headwater_event::{OrderId, ShipmentId};
use headwater_log::murmur2;
use serde::{Deserialize, Serialize};

/// How parcels travel: the carrier is simulated, and decides by a hash of the order's or the parcel's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Who carries the parcels.
    pub carrier: String,
    /// How long a parcel travels, in milliseconds; 0 delivers it as it is dispatched.
    pub delivery_ms: u32,
    /// When a parcel that has not arrived counts as lost, in milliseconds after its dispatch.
    pub delivery_timeout_ms: u32,
    /// Of a thousand orders, how many the carrier does not take.
    pub failed_per_mille: u32,
    /// Of a thousand parcels, how many never arrive.
    pub lost_per_mille: u32,
    /// Of a thousand parcels, how many the carrier does not call back.
    pub recall_refused_per_mille: u32,
}

impl Default for Settings {
    /// For development and the demo: 50 ms on the way, nothing goes wrong.
    fn default() -> Self {
        Self {
            carrier: "parcel-post".to_owned(),
            delivery_ms: 50,
            delivery_timeout_ms: 30 * 60_000,
            failed_per_mille: 0,
            lost_per_mille: 0,
            recall_refused_per_mille: 0,
        }
    }
}

impl Settings {
    /// For benchmarks: parcels arrive as they leave.
    #[must_use]
    pub fn none() -> Self {
        Self { delivery_ms: 0, ..Self::default() }
    }

    pub(crate) fn takes(&self, order: &OrderId) -> bool {
        per_mille("take", order.as_str()) >= self.failed_per_mille
    }

    pub(crate) fn loses(&self, shipment: &ShipmentId) -> bool {
        per_mille("lose", shipment.as_str()) < self.lost_per_mille
    }

    pub(crate) fn calls_back(&self, shipment: &ShipmentId) -> bool {
        per_mille("recall", shipment.as_str()) >= self.recall_refused_per_mille
    }
}

/// A number from 0 to 999 that looks random and follows from what is asked about whom.
fn per_mille(question: &str, id: &str) -> u32 {
    (murmur2(format!("{question} {id}").as_bytes()) & 0x7fff_ffff) as u32 % 1_000
}
