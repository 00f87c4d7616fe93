//! The dependencies that a Cargo.toml names, with their lines.

use super::tree::File;

/// A dependency as a manifest names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The package's name.
    pub name: String,
    /// The line of the manifest.
    pub line: usize,
    /// Whether only the package's tests see it.
    pub for_tests: bool,
}

/// Every dependency: normal, for build scripts, for tests, for one platform.
pub fn dependencies(manifest: &File) -> Vec<Dependency> {
    let mut found = Vec::new();
    let mut inside = false;
    let mut for_tests = false;
    for (number, line) in manifest.lines() {
        let line = line.trim();
        if let Some(table) = line.strip_prefix('[') {
            let table = table.trim_end_matches(']').trim_matches('[');
            let last = table.rsplit('.').next().unwrap_or_default();
            inside = is_dependency_table(last);
            for_tests = table.contains("dev-dependencies");
            // `[dependencies.foo]` names one dependency by itself.
            let parent = table.strip_suffix(last).unwrap_or_default();
            let parent = parent.trim_end_matches('.').rsplit('.').next();
            if !inside && parent.is_some_and(is_dependency_table) {
                found.push(dependency(last, "", number, for_tests));
            }
        } else if inside
            && !line.starts_with('#')
            && let Some((key, value)) = line.split_once('=')
        {
            let name = key.split('.').next().unwrap_or_default();
            found.push(dependency(name, value, number, for_tests));
        }
    }
    found
}

fn is_dependency_table(name: &str) -> bool {
    matches!(name, "dependencies" | "dev-dependencies" | "build-dependencies")
}

/// A renamed dependency counts under the name of its package.
fn dependency(key: &str, value: &str, line: usize, for_tests: bool) -> Dependency {
    let renamed = value.split_once("package").and_then(|(_, rest)| rest.split('"').nth(1));
    Dependency { name: renamed.unwrap_or(key.trim().trim_matches('"')).to_owned(), line, for_tests }
}
