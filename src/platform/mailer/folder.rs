//! Mail as files, for development. They hold codes that open accounts, so that nobody but this
//! process's user may read them.

use std::{
    io,
    path::{Path, PathBuf},
};

use futures_util::future::BoxFuture;
use lettre::Message;
use tokio::{
    fs::{self, DirBuilder, OpenOptions},
    io::AsyncWriteExt,
};
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
            let failed = |error: io::Error| Undelivered::ForNow(error.to_string());
            DirBuilder::new().recursive(true).mode(0o700).create(&self.0).await.map_err(failed)?;
            let draft = self.0.join(format!(".{id}.part"));
            write(&draft, &message.formatted()).await.map_err(failed)?;
            fs::rename(&draft, self.0.join(format!("{id}.eml"))).await.map_err(failed)
        })
    }
}

async fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path).await?;
    file.write_all(text).await?;
    file.flush().await
}
