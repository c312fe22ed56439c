//! Mail as files, for development.

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use lettre::Message;
use tokio::fs;
use uuid::Uuid;

use super::transport::{Transport, Undelivered};

/// Writes `<id>.eml`. A file that is there is whole, and the same mail is the same file.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }
}

impl Transport for Folder {
    fn deliver(&self, id: Uuid, message: Message) -> BoxFuture<'_, Result<(), Undelivered>> {
        Box::pin(async move {
            let failed = |error: std::io::Error| Undelivered::ForNow(error.to_string());
            fs::create_dir_all(&self.0).await.map_err(failed)?;
            let draft = self.0.join(format!(".{id}.part"));
            fs::write(&draft, message.formatted()).await.map_err(failed)?;
            fs::rename(&draft, self.0.join(format!("{id}.eml"))).await.map_err(failed)
        })
    }
}
