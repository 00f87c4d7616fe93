//! A second listener with TLS and passwords, as clusters of companies have it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Result;
use crate::process;

/// Who may come in.
pub const USER: &str = "headwater";
/// This user's password, by SCRAM-SHA-512.
pub const PASSWORD: &str = "only-for-tests";
/// The JVM's own word for a keystore that protects nothing of worth.
const KEYSTORE_PASSWORD: &str = "changeit";

/// The listener's certificate, which is its own authority; the JDK's keytool makes it.
pub fn certificate(data_dir: &Path) -> PathBuf {
    data_dir.join("ca.pem")
}

fn keystore(data_dir: &Path) -> PathBuf {
    data_dir.join("broker.p12")
}

/// Makes a key for 127.0.0.1 and exports its certificate.
pub fn make_certificate(data_dir: &Path) -> Result<()> {
    let keytool = |action: &[&str]| -> Result<()> {
        let mut command = Command::new("keytool");
        command.args(action).args(["-alias", "broker", "-storetype", "PKCS12", "-storepass", KEYSTORE_PASSWORD]);
        process::output(command.arg("-keystore").arg(keystore(data_dir))).map(drop)
    };
    keytool(&[
        "-genkeypair",
        "-keyalg",
        "EC",
        "-groupname",
        "secp256r1",
        "-dname",
        "CN=localhost",
        "-ext",
        "SAN=IP:127.0.0.1,DNS:localhost",
        "-validity",
        "3650",
    ])?;
    keytool(&["-exportcert", "-rfc", "-file", &certificate(data_dir).display().to_string()])
}

/// The options of `headwater` that reach the listener.
pub fn how_to_reach(bootstrap: &str, data_dir: &Path) -> String {
    let ca = certificate(data_dir);
    format!(
        "-b {bootstrap} -X security.protocol=SASL_SSL -X sasl.mechanism=SCRAM-SHA-512 -X sasl.username={USER} \
         -X sasl.password={PASSWORD} -X ssl.ca.location={}",
        ca.display()
    )
}

/// What the storage is formatted with, so that the user is known from the start.
pub fn format_arguments() -> [String; 2] {
    ["--add-scram".to_owned(), format!("SCRAM-SHA-512=[name={USER},password={PASSWORD}]")]
}

/// The listener's part of server.properties.
pub fn properties(data_dir: &Path) -> String {
    format!(
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL
listener.name.sasl_ssl.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.ssl.keystore.type=PKCS12
listener.name.sasl_ssl.ssl.keystore.location={}
listener.name.sasl_ssl.ssl.keystore.password={KEYSTORE_PASSWORD}
",
        keystore(data_dir).display()
    )
}
