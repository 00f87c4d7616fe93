//! Looks for libclang where bindgen will: a loadable library, and the compiler's own headers beside it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process;

/// Whether bindgen will find libclang.
pub fn present() -> bool {
    if let Some(named) = std::env::var_os("LIBCLANG_PATH") {
        let named = PathBuf::from(named);
        return named.is_file() || holds_library(&named);
    }
    let libraries = folders();
    libraries.iter().any(|folder| holds_library(folder)) && has_headers(&libraries)
}

/// The folders that clang-sys looks into, in its order of trust.
fn folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Ok(printed) = process::output(Command::new("llvm-config").arg("--libdir")) {
        folders.push(PathBuf::from(printed.trim()));
    }
    for parent in ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/opt"] {
        folders.extend(subfolders(Path::new(parent)));
        folders.push(PathBuf::from(parent));
    }
    for folder in
        ["/opt/homebrew/opt/llvm/lib", "/usr/local/opt/llvm/lib", "/Library/Developer/CommandLineTools/usr/lib"]
    {
        folders.push(PathBuf::from(folder));
    }
    folders
}

fn subfolders(parent: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(parent) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let name = name.to_str()?;
            if name.starts_with("llvm") {
                return Some(entry.path().join("lib"));
            }
            name.ends_with("-linux-gnu").then(|| entry.path())
        })
        .collect()
}

/// Whether a folder holds a library that can be loaded, e.g. `libclang.so`, `libclang-14.so.1`.
pub fn holds_library(folder: &Path) -> bool {
    std::fs::read_dir(folder)
        .is_ok_and(|entries| entries.flatten().any(|entry| entry.file_name().to_str().is_some_and(is_library)))
}

/// `libclang.so`, `libclang.so.1`, `libclang-14.so`, `libclang.dylib`; not `libclang-cpp.so.14`.
pub fn is_library(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("libclang") else {
        return false;
    };
    let ending = match rest.strip_prefix('-') {
        Some(versioned) => versioned.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.'),
        None => rest.trim_start_matches('.'),
    };
    ending == "so" || ending.starts_with("so.") || ending == "dylib"
}

/// `stddef.h` comes with the compiler, not with the library: without it every header fails to parse.
fn has_headers(libraries: &[PathBuf]) -> bool {
    libraries.iter().any(|folder| {
        std::fs::read_dir(folder.join("clang"))
            .is_ok_and(|versions| versions.flatten().any(|version| version.path().join("include/stddef.h").is_file()))
    })
}
