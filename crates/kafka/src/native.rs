//! librdkafka's C objects behind owners that free them, and its codes as this crate's errors.
#![allow(unsafe_code, reason = "this is the one place where the C library is wrapped")]

mod client;
mod code;
mod config;
mod partition_list;
mod refusal;
mod text;

pub(crate) use client::Client;
pub(crate) use code::{NativeError, as_number, check, code_of, error_of_code};
pub(crate) use config::NativeConfig;
pub(crate) use partition_list::{ListEntry, PartitionList};
pub(crate) use refusal::Refusal;
pub(crate) use text::{c_string, millis, text_at, text_in};
