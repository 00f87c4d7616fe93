use std::path::PathBuf;

use clap::Args;

/// `headwater demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Send only the first N orders of the file
    #[arg(long, value_name = "N")]
    pub orders: Option<usize>,
    /// Orders under way at one time: more come in only as others end
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub in_flight: usize,
    /// Threads that process records
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub workers: usize,
    /// Keep the data in this folder, and do not remove it [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Give up when nothing has ended for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub patience_s: u64,
    /// Stay, with everything running, until Ctrl-C
    #[arg(long)]
    pub stay: bool,
}
