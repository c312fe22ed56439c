//! The fields of a request: form-encoded, with brackets in their names.

/// In the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(pub Vec<(String, String)>);

impl Fields {
    pub fn read(encoded: &str) -> Self {
        let url = format!("http://x/?{encoded}").parse::<reqwest::Url>().unwrap();
        Self(url.query_pairs().map(|(name, value)| (name.into(), value.into())).collect())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        self.get(name).map(|value| value.parse().unwrap())
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect()
    }

    /// `metadata[name]=value` as an object.
    pub fn metadata(&self) -> serde_json::Value {
        let members = self.0.iter().filter_map(|(name, value)| {
            let name = name.strip_prefix("metadata[")?.strip_suffix(']')?;
            Some((name.to_owned(), serde_json::Value::from(value.as_str())))
        });
        serde_json::Value::Object(members.collect())
    }
}
