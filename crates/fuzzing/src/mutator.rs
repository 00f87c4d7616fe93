//! Inputs from inputs, by a seed: what libFuzzer's mutators do, without its knowledge of what was covered.

/// Inputs grow to this at most.
const BYTES_MAX: usize = 8 * 1024;

/// Numbers at which lengths, counts and signs turn over.
const EDGES: [i64; 14] =
    [0, 1, -1, 2, 127, 128, 255, 32_767, 32_768, 65_535, i32::MAX as i64, i32::MIN as i64, i64::MAX, i64::MIN];

/// Makes inputs. The same seed gives the same inputs.
#[derive(Debug, Clone)]
pub struct Mutator {
    state: u64,
}

impl Mutator {
    /// A mutator of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        // xorshift stays at zero.
        Self { state: seed ^ 0x9e37_79b9_7f4a_7c15 | 1 }
    }

    /// A number below `bound`; 0 where that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let random = (self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as usize;
        random.checked_rem(bound).unwrap_or(0)
    }

    /// An input made of `input`, with parts of `other` now and then.
    pub fn mutate(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = input.to_vec();
        for _ in 0..=self.below(5) {
            self.step(&mut bytes, other);
        }
        bytes.truncate(BYTES_MAX);
        bytes
    }

    fn step(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(bytes.len() + 1);
        match self.below(10) {
            0 => {
                let bit = 1 << self.below(8);
                self.change(bytes, |byte| byte ^ bit);
            }
            1 => {
                let value = self.below(256) as u8;
                self.change(bytes, |_| value);
            }
            2 => {
                let by = self.below(7) as u8;
                self.change(bytes, |byte| byte.wrapping_add(by).wrapping_sub(3));
            }
            3 => bytes.insert(at, self.below(256) as u8),
            4 => bytes.truncate(at),
            5 => {
                let end = at + self.below(16).min(bytes.len() - at);
                bytes.drain(at..end);
            }
            6 => {
                let part = self.part_of(&bytes.clone()).to_vec();
                bytes.splice(at..at, part);
            }
            7 => {
                let part = self.part_of(other).to_vec();
                let end = at + self.below(part.len() + 1).min(bytes.len() - at);
                bytes.splice(at..end, part);
            }
            8 => {
                let edge = self.edge();
                let width = [1, 2, 4, 8][self.below(4)];
                let encoded = edge.to_be_bytes();
                let end = at + width.min(bytes.len() - at);
                bytes.splice(at..end, encoded[8 - width..].iter().copied());
            }
            _ => {
                let text = self.edge().to_string();
                let end = at + self.digits_at(bytes, at);
                bytes.splice(at..end, text.into_bytes());
            }
        }
    }

    fn change(&mut self, bytes: &mut [u8], to: impl Fn(u8) -> u8) {
        let at = self.below(bytes.len());
        if let Some(byte) = bytes.get_mut(at) {
            *byte = to(*byte);
        }
    }

    fn edge(&mut self) -> i64 {
        EDGES[self.below(EDGES.len())]
    }

    fn part_of<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let from = self.below(bytes.len());
        let length = self.below(64) + 1;
        bytes.get(from..).map_or(&[], |rest| &rest[..length.min(rest.len())])
    }

    fn digits_at(&self, bytes: &[u8], at: usize) -> usize {
        bytes.get(at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count()
    }
}

#[cfg(test)]
mod tests;
