//! The account that Postgres runs as.

use std::{
    fmt, fs, io,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::{Command, Stdio},
    str::FromStr,
};

use anyhow::Context;

/// Tried in this order; the second is what macOS calls it.
const NAMES: [&str; 3] = ["postgres", "_postgres", "nobody"];

/// User and group of another account than ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    uid: u32,
    gid: u32,
}

/// The account to run Postgres as: our own, `None`, unless that is root, which Postgres refuses.
pub fn unprivileged() -> anyhow::Result<Option<Account>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let passwd = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
    let found = NAMES.iter().find_map(|name| find(&passwd, name));
    // the kernel's own idea of nobody
    Ok(Some(found.unwrap_or(Account { uid: 65_534, gid: 65_534 })))
}

fn find(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let named = fields.next()? == name;
        let (uid, gid) = (fields.nth(1)?, fields.next()?);
        let account = Account { uid: uid.parse().ok()?, gid: gid.parse().ok()? };
        (named && account.uid != 0).then_some(account)
    })
}

impl Account {
    /// Whether the account may enter the directory: one under root's home cannot be reached.
    /// Asked of the system itself, since more than the mode bits has a say.
    pub fn reaches(self, directory: &Path) -> bool {
        let mut test = Command::new("/bin/sh");
        test.args(["-c", "cd -- \"$0\""]).arg(directory).current_dir("/");
        self.assume(&mut test);
        test.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        test.status().is_ok_and(|status| status.success())
    }

    /// Lets a command run as this account; its other groups are given up too.
    pub fn assume(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }

    /// Gives the directory, and all that is in it, to the account, unless it has it already.
    pub fn take_over(self, directory: &Path) -> io::Result<()> {
        let metadata = fs::symlink_metadata(directory)?;
        if metadata.uid() == self.uid {
            return Ok(());
        }
        if metadata.is_dir() {
            for entry in fs::read_dir(directory)? {
                self.take_over(&entry?.path())?;
            }
        }
        // last, so that one that was interrupted is done again
        if metadata.is_symlink() {
            return Ok(());
        }
        chown(directory, Some(self.uid), Some(self.gid))
    }

    pub fn uid(self) -> u32 {
        self.uid
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.uid, self.gid)
    }
}

impl FromStr for Account {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ids = text
            .split_once(':')
            .and_then(|(uid, gid)| Some(Self { uid: uid.parse().ok()?, gid: gid.parse().ok()? }));
        ids.ok_or_else(|| format!("{text:?} is not an account such as 1000:1000"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
                          broken\n\
                          nobody:*:-2:-2:macOS:/:/usr/bin/false\n\
                          postgres:x:101:102:,,,:/var/lib/postgresql:/bin/bash\n";

    #[test]
    fn an_account_is_found_by_its_name() {
        assert_eq!(find(PASSWD, "postgres"), Some(Account { uid: 101, gid: 102 }));
        assert_eq!(find(PASSWD, "nobody"), None, "an id below zero is not one for us");
        assert_eq!(find(PASSWD, "root"), None);
        assert_eq!(find(PASSWD, "post"), None);
    }

    #[test]
    fn an_account_is_written_and_read() {
        let account = Account { uid: 101, gid: 102 };
        assert_eq!(account.to_string().parse(), Ok(account));
        assert!("101".parse::<Account>().is_err());
    }
}
