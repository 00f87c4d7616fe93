//! Kafka's console tools under the names that its users type, running the classes from Maven's jars.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::failure::{Context, Result};
use crate::kafka;

const TOOLS: [(&str, &str); 6] = [
    ("kafka-console-producer", "org.apache.kafka.tools.ConsoleProducer"),
    ("kafka-console-consumer", "org.apache.kafka.tools.consumer.ConsoleConsumer"),
    ("kafka-topics", "org.apache.kafka.tools.TopicCommand"),
    ("kafka-consumer-groups", "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"),
    ("kafka-get-offsets", "org.apache.kafka.tools.GetOffsetShell"),
    ("kafka-configs", "kafka.admin.ConfigCommand"),
];

/// Writes a script for each tool, with and without `.sh`, and returns their folder.
pub fn write(folder: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(folder).context(|| format!("cannot make {}", folder.display()))?;
    let libs = kafka::libs()?;
    let logging = kafka::logging()?;
    for (name, class) in TOOLS {
        let script = format!(
            "#!/bin/sh\nexec java -Xmx256m -cp '{}/*' -Dlog4j2.configurationFile='{}' {class} \"$@\"\n",
            libs.display(),
            logging.display()
        );
        for name in [name.to_owned(), format!("{name}.sh")] {
            let file = folder.join(name);
            let doing = || format!("cannot write {}", file.display());
            std::fs::write(&file, &script).context(doing)?;
            let executable = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(&file, executable).context(doing)?;
        }
    }
    Ok(folder.to_path_buf())
}
