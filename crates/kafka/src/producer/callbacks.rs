use super::deliveries::Deliveries;
use super::registrations::Registrations;
use super::sockets::Sockets;

/// What librdkafka's callbacks of one producer find behind their opaque pointer.
pub(super) struct Callbacks {
    pub(super) deliveries: Deliveries,
    pub(super) sockets: Sockets,
    pub(super) registrations: Registrations,
}
