//! Optimistic locking over HTTP: strong `ETag`s made of a version, and `If-Match`.

/// The strong entity tag of a version: `"7"`.
pub fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// What a client demands with `If-Match` (RFC 9110, section 13.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: whatever version there is.
    Any,
    /// `"7"`: only if it is still this version.
    Version(i64),
    /// Well-formed or not, no version of ours: it can never match.
    Never,
}

impl IfMatch {
    pub fn parse(header: &str) -> Self {
        match header.trim() {
            "*" => Self::Any,
            tag => tag
                .strip_prefix('"')
                .and_then(|t| t.strip_suffix('"'))
                .and_then(|t| t.parse().ok())
                .map_or(Self::Never, Self::Version),
        }
    }

    pub fn matches(self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::Version(v) => v == version,
            Self::Never => false,
        }
    }
}

/// Does `If-None-Match` name this tag? Weak comparison, lists and `*` (RFC 9110, section 13.1.2).
pub fn none_match(header: &str, etag: &str) -> bool {
    header
        .split(',')
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_knows_versions_stars_and_strangers() {
        assert!(IfMatch::parse("\"7\"").matches(7));
        assert!(!IfMatch::parse("\"6\"").matches(7));
        assert!(IfMatch::parse("*").matches(7));
        assert!(!IfMatch::parse("W/\"7\"").matches(7), "If-Match compares strongly");
        assert!(!IfMatch::parse("7").matches(7));
    }

    #[test]
    fn if_none_match_compares_weakly_and_takes_lists() {
        assert!(none_match("\"1\", W/\"2\"", "\"2\""));
        assert!(none_match("*", "\"2\""));
        assert!(!none_match("\"1\"", "\"2\""));
    }
}
