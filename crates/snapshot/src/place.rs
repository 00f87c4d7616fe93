mod folder;
mod objects;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use url::Url;

use self::folder::Folder;
use self::objects::Objects;
use crate::Error;

/// The longest that anything asked of a place may take, its own tries included.
const DEADLINE: Duration = Duration::from_secs(60);

/// Where objects lie: a folder, or a bucket. Objects have names of steps with slashes between; they are written whole or
/// not at all.
#[derive(Clone)]
pub struct Place {
    kind: Kind,
    shown: String,
}

#[derive(Clone)]
enum Kind {
    Folder(Folder),
    Objects(Objects),
}

/// What lies directly under a name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listed {
    /// Objects, by the last step of their name.
    pub objects: Vec<String>,
    /// Further steps.
    pub folders: Vec<String>,
}

/// Kinds of object stores: the schemes of their URLs, and the feature with which they are built.
const CLOUDS: [(&[&str], &str, bool); 3] = [
    (&["s3", "s3a"], "s3", cfg!(feature = "s3")),
    (&["gs"], "gcs", cfg!(feature = "gcs")),
    (&["az", "azure", "abfs", "abfss", "adl"], "azure", cfg!(feature = "azure")),
];

impl Place {
    /// A folder's path, `file:///…`, `s3://bucket/…`, `gs://bucket/…` or `az://container/…`. Keys and regions come from the
    /// environment, as the clouds' own tools read them: `AWS_*`, `GOOGLE_*`, `AZURE_*`.
    ///
    /// # Errors
    /// [`Error::Configuration`] for what is none of these, or what this build has no part for.
    pub fn open(text: &str, environment: &BTreeMap<String, String>) -> Result<Self, Error> {
        if !text.contains("://") {
            return Self::folder(Path::new(text));
        }
        // The text is not repeated: people write passwords where they don't belong.
        let url = Url::parse(text)
            .map_err(|error| Error::Configuration(format!("the address for snapshots is no URL: {error}")))?;
        if url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(Error::Configuration(
                "the address for snapshots is a place only: keys belong in the environment (AWS_*, GOOGLE_*, AZURE_*)"
                    .to_owned(),
            ));
        }
        if url.scheme() == "file" {
            let path = url.to_file_path();
            let path = path.map_err(|()| Error::Configuration(format!("{url} names no folder: write file:///…")))?;
            return Self::folder(&path);
        }
        let Some((_, feature, is_built)) = CLOUDS.iter().find(|(schemes, ..)| schemes.contains(&url.scheme())) else {
            return Err(Error::Configuration(format!(
                "snapshots can't lie in {}://: use a folder, s3://, gs:// or az://",
                url.scheme()
            )));
        };
        if !is_built {
            return Err(Error::Configuration(format!(
                "this build has no {}:// : build it with `--features {feature}`, or use a folder",
                url.scheme()
            )));
        }
        let keys = environment.iter().filter(|(name, _)| {
            ["AWS_", "GOOGLE_", "AZURE_"].iter().any(|prefix| name.to_ascii_uppercase().starts_with(prefix))
        });
        Ok(Self { kind: Kind::Objects(Objects::open(&url, keys)?), shown: url.to_string() })
    }

    fn folder(path: &Path) -> Result<Self, Error> {
        Ok(Self { kind: Kind::Folder(Folder::open(path)?), shown: path.display().to_string() })
    }

    #[cfg(test)]
    pub(crate) fn in_memory() -> Self {
        Self { kind: Kind::Objects(Objects::in_memory()), shown: "memory".to_owned() }
    }

    /// Writes an object.
    pub(crate) async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), Error> {
        in_time(name, async {
            match &self.kind {
                Kind::Folder(folder) => folder.put(name, bytes).await,
                Kind::Objects(objects) => objects.put(name, bytes).await,
            }
        })
        .await
    }

    /// Reads an object, of so many bytes at most.
    pub(crate) async fn get(&self, name: &str, bytes_max: u64) -> Result<Vec<u8>, Error> {
        in_time(name, async {
            match &self.kind {
                Kind::Folder(folder) => folder.get(name, bytes_max).await,
                Kind::Objects(objects) => objects.get(name, bytes_max).await,
            }
        })
        .await
    }

    /// Removes an object; one that is not there is no error.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), Error> {
        let deleted = in_time(name, async {
            match &self.kind {
                Kind::Folder(folder) => folder.delete(name).await,
                Kind::Objects(objects) => objects.delete(name).await,
            }
        });
        match deleted.await {
            Err(Error::Absent(_)) => Ok(()),
            deleted => deleted,
        }
    }

    /// Removes whatever lies directly under a name, written whole or not; where nothing does is no error.
    pub(crate) async fn delete_under(&self, name: &str) -> Result<(), Error> {
        match &self.kind {
            Kind::Folder(folder) => match in_time(name, folder.delete_under(name)).await {
                Err(Error::Absent(_)) => Ok(()),
                deleted => deleted,
            },
            Kind::Objects(_) => {
                for object in self.list(name).await?.objects {
                    self.delete(&format!("{name}/{object}")).await?;
                }
                Ok(())
            }
        }
    }

    /// What lies directly under a name; nothing where nothing does.
    pub(crate) async fn list(&self, name: &str) -> Result<Listed, Error> {
        let mut listed = in_time(name, async {
            match &self.kind {
                Kind::Folder(folder) => folder.list(name).await,
                Kind::Objects(objects) => objects.list(name).await,
            }
        })
        .await?;
        listed.objects.sort();
        listed.folders.sort();
        Ok(listed)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Place").field(&self.shown).finish()
    }
}

async fn in_time<T>(name: &str, asked: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let late = |_| Error::Place(format!("{name}: no answer within {} s", DEADLINE.as_secs()));
    tokio::time::timeout(DEADLINE, asked).await.map_err(late)?
}

fn too_large(name: &str, bytes: u64, bytes_max: u64) -> Error {
    Error::Damaged(format!("{name} has {bytes} bytes, and not {bytes_max} at most"))
}

#[cfg(test)]
mod tests;
