//! The directory: where it is, what is in it, and who may use it.
//!
//! ```text
//! lock           held by the server, with its process id
//! guard.lock     held by the guard while its Postgres runs
//! pg/            the cluster; pg.new/ while it is made
//! run/           the socket, in a directory that only Postgres' account and root may enter
//! postgres.log   what Postgres and the guard say, and postgres.log.1 from before
//! ```

use std::{
    fs::{self, File, OpenOptions, Permissions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use sha2::{Digest, Sha256};

use super::account::Account;

/// The kernel's limit on the path of a socket, on the stricter systems, less the file's name.
const LONGEST_SOCKET_DIR: usize = 103 - "/.s.PGSQL.5432".len();

/// The log begins anew when it has become longer than this.
const LONGEST_LOG: u64 = 16 << 20;

/// How long the Postgres of the last server may take for its last checkpoint.
const LAST_GUARD_WITHIN: Duration = Duration::from_mins(1);

#[derive(Debug, Clone)]
pub struct Directory {
    pub root: PathBuf,
    pub sockets: PathBuf,
}

impl Directory {
    /// Makes the directory if need be. If `account` cannot reach it, another takes its place,
    /// always the same for the same wish.
    pub fn prepare(wanted: &Path, account: Option<Account>) -> anyhow::Result<Self> {
        let mut root = make(wanted)?;
        if let Some(account) = account
            && !account.reaches(&root)
        {
            let other = Path::new("/var/lib").join(format!("careforall-{}", digest(&root)));
            tracing::warn!(
                wanted = %root.display(), used = %other.display(),
                "the account that Postgres runs as cannot reach the data directory; using another"
            );
            root = make(&other)?;
        }
        let sockets = socket_dir(&root, account)?;
        Ok(Self { root, sockets })
    }

    /// Keeps every other server out until the file is dropped or the process ends.
    pub fn lock(&self) -> anyhow::Result<File> {
        if let Some(file) = self.try_lock()? {
            return Ok(file);
        }
        let holder = fs::read_to_string(self.lock_file())?;
        bail!(
            "{} is in use by another server (process {}). Stop it first, or give this one \
             a directory of its own with CAREFORALL_EMBEDDED__DATA_DIR",
            self.root.display(),
            holder.trim()
        );
    }

    /// The same; `None`: another server is in.
    pub fn try_lock(&self) -> anyhow::Result<Option<File>> {
        let path = self.lock_file();
        let mut file = open_lock(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Some(file))
    }

    /// Waits until the guard of a server that was killed has stopped its Postgres.
    pub fn await_last_guard(&self) -> anyhow::Result<()> {
        let file = open_lock(&self.guard_lock())?;
        let deadline = Instant::now() + LAST_GUARD_WITHIN;
        while let Err(TryLockError::WouldBlock) = file.try_lock() {
            ensure!(
                Instant::now() < deadline,
                "the Postgres of the last server in {} does not end",
                self.root.display()
            );
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn lock_file(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub fn data(&self) -> PathBuf {
        self.root.join("pg")
    }

    pub fn scratch(&self) -> PathBuf {
        self.root.join("pg.new")
    }

    pub fn guard_lock(&self) -> PathBuf {
        self.root.join("guard.lock")
    }

    pub fn log(&self) -> PathBuf {
        self.root.join("postgres.log")
    }

    pub fn open_log(&self) -> io::Result<File> {
        let log = self.log();
        if fs::metadata(&log).is_ok_and(|metadata| metadata.len() > LONGEST_LOG) {
            fs::rename(&log, self.root.join("postgres.log.1"))?;
        }
        OpenOptions::new().create(true).append(true).open(log)
    }

    /// The end of the log, for an error message.
    pub fn last_words(&self) -> String {
        let tail = File::open(self.log()).and_then(|mut file| {
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(800)))?;
            let mut tail = Vec::new();
            file.read_to_end(&mut tail)?;
            Ok(String::from_utf8_lossy(&tail).trim().to_owned())
        });
        format!("{}\n(from {})", tail.unwrap_or_default(), self.log().display())
    }
}

/// Makes the directory such that others may pass through, but not look around.
fn make(directory: &Path) -> anyhow::Result<PathBuf> {
    if !directory.exists() {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot make the directory {}", directory.display()))?;
        fs::set_permissions(directory, Permissions::from_mode(0o711))?;
    }
    fs::canonicalize(directory).with_context(|| format!("cannot reach {}", directory.display()))
}

fn open_lock(path: &Path) -> anyhow::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path).with_context(|| format!("cannot open {}", path.display()))
}

/// A socket's path must be short; a deep directory gets its sockets under `/tmp`.
fn socket_dir(root: &Path, account: Option<Account>) -> anyhow::Result<PathBuf> {
    let owner = account.map_or_else(|| rustix::process::geteuid().as_raw(), Account::uid);
    let near = root.join("run");
    // Postgres takes a comma for the end of a path
    let fits = near.as_os_str().len() <= LONGEST_SOCKET_DIR
        && !near.to_string_lossy().contains([',', '"']);
    let directory = if fits {
        near
    } else {
        Path::new("/tmp").join(format!("careforall-{owner}-{}", digest(root)))
    };
    match fs::DirBuilder::new().mode(0o700).create(&directory) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => {
            return Err(error).with_context(|| format!("cannot make {}", directory.display()));
        }
    }
    // somebody else may have made the one under /tmp, to listen in our place
    let metadata = fs::symlink_metadata(&directory)?;
    let ours = [owner, rustix::process::geteuid().as_raw()].contains(&metadata.uid());
    ensure!(metadata.is_dir() && ours, "{} belongs to somebody else", directory.display());
    fs::set_permissions(&directory, Permissions::from_mode(0o700))?;
    if let Some(account) = account {
        account.take_over(&directory)?;
    }
    Ok(directory)
}

/// Short, and the same in every version of this program.
fn digest(path: &Path) -> String {
    hex::encode(&Sha256::digest(path.as_os_str().as_encoded_bytes())[..6])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_is_kept_out_and_told_who_is_in() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = Directory::prepare(scratch.path(), None).unwrap();
        let held = directory.lock().unwrap();
        let error = directory.lock().unwrap_err().to_string();
        assert!(error.contains("is in use by another server"), "{error}");
        assert!(error.contains(&std::process::id().to_string()), "{error}");
        drop(held);
        directory.lock().unwrap();
    }

    #[test]
    fn a_deep_or_odd_directory_has_its_sockets_elsewhere() {
        let scratch = tempfile::tempdir().unwrap();
        for name in ["d".repeat(100), "a,b".to_owned()] {
            let directory = Directory::prepare(&scratch.path().join(name), None).unwrap();
            assert!(directory.sockets.starts_with("/tmp"), "{directory:?}");
            assert!(directory.sockets.as_os_str().len() <= LONGEST_SOCKET_DIR);
            let mode = fs::metadata(&directory.sockets).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
            fs::remove_dir(directory.sockets).unwrap();
        }
    }
}
