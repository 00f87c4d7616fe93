//! Counting what passed and what failed over all the parts of a run.

use std::ops::AddAssign;

/// How many checks or tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Passed.
    pub passed: u64,
    /// Failed.
    pub failed: u64,
}

impl Tally {
    /// One that passed or failed.
    pub fn one(passed: bool) -> Self {
        Self { passed: u64::from(passed), failed: u64::from(!passed) }
    }

    /// What a line like `test result: ok. 12 passed; 0 failed; 1 ignored; …` counts.
    pub fn of_result_line(line: &str) -> Option<Self> {
        let counts = line.trim_start().strip_prefix("test result: ")?;
        let count = |word: &str| {
            let before = counts.split(word).next()?;
            before.trim_end().rsplit(' ').next()?.parse().ok()
        };
        Some(Self { passed: count("passed;")?, failed: count("failed;")? })
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn only_result_lines_count() {
        let check = |line: &str, tally| assert_eq!(Tally::of_result_line(line), tally, "{line}");
        let of = |passed, failed| Some(Tally { passed, failed });
        check("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured", of(12, 0));
        check("test result: FAILED. 3 passed; 2 failed; 0 ignored", of(3, 2));
        check("test a_test ... ok", None);
        check("test result: nonsense", None);
    }
}
