//! The interpreter that has what `tests/requirements.txt` lists.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

use super::{CAREFORALL, sources};

/// In the target directory. `scripts/test.sh` has made it; whoever runs cargo alone gets it here, by
/// the same lines.
pub static PYTHON: LazyLock<PathBuf> = LazyLock::new(|| {
    let target = Path::new(CAREFORALL).ancestors().nth(2).unwrap();
    let venv = target.join("python");
    let install = ". scripts/lib/common.sh; . scripts/lib/setup.sh; ensure_python_packages \"$1\"";
    let mut command = Command::new("bash");
    command.args(["-euc", install, "-"]).arg(&venv).current_dir(sources::root());
    let done = command.stdin(Stdio::null()).output().unwrap();
    assert!(
        done.status.success(),
        "tests/requirements.txt cannot be installed into {}; this test needs it: {}",
        venv.display(),
        String::from_utf8_lossy(&done.stderr)
    );
    venv.join("bin/python")
});
