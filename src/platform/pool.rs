//! How full a pool of connections is.

#[derive(Debug, Clone, Copy)]
pub struct PoolStatus {
    /// Connections that are open.
    pub size: usize,
    /// Of them, those that nobody uses.
    pub available: usize,
    /// Who waits for one.
    pub waiting: usize,
    pub max_size: usize,
}
