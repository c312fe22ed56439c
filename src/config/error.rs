//! Why the start was refused.

/// Names the variable or key that is wrong, and says why, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {problem}")]
pub struct ConfigError {
    name: String,
    problem: String,
}

impl ConfigError {
    pub(super) fn new(name: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { name: name.into(), problem: problem.into() }
    }

    /// The variable, or the key in a file.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether both name the same.
    pub(super) fn is_about(&self, other: &Self) -> bool {
        self.name == other.name
    }

    /// About a setting; named as the environment names it, since that is where it can be mended:
    /// the files are compiled in.
    pub(super) fn about(key: &str, problem: impl Into<String>) -> Self {
        Self::new(super::keys::variable(key), problem)
    }
}
