//! Objects that survive a restart: all of them in one file, which is replaced whole.

use std::fs;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::kinds::{CUSTOM_RESOURCE_DEFINITION, Kind, custom};
use crate::sandbox::Sandbox;

/// How often what has changed is written.
const INTERVAL: Duration = Duration::from_secs(1);

/// A file of objects.
pub struct Persisted {
    file: PathBuf,
}

impl Persisted {
    /// The file in a folder, which is made if it is missing.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn within(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self { file: folder.join("objects.json") })
    }

    /// Puts the objects of the file into a server, as they were; says whether there were any.
    ///
    /// # Errors
    /// If there is a file that cannot be read.
    pub fn restore(&self, sandbox: &Sandbox) -> Result<bool> {
        let Ok(file) = fs::File::open(&self.file) else {
            return Ok(false);
        };
        let content: Value = serde_json::from_reader(BufReader::new(file))
            .with_context(|| format!("cannot read {}", self.file.display()))?;
        let objects = content.get("objects").and_then(Value::as_object);
        let mut state = sandbox.state();
        let of = |collection: &str| {
            let objects = objects.and_then(|objects| objects.get(collection));
            objects.and_then(Value::as_array).into_iter().flatten()
        };
        for definition in of(CUSTOM_RESOURCE_DEFINITION.collection()) {
            let kinds = custom::of_definition(definition);
            if let Some(first) = kinds.first() {
                state.store.register(first);
                state.kinds.define(first.collection(), kinds);
            }
        }
        let mut known: Vec<&'static str> = Vec::new();
        let kinds: Vec<&'static Kind> = state.kinds.all().collect();
        for kind in kinds {
            if known.contains(&kind.collection()) {
                continue;
            }
            known.push(kind.collection());
            of(kind.collection()).for_each(|object| state.store.restore(kind, object.clone()));
        }
        let revision = content.get("revision").and_then(Value::as_u64).unwrap_or(0);
        state.store.restored(revision);
        Ok(true)
    }

    /// Writes the objects whenever they have changed, for as long as it is polled.
    pub async fn keep(&self, sandbox: &Sandbox) {
        let mut written = 0;
        loop {
            tokio::time::sleep(INTERVAL).await;
            if sandbox.state().store.revision() == written {
                continue;
            }
            match self.write(sandbox) {
                Ok(revision) => written = revision,
                Err(error) => eprintln!("{error:#}; it is tried again."),
            }
        }
    }

    /// Writes the objects, and says at which revision.
    ///
    /// # Errors
    /// If the file cannot be written. What was in it before is still there then.
    pub fn write(&self, sandbox: &Sandbox) -> Result<u64> {
        let (revision, content) = {
            let state = sandbox.state();
            let objects: serde_json::Map<String, Value> = state
                .store
                .everything()
                .map(|(collection, objects)| (collection.to_owned(), objects))
                .collect();
            let revision = state.store.revision();
            (revision, json!({"revision": revision, "objects": objects}))
        };
        let folder = self.file.parent().unwrap_or(Path::new("."));
        let written = || -> Result<()> {
            // In its folder, so that it can take the place of the old one in one step.
            let mut file = BufWriter::new(tempfile::NamedTempFile::new_in(folder)?);
            serde_json::to_writer(&mut file, &content)?;
            file.flush()?;
            file.into_inner()?.persist(&self.file)?;
            Ok(())
        };
        written().with_context(|| format!("cannot write {}", self.file.display()))?;
        Ok(revision)
    }
}
