//! Turns `schemas/**/*.avsc` and `topics.yaml` into Rust types, message sets and topics.

#[path = "codegen/mod.rs"]
mod codegen;

use std::path::{Path, PathBuf};
use std::{env, fs};

use codegen::{Error, SchemaFile};

fn main() -> Result<(), Error> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("../..");
    let (schemas, topics) = (root.join("schemas"), root.join("topics.yaml"));
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=codegen");
    println!("cargo::rerun-if-changed={}", schemas.display());
    println!("cargo::rerun-if-changed={}", topics.display());

    let code = codegen::generate(&schema_files(&schemas)?, &read(&topics)?)?;
    let target = PathBuf::from(variable("OUT_DIR")?).join("contracts.rs");
    fs::write(&target, code).map_err(|error| failure(&target, &error))
}

/// Files of `schemas/<context>/`, sorted, so that the generated code never depends on the file system's order.
fn schema_files(schemas: &Path) -> Result<Vec<SchemaFile>, Error> {
    let mut files = Vec::new();
    for context in entries(schemas)? {
        for path in entries(&context)? {
            println!("cargo::rerun-if-changed={}", path.display());
            if path.extension().is_some_and(|extension| extension == "avsc") {
                let name = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                files.push(SchemaFile { context: name(&context), name: name(&path), text: read(&path)? });
            }
        }
    }
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).map_err(|error| failure(folder, &error))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| failure(folder, &error))?;
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| failure(path, &error))
}

fn variable(name: &str) -> Result<String, Error> {
    env::var(name).map_err(|error| Error::new(format!("{name}: {error}; cargo sets it for build scripts")))
}

fn failure(path: &Path, error: &std::io::Error) -> Error {
    Error::new(format!("{}: {error}", path.display()))
}
