//! The providers that this process knows, by name.

use std::{collections::BTreeMap, sync::Arc};

use super::api::Provider;

/// Looks providers up; cheap to clone.
#[derive(Clone)]
pub struct Providers {
    by_name: Arc<BTreeMap<&'static str, Arc<dyn Provider>>>,
    default: &'static str,
}

impl Providers {
    /// `default` is used where a payment names none.
    pub fn new(providers: Vec<Arc<dyn Provider>>, default: &'static str) -> Self {
        let by_name = providers.into_iter().map(|provider| (provider.name(), provider)).collect();
        Self { by_name: Arc::new(by_name), default }
    }

    pub fn get(&self, name: &str) -> Option<&dyn Provider> {
        self.by_name.get(name).map(Arc::as_ref)
    }

    pub fn all(&self) -> impl Iterator<Item = &dyn Provider> {
        self.by_name.values().map(Arc::as_ref)
    }

    /// The named one, or the default.
    pub fn choose(&self, name: Option<&str>) -> Option<&dyn Provider> {
        self.get(name.unwrap_or(self.default))
    }
}
