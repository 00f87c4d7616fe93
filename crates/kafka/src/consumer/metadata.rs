#![allow(unsafe_code, reason = "the group's metadata is a C object")]

use std::ptr::NonNull;

use rdkafka_sys as sys;

use crate::native::text_at;
use crate::{Error, ErrorKind};

/// A group member's credentials as of now: take them fresh for every transaction (KIP-447).
pub struct GroupMetadata(NonNull<sys::rd_kafka_consumer_group_metadata_t>);

// SAFETY: the object is plain data without ties to a thread, and it is never changed after it was made.
unsafe impl Send for GroupMetadata {}
// SAFETY: as above.
unsafe impl Sync for GroupMetadata {}

impl GroupMetadata {
    /// Takes over what librdkafka made.
    ///
    /// # Safety
    /// `raw` is null or metadata that the caller owns, and gives away here.
    pub(crate) unsafe fn take(raw: *mut sys::rd_kafka_consumer_group_metadata_t) -> Result<Self, Error> {
        NonNull::new(raw)
            .map(Self)
            .ok_or_else(|| Error::new(ErrorKind::Invalid, "this consumer has no group: give it a group id"))
    }

    /// Metadata with given fields, as another member would have them: to test fencing.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for texts with a zero byte.
    pub fn forged(group: &str, generation: i32, member: &str, instance: Option<&str>) -> Result<Self, Error> {
        let group = crate::native::c_string("group id", group)?;
        let member = crate::native::c_string("member id", member)?;
        let instance = instance.map(|id| crate::native::c_string("instance id", id)).transpose()?;
        let instance = instance.as_ref().map_or(std::ptr::null(), |id| id.as_ptr());
        // SAFETY: the texts live during the call, which copies them.
        unsafe {
            Self::take(sys::rd_kafka_consumer_group_metadata_new_with_genid(
                group.as_ptr(),
                generation,
                member.as_ptr(),
                instance,
            ))
        }
    }

    /// The group's id.
    #[must_use]
    pub fn group(&self) -> String {
        // SAFETY: alive until drop; the text lives with it.
        unsafe { text_at(sys::rd_kafka_consumer_group_metadata_group_id(self.as_ptr())) }
    }

    /// The member's id; empty while it is in no generation.
    #[must_use]
    pub fn member(&self) -> String {
        // SAFETY: as above.
        unsafe { text_at(sys::rd_kafka_consumer_group_metadata_member_id(self.as_ptr())) }
    }

    /// The static member's `group.instance.id`.
    #[must_use]
    pub fn instance(&self) -> Option<String> {
        // SAFETY: as above; null when the member is not static.
        let text = unsafe { text_at(sys::rd_kafka_consumer_group_metadata_group_instance_id(self.as_ptr())) };
        (!text.is_empty()).then_some(text)
    }

    /// The group's generation (or the member's epoch, KIP-848); below 0 while it is in none.
    #[must_use]
    pub fn generation(&self) -> i32 {
        // SAFETY: alive until drop.
        unsafe { sys::rd_kafka_consumer_group_metadata_generation_id(self.as_ptr()) }
    }

    /// Whether the broker can check a commit by it: a generation, and a member in it.
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.generation() >= 0 && !self.member().is_empty()
    }

    pub(crate) const fn as_ptr(&self) -> *const sys::rd_kafka_consumer_group_metadata_t {
        self.0.as_ptr()
    }
}

impl Drop for GroupMetadata {
    fn drop(&mut self) {
        // SAFETY: owned, and destroyed once.
        unsafe { sys::rd_kafka_consumer_group_metadata_destroy(self.0.as_ptr()) }
    }
}

impl std::fmt::Debug for GroupMetadata {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("GroupMetadata")
            .field("group", &self.group())
            .field("generation", &self.generation())
            .field("member", &self.member())
            .field("instance", &self.instance())
            .finish()
    }
}
