//! The highest load that is held: doubled until one is not, then the interval is halved.

use crate::figures::Figures;

/// The interval's ends are near enough when they differ by less than this part of the lower.
const NEAR: f64 = 0.1;
const P99_MS_MAX: f64 = 1_000.0;

#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The first load that is tried.
    pub from: u64,
    /// Loads that are tried at most.
    pub trials: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The highest load that was held; 0 when none was.
    pub held: u64,
    /// The lowest that was not; None when all were.
    pub not_held: Option<u64>,
}

/// Whether a chain kept up: every record came out, and p99 stayed below a second.
pub fn holds(figures: &Figures) -> bool {
    let figure = |name: &str| figures.get(name).copied().unwrap_or(f64::NAN);
    figure("done") >= figure("of") && figure("p99_ms") < P99_MS_MAX
}

/// Searches by trying loads, each once.
pub fn search<E>(limits: Limits, mut is_held: impl FnMut(u64) -> Result<bool, E>) -> Result<Found, E> {
    let mut found = Found { held: 0, not_held: None };
    let mut load = limits.from.max(1);
    for _ in 0..limits.trials {
        if is_held(load)? {
            found.held = load;
        } else {
            found.not_held = Some(load);
        }
        load = match found.not_held {
            None => load.saturating_mul(2),
            Some(ceiling) if (ceiling - found.held) as f64 <= NEAR * found.held as f64 => break,
            Some(ceiling) => u64::midpoint(found.held, ceiling),
        };
        if load == found.held {
            break;
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
