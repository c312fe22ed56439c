//! Our own sources, for the tests that read them.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The package's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file under `src`: (path from the package's root, text), sorted.
pub fn all() -> Vec<(String, String)> {
    under("src")
}

/// The same of `tests`.
pub fn tests() -> Vec<(String, String)> {
    under("tests")
}

fn under(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    walk(&root().join(folder), &mut files);
    files.sort();
    files.iter().map(|file| (name(file), fs::read_to_string(file).unwrap())).collect()
}

/// The names of the modules: the folders in `src/modules`, sorted.
pub fn modules() -> Vec<String> {
    folders(&root().join("src/modules"))
}

/// The migrations in the order in which they are applied.
pub fn migrations() -> Vec<String> {
    folders(&root().join("migrations"))
}

fn folders(of: &Path) -> Vec<String> {
    let entries = fs::read_dir(of).unwrap().map(Result::unwrap);
    let mut names: Vec<String> = entries
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn name(file: &Path) -> String {
    file.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/")
}
