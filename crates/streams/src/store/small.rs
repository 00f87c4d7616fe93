use std::borrow::Borrow;
use std::cmp::Ordering;

use bytes::Bytes;

/// What fits in place.
const INLINE_MAX: usize = 22;

/// Owned bytes: short ones lie in place, with no allocation and no other line of memory to be fetched.
#[derive(Clone)]
pub(crate) enum Small {
    /// The first `length` of these.
    Inline { length: u8, bytes: [u8; INLINE_MAX] },
    /// Longer.
    Heap(Box<[u8]>),
}

impl Small {
    /// A prefix byte and what comes after it.
    pub(super) fn prefixed(prefix: u8, rest: &[u8]) -> Self {
        if rest.len() < INLINE_MAX {
            let mut bytes = [0; INLINE_MAX];
            bytes[0] = prefix;
            bytes[1..=rest.len()].copy_from_slice(rest);
            return Self::Inline { length: rest.len() as u8 + 1, bytes };
        }
        let mut whole = Vec::with_capacity(rest.len() + 1);
        whole.push(prefix);
        whole.extend_from_slice(rest);
        Self::Heap(whole.into_boxed_slice())
    }

    /// The bytes.
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Inline { length, bytes } => &bytes[..usize::from(*length)],
            Self::Heap(bytes) => bytes,
        }
    }

    /// How many there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Inline { length, .. } => usize::from(*length),
            Self::Heap(bytes) => bytes.len(),
        }
    }

    /// A copy to give away.
    pub(super) fn to_bytes(&self) -> Bytes {
        Bytes::copy_from_slice(self.as_slice())
    }
}

impl From<&[u8]> for Small {
    fn from(from: &[u8]) -> Self {
        if from.len() > INLINE_MAX {
            return Self::Heap(from.into());
        }
        let mut bytes = [0; INLINE_MAX];
        bytes[..from.len()].copy_from_slice(from);
        Self::Inline { length: from.len() as u8, bytes }
    }
}

impl From<Vec<u8>> for Small {
    fn from(from: Vec<u8>) -> Self {
        if from.len() > INLINE_MAX { Self::Heap(from.into_boxed_slice()) } else { Self::from(from.as_slice()) }
    }
}

impl AsRef<[u8]> for Small {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl Borrow<[u8]> for Small {
    fn borrow(&self) -> &[u8] {
        self.as_slice()
    }
}

impl PartialEq for Small {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Small {}

impl PartialOrd for Small {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Small {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

impl std::fmt::Debug for Small {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:?}", self.as_slice())
    }
}

#[cfg(test)]
mod tests;
