//! The core's promises, through its public face.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(missing_docs)]

mod calls;
mod cart;
mod commands;
mod counting;
mod decider;
mod flows;
mod messages;
mod parking;
mod policies;
mod rebuild;
mod tables;
mod timers;
mod worlds;
