//! The files of the repository, as the checks see them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Result;
use crate::process;

/// A file of text.
#[derive(Clone, Debug)]
pub struct File {
    /// From the top of the repository, with slashes.
    pub path: String,
    /// What it holds.
    pub text: String,
}

impl File {
    /// The numbered lines, from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(at, line)| (at + 1, line))
    }

    /// Whether it is Rust.
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether it is test code: in a `tests` folder, or a sibling test file.
    pub fn is_test(&self) -> bool {
        let mut parts = self.path.split('/');
        let name = parts.next_back().unwrap_or_default();
        parts.any(|part| part == "tests") || name == "tests.rs" || name.ends_with("_tests.rs")
    }

    /// The folder of the package that it belongs to, e.g. `crates/kafka`.
    pub fn package(&self) -> &str {
        let depth = if self.path.starts_with("crates/") || self.path.starts_with("processors/") { 2 } else { 1 };
        let ends = self.path.match_indices('/').nth(depth - 1);
        ends.map_or("", |(end, _)| &self.path[..end])
    }
}

/// All files that are tracked, or would be by `git add`.
#[derive(Debug)]
pub struct Tree {
    /// The top of the repository; none for a tree made up by a test.
    pub root: Option<PathBuf>,
    /// The files that are text.
    pub files: Vec<File>,
}

impl Tree {
    /// Reads the repository at `root`.
    pub fn read(root: &Path) -> Result<Self> {
        let mut git = Command::new("git");
        git.current_dir(root).args(["ls-files", "-z", "--cached", "--others"]).arg("--exclude-standard");
        let names = process::output(&mut git)?;
        let files = names
            .split('\0')
            .filter(|name| !name.is_empty())
            .filter_map(|name| {
                // Gone but not yet removed from the index, or no text: nothing to check.
                let text = std::fs::read_to_string(root.join(name)).ok()?;
                let path = name.to_owned();
                Some(File { path, text })
            })
            .collect();
        Ok(Self { root: Some(root.to_path_buf()), files })
    }

    /// The file at a path.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The Rust files.
    pub fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.is_rust())
    }

    /// The manifests of packages, i.e. not the workspace's own.
    pub fn manifests(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.ends_with("/Cargo.toml"))
    }
}

#[cfg(test)]
impl Tree {
    /// A tree of made-up files.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| File { path: (*path).to_owned(), text: (*text).to_owned() };
        Self { root: None, files: files.iter().map(file).collect() }
    }
}
