use std::str::FromStr;

use headwater_log::Offset;

use crate::Error;

/// kcat's words for a place in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetWord {
    /// `beginning`: the first record that exists.
    Beginning,
    /// `end`: what comes from now on.
    End,
    /// `-N`: the last N records of each partition.
    Last(u64),
    /// `N`: an offset.
    At(Offset),
    /// `s@MS`: the first record at or after a time, in milliseconds since 1970.
    Since(i64),
    /// `e@MS`: nothing after a time.
    Until(i64),
}

impl FromStr for OffsetWord {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{word} is no offset: use beginning, end, N, -N for the last N, s@MS or e@MS for a time in milliseconds"
            )
        };
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse::<i64>().ok()).flatten().ok_or_else(wrong)
        };
        match word {
            "beginning" | "earliest" => return Ok(Self::Beginning),
            "end" | "latest" => return Ok(Self::End),
            _ => {}
        }
        if let Some(time) = word.strip_prefix("s@") {
            return number(time).map(Self::Since);
        }
        if let Some(time) = word.strip_prefix("e@") {
            return number(time).map(Self::Until);
        }
        match word.strip_prefix('-') {
            Some(count) => number(count).map(|count| Self::Last(count.unsigned_abs())),
            None => Offset::new(number(word)?).map(Self::At).map_err(|_| wrong()),
        }
    }
}

/// What the words together ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Where to begin.
    pub start: OffsetWord,
    /// The time after which nothing is shown.
    pub until_ms: Option<i64>,
}

impl Range {
    /// At most one beginning and one end.
    ///
    /// # Errors
    /// Usage, when the words contradict each other.
    pub fn of(words: &[OffsetWord]) -> Result<Self, Error> {
        let mut range = Self { start: OffsetWord::Beginning, until_ms: None };
        let (mut starts, mut ends) = (0, 0);
        for word in words {
            match word {
                OffsetWord::Until(time_ms) => {
                    range.until_ms = Some(*time_ms);
                    ends += 1;
                }
                start => {
                    range.start = *start;
                    starts += 1;
                }
            }
        }
        if starts > 1 || ends > 1 {
            return Err(Error::usage("-o can be given once for where to begin, and once with e@ for where to end"));
        }
        Ok(range)
    }
}
