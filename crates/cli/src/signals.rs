//! Ctrl-C and SIGTERM: the first asks for an orderly stop, the second ends at once.

use headwater_runtime::Stop;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::Error;

/// Which signal came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl Asked {
    /// What it means to the group, unless told otherwise: Ctrl-C is for good, SIGTERM is a restart.
    #[must_use]
    pub const fn stop(self) -> Stop {
        match self {
            Self::Interrupt => Stop::Leave,
            Self::Terminate => Stop::Stay,
        }
    }

    /// The exit code of a process that this signal ends.
    const fn exit_code(self) -> i32 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Both signals, watched.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Watches from now on.
    ///
    /// # Errors
    /// What the system says.
    pub fn watch() -> Result<Self, Error> {
        let watched = |kind| signal(kind).map_err(|error| Error::failed(format!("signals can't be watched: {error}")));
        Ok(Self { interrupt: watched(SignalKind::interrupt())?, terminate: watched(SignalKind::terminate())? })
    }

    /// The next one.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Interrupt,
            _ = self.terminate.recv() => Asked::Terminate,
        }
    }

    /// Ends the process at the next signal, whatever it is doing.
    pub fn end_at_next(mut self) {
        tokio::spawn(async move {
            let asked = self.next().await;
            eprintln!("a second signal: ending at once");
            std::process::exit(asked.exit_code());
        });
    }
}
