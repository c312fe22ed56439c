//! Finding `postgres` and `initdb`.

use std::{
    cmp::Reverse,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

use super::account::Account;

/// Where packages put a version each: the parent, what the version's directory begins with, and
/// the way on from there.
const PLACES: [(&str, &str, &str); 7] = [
    ("/usr/lib/postgresql", "", "bin"), // Debian, Ubuntu
    ("/usr/libexec", "postgresql", ""), // Alpine
    ("/usr", "pgsql-", "bin"),          // PGDG on Fedora and its kin
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

const NOT_FOUND: &str = "\
no Postgres was found on this machine. Any one of these helps:
  - scripts/run.sh, which installs it
  - apt-get install postgresql, or brew install postgresql@17
  - PG_BIN_DIR, the directory of `postgres` and `initdb`
  - DATABASE_URL, to use a Postgres server that runs elsewhere";

/// A directory with the programs of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    directory: PathBuf,
}

impl Binaries {
    /// The programs to run a cluster of version `major`, or, for a new one, the first that are
    /// found: in `PG_BIN_DIR`, on the path, or else the newest in the places of packages.
    pub fn find(major: Option<&str>, account: Option<Account>) -> anyhow::Result<Self> {
        let candidates = match env::var_os("PG_BIN_DIR").filter(|given| !given.is_empty()) {
            Some(directory) => {
                let given = Self::at(Path::new(&directory)).with_context(|| {
                    format!("PG_BIN_DIR={} has no postgres and initdb", directory.display())
                })?;
                vec![given]
            }
            None => everywhere(),
        };
        Self::choose(candidates, major, account)
    }

    fn choose(
        candidates: Vec<Self>,
        wanted: Option<&str>,
        account: Option<Account>,
    ) -> anyhow::Result<Self> {
        let mut seen = Vec::new();
        for candidate in candidates {
            match candidate.major(account) {
                Ok(major) if wanted.is_none_or(|wanted| wanted == major) => return Ok(candidate),
                Ok(major) => seen.push(format!("{} ({major})", candidate.directory.display())),
                Err(error) => seen.push(format!("{} ({error:#})", candidate.directory.display())),
            }
        }
        match (seen.is_empty(), wanted) {
            (true, _) => bail!(NOT_FOUND),
            (false, Some(wanted)) => bail!(
                "the data was written by Postgres {wanted}, but there is only {}; install version \
                 {wanted}, or name its directory in PG_BIN_DIR",
                seen.join(", ")
            ),
            (false, None) => bail!("no usable Postgres, only {}; {NOT_FOUND}", seen.join(", ")),
        }
    }

    /// The programs in a directory. Symlinks are resolved, because Postgres looks for its other
    /// files beside the place it is started from.
    fn at(directory: &Path) -> Option<Self> {
        let postgres = fs::canonicalize(directory.join("postgres")).ok()?;
        let directory = postgres.parent()?.to_path_buf();
        let complete = postgres.is_file() && directory.join("initdb").is_file();
        complete.then_some(Self { directory })
    }

    /// The major version, as in `PG_VERSION`. Asked under the account that is to run it, which
    /// might not be allowed to.
    fn major(&self, account: Option<Account>) -> anyhow::Result<String> {
        let mut command = Command::new(self.postgres());
        command.arg("--version").current_dir("/");
        if let Some(account) = account {
            account.assume(&mut command);
        }
        let output = command.output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        major_of(&text).with_context(|| format!("does not tell its version: {text:?}"))
    }

    pub fn postgres(&self) -> PathBuf {
        self.directory.join("postgres")
    }

    pub fn initdb(&self) -> PathBuf {
        self.directory.join("initdb")
    }
}

fn everywhere() -> Vec<Binaries> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut packaged: Vec<PathBuf> = PLACES.iter().flat_map(versions).collect();
    packaged.sort_by_cached_key(|directory| Reverse(number_in(directory)));
    let mut found = Vec::new();
    for directory in env::split_paths(&path).chain(packaged) {
        if let Some(binaries) = Binaries::at(&directory)
            && !found.contains(&binaries)
        {
            found.push(binaries);
        }
    }
    found
}

fn versions((parent, prefix, rest): &(&str, &str, &str)) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path().join(rest))
        .collect()
}

/// The version in a package's path; a name without one, such as `latest`, comes last.
fn number_in(directory: &Path) -> u32 {
    let text = directory.to_string_lossy();
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    numbers.next_back().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// `postgres (PostgreSQL) 15.9 (Debian 15.9-0+deb12u1)` → `15`
fn major_of(version: &str) -> Option<String> {
    let number =
        version.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    Some(number.chars().take_while(char::is_ascii_digit).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read() {
        for (text, major) in [
            ("postgres (PostgreSQL) 15.9 (Debian 15.9-0+deb12u1)\n", Some("15")),
            ("postgres (PostgreSQL) 18.0", Some("18")),
            ("postgres (PostgreSQL) 19beta1", Some("19")),
            ("", None),
        ] {
            assert_eq!(major_of(text).as_deref(), major, "{text}");
        }
    }

    #[test]
    fn the_newest_version_comes_first() {
        assert!(
            number_in(Path::new("/usr/lib/postgresql/17/bin"))
                > number_in(Path::new("/usr/pgsql-9/bin"))
        );
        assert_eq!(
            number_in(Path::new("/Applications/Postgres.app/Contents/Versions/latest/bin")),
            0
        );
    }

    #[test]
    fn symlinks_on_the_path_are_resolved() {
        let scratch = tempfile::tempdir().unwrap();
        let (real, links) = (scratch.path().join("real"), scratch.path().join("links"));
        fs::create_dir(&real).unwrap();
        fs::create_dir(&links).unwrap();
        for program in ["postgres", "initdb"] {
            fs::write(real.join(program), "").unwrap();
        }
        std::os::unix::fs::symlink(real.join("postgres"), links.join("postgres")).unwrap();
        let real = fs::canonicalize(real).unwrap();
        assert_eq!(Binaries::at(&links), Some(Binaries { directory: real.clone() }));
        fs::remove_file(real.join("initdb")).unwrap();
        assert_eq!(Binaries::at(&links), None);
    }

    #[test]
    fn what_to_do_without_postgres_is_said() {
        let error = Binaries::choose(Vec::new(), None, None).unwrap_err().to_string();
        for remedy in ["scripts/run.sh", "PG_BIN_DIR", "DATABASE_URL", "apt-get"] {
            assert!(error.contains(remedy), "{error}");
        }
    }
}
