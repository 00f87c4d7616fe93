//! The parts a machine must have, and how to see that each is really there.

use std::path::Path;
use std::process::Command;

use super::{Purpose, libclang};
use crate::process;

/// The oldest Java that Apache Kafka 4 brokers run on.
const JAVA_MIN: u32 = 17;

/// One part that may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `cc`.
    CCompiler,
    /// `c++`.
    CxxCompiler,
    /// librdkafka's own build.
    Make,
    /// Finds OpenSSL and zlib.
    PkgConfig,
    /// Headers of OpenSSL.
    OpenSsl,
    /// Headers of zlib.
    Zlib,
    /// bindgen reads RocksDB's header with it.
    Libclang,
    /// A Java development kit.
    Jdk,
    /// Fetches Apache Kafka and Apicurio Registry.
    Maven,
    /// The smoke tests use it as a foreign client.
    Kcat,
    /// The README's commands use it.
    Curl,
}

impl Part {
    /// Every part, in the order in which they are reported.
    pub const ALL: [Self; 11] = [
        Self::CCompiler,
        Self::CxxCompiler,
        Self::Make,
        Self::PkgConfig,
        Self::OpenSsl,
        Self::Zlib,
        Self::Libclang,
        Self::Jdk,
        Self::Maven,
        Self::Kcat,
        Self::Curl,
    ];

    /// What it is, for people.
    pub fn what(self) -> &'static str {
        match self {
            Self::CCompiler => "a C compiler (cc)",
            Self::CxxCompiler => "a C++ compiler (c++)",
            Self::Make => "make",
            Self::PkgConfig => "pkg-config",
            Self::OpenSsl => "the OpenSSL headers",
            Self::Zlib => "the zlib headers",
            Self::Libclang => "libclang with its headers",
            Self::Jdk => "a JDK, 17 or newer",
            Self::Maven => "Maven (mvn)",
            Self::Kcat => "kcat",
            Self::Curl => "curl",
        }
    }

    /// Whether `purpose` needs it.
    pub fn serves(self, purpose: Purpose) -> bool {
        let for_java = matches!(self, Self::Jdk | Self::Maven);
        let only_for_tests = for_java || matches!(self, Self::Kcat | Self::Curl);
        match purpose {
            Purpose::Build => !only_for_tests,
            Purpose::Test => true,
            Purpose::Java => for_java,
        }
    }

    /// Looks for the real thing.
    pub fn present(self) -> bool {
        match self {
            Self::CCompiler => on_path("cc") || std::env::var_os("CC").is_some(),
            Self::CxxCompiler => on_path("c++") || std::env::var_os("CXX").is_some(),
            Self::Make => on_path("make") || on_path("gmake"),
            Self::PkgConfig => on_path("pkg-config") || on_path("pkgconf"),
            Self::OpenSsl => std::env::var_os("OPENSSL_DIR").is_some() || known_to("openssl"),
            Self::Zlib => known_to("zlib") || Path::new("/usr/include/zlib.h").is_file(),
            Self::Libclang => libclang::present(),
            Self::Jdk => on_path("javac") && java_major().is_some_and(|major| major >= JAVA_MIN),
            Self::Maven => on_path("mvn"),
            Self::Kcat => on_path("kcat") || on_path("kafkacat"),
            Self::Curl => on_path("curl"),
        }
    }
}

/// Whether a program of that name lies in a folder of PATH.
pub fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

fn known_to(library: &str) -> bool {
    process::output(Command::new("pkg-config").args(["--exists", library])).is_ok()
}

fn java_major() -> Option<u32> {
    let output = Command::new("java").arg("-version").output().ok()?;
    major_of(&String::from_utf8_lossy(&output.stderr))
}

/// The major version in what `java -version` says: `"17.0.15"` is 17, `"1.8.0_412"` is 8.
pub fn major_of(said: &str) -> Option<u32> {
    let version = said.split('"').nth(1)?;
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    match numbers.next()?.parse().ok()? {
        1 => numbers.next()?.parse().ok(),
        major => Some(major),
    }
}
