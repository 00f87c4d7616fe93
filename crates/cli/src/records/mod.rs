//! Records as tools show them: copied, decoded with the registry.

mod decode;
mod reading;
mod shown;

pub use decode::Decoder;
pub use reading::{Ends, Seen, ends_of, read_range};
pub use shown::{ShownRecord, text_of};

#[cfg(test)]
mod tests;
