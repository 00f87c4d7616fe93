use std::sync::Arc;

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use url::Url;

use super::{Listed, too_large};
use crate::Error;

/// Objects in a bucket.
#[derive(Clone)]
pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
    root: Path,
}

impl Objects {
    pub(super) fn open<'e>(url: &Url, keys: impl Iterator<Item = (&'e String, &'e String)>) -> Result<Self, Error> {
        let opened = object_store::parse_url_opts(url, keys);
        let (store, root) = opened.map_err(|error| {
            Error::Configuration(format!("snapshots can't lie in {url}: {}", without_secrets(&error.to_string())))
        })?;
        Ok(Self { store: store.into(), root })
    }

    #[cfg(test)]
    pub(super) fn in_memory() -> Self {
        Self { store: Arc::new(object_store::memory::InMemory::new()), root: Path::from("under/this") }
    }

    fn path(&self, name: &str) -> Path {
        name.split('/').filter(|step| !step.is_empty()).fold(self.root.clone(), |path, step| path.join(step))
    }

    pub(super) async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), Error> {
        self.store.put(&self.path(name), bytes.into()).await.map(drop).map_err(|error| failed(name, &error))
    }

    pub(super) async fn get(&self, name: &str, bytes_max: u64) -> Result<Vec<u8>, Error> {
        let found = self.store.get(&self.path(name)).await.map_err(|error| failed(name, &error))?;
        if found.meta.size > bytes_max {
            return Err(too_large(name, found.meta.size, bytes_max));
        }
        let bytes = found.bytes().await.map_err(|error| failed(name, &error))?;
        Ok(bytes.into())
    }

    pub(super) async fn delete(&self, name: &str) -> Result<(), Error> {
        self.store.delete(&self.path(name)).await.map_err(|error| failed(name, &error))
    }

    pub(super) async fn list(&self, name: &str) -> Result<Listed, Error> {
        let found = self.store.list_with_delimiter(Some(&self.path(name))).await;
        let found = found.map_err(|error| failed(name, &error))?;
        let last = |path: &Path| path.filename().map(ToOwned::to_owned);
        Ok(Listed {
            objects: found.objects.iter().filter_map(|object| last(&object.location)).collect(),
            folders: found.common_prefixes.iter().filter_map(last).collect(),
        })
    }
}

fn failed(name: &str, error: &object_store::Error) -> Error {
    match error {
        object_store::Error::NotFound { .. } => Error::Absent(name.to_owned()),
        error => Error::Place(format!("{name}: {}", without_secrets(&error.to_string()))),
    }
}

/// A request's URL may carry a signature behind its question mark.
pub(super) fn without_secrets(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut is_hidden = false;
    for character in text.chars() {
        is_hidden &= !(character.is_whitespace() || matches!(character, '"' | ')' | '>'));
        if !is_hidden {
            shown.push(character);
        }
        is_hidden |= character == '?';
    }
    shown
}
