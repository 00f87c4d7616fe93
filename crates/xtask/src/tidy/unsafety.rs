//! Where `unsafe` may stand, and with what proof.

use super::rust::{code_only, has_word};
use super::{Finding, tree::Tree};

/// What ARCHITECTURE.md says.
pub const INVARIANT: &str = "`unsafe` stands only in crates/kafka, at the border to librdkafka, and each block has its \
`// SAFETY:` proof above it.";

const ALLOWED: &str = "crates/kafka";
/// How far above its block a proof may begin.
const PROOF_LINES_MAX: usize = 8;

/// Checks every Rust file.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        let code = code_only(&file.text);
        let source: Vec<&str> = file.text.lines().collect();
        for (index, line) in code.lines().enumerate() {
            if !has_word(line, "unsafe") {
                continue;
            }
            if file.package() != ALLOWED {
                findings.push(Finding::new(
                    &file.path,
                    index + 1,
                    "unsafe code outside crates/kafka",
                    "use a safe call, or add a safe function to crates/kafka",
                ));
            } else if opens_block(line) && !has_proof(&source, index) {
                findings.push(Finding::new(
                    &file.path,
                    index + 1,
                    "unsafe without its proof",
                    "say in a `// SAFETY:` comment above it why it is sound",
                ));
            }
        }
    }
    findings
}

/// An `unsafe fn` only demands; a block or an impl claims.
fn opens_block(line: &str) -> bool {
    let Some((_, after)) = line.split_once("unsafe") else {
        return false;
    };
    let after = after.trim_start();
    after.starts_with('{') || after.starts_with("impl") || after.is_empty()
}

fn has_proof(source: &[&str], index: usize) -> bool {
    let from = index.saturating_sub(PROOF_LINES_MAX);
    source.get(from..=index).is_some_and(|lines| lines.iter().any(|line| line.contains("SAFETY:")))
}
