//! What each part is called where, and the line that installs it.

use super::probe::{Part, on_path};
use crate::process;

/// A package manager that we know the names of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// Debian, Ubuntu.
    Apt,
    /// Fedora, RHEL.
    Dnf,
    /// macOS.
    Brew,
}

impl Manager {
    /// The one of this machine.
    pub fn of_this_machine() -> Option<Self> {
        let known = [("apt-get", Self::Apt), ("dnf", Self::Dnf), ("brew", Self::Brew)];
        known.into_iter().find(|(program, _)| on_path(program)).map(|(_, manager)| manager)
    }

    /// The lines that install `parts`, ready for a shell.
    pub fn install_lines(self, parts: &[Part]) -> Vec<String> {
        let mut names: Vec<&str> = Vec::new();
        for part in parts {
            let name = self.package(*part);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let names = names.join(" ");
        match self {
            Self::Apt => vec!["apt-get update".into(), format!("apt-get install -y --no-install-recommends {names}")],
            Self::Dnf => vec![format!("sudo dnf install -y {names}")],
            Self::Brew => vec![format!("brew install {names}")],
        }
    }

    /// What the part is called here.
    fn package(self, part: Part) -> &'static str {
        match (self, part) {
            (Self::Apt, Part::CCompiler | Part::CxxCompiler) => "g++",
            (Self::Apt, Part::OpenSsl) => "libssl-dev",
            (Self::Apt, Part::Zlib) => "zlib1g-dev",
            (Self::Apt, Part::Libclang) => "libclang-dev",
            (Self::Apt, Part::Jdk) => apt_jdk(),
            (Self::Dnf, Part::CCompiler | Part::CxxCompiler) => "gcc-c++",
            (Self::Dnf, Part::OpenSsl) => "openssl-devel",
            (Self::Dnf, Part::Zlib) => "zlib-devel",
            (Self::Dnf, Part::Libclang) => "clang-devel",
            (Self::Dnf, Part::Jdk) => "java-latest-openjdk-devel",
            (Self::Dnf, Part::PkgConfig) => "pkgconf-pkg-config",
            (Self::Brew, Part::CCompiler | Part::CxxCompiler | Part::Libclang) => "llvm",
            (Self::Brew, Part::OpenSsl) => "openssl@3",
            (Self::Brew, Part::Zlib) => "zlib",
            (Self::Brew, Part::Jdk) => "openjdk@17",
            (_, Part::Make) => "make",
            (_, Part::PkgConfig) => "pkg-config",
            (_, Part::Maven) => "maven",
            (_, Part::Kcat) => "kcat",
            (_, Part::Curl) => "curl",
        }
    }
}

/// Newer Debians have no JDK 17 any more; their default is newer and serves as well.
fn apt_jdk() -> &'static str {
    let wanted = "openjdk-17-jdk-headless";
    let known = process::output(std::process::Command::new("apt-cache").args(["policy", wanted]))
        .is_ok_and(|said| said.contains("Candidate:") && !said.contains("Candidate: (none)"));
    // Without package lists nothing is known: Debian 12 and Ubuntu up to 24.04 have it.
    let lists_are_empty = std::fs::read_dir("/var/lib/apt/lists")
        .map_or(true, |mut entries| !entries.any(|e| e.is_ok_and(|e| e.path().is_file())));
    if known || lists_are_empty { wanted } else { "default-jdk-headless" }
}
