#![allow(unsafe_code, reason = "librdkafka's sockets are opened, broken and closed here")]

use std::ffi::{c_int, c_void};
use std::sync::{Mutex, PoisonError};

use super::callbacks::Callbacks;

/// The sockets of one client, as long as they are open: known, so that a connection can be broken from this side.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    open: Mutex<Vec<c_int>>,
}

impl Sockets {
    /// Breaks the connection that is open for the longest time; librdkafka makes a new one, and repeats what was under
    /// way. Says whether there was one.
    pub(super) fn break_oldest(&self) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(socket) = open.first().copied() else { return false };
        // The next time it is another's turn, should this one not be closed by then.
        open.rotate_left(1);
        // SAFETY: closing takes the lock that is held here, and takes the socket out first: it is open, and ours.
        unsafe { libc::shutdown(socket, libc::SHUT_RDWR) };
        true
    }
}

/// `socket_cb`: librdkafka asks for a socket.
pub(super) unsafe extern "C" fn open(domain: c_int, kind: c_int, protocol: c_int, opaque: *mut c_void) -> c_int {
    #[cfg(target_os = "linux")]
    let kind = kind | libc::SOCK_CLOEXEC;
    // SAFETY: a plain system call; the opaque pointer is the client's `Callbacks`, which outlive it, and broker threads touch
    // nothing of it but the sockets behind their lock.
    unsafe {
        let socket = libc::socket(domain, kind, protocol);
        if socket >= 0 {
            let sockets = &(*opaque.cast::<Callbacks>()).sockets;
            sockets.open.lock().unwrap_or_else(PoisonError::into_inner).push(socket);
        }
        socket
    }
}

/// `closesocket_cb`: librdkafka is done with a socket.
pub(super) unsafe extern "C" fn close(socket: c_int, opaque: *mut c_void) -> c_int {
    // SAFETY: as above; librdkafka closes a socket once, and it is one that `open` gave it.
    unsafe {
        let sockets = &(*opaque.cast::<Callbacks>()).sockets;
        let mut open = sockets.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|known| *known != socket);
        libc::close(socket)
    }
}
