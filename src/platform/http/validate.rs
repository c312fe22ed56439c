//! Turning what came over the wire into domain types, collecting every mistake at once.

use std::{borrow::Cow, ops::RangeInclusive};

use crate::kernel::problem::{FieldError, Problem};

/// The mistakes found so far.
#[derive(Debug, Default)]
pub struct Checks(Vec<FieldError>);

impl Checks {
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a mistake.
    pub fn fail(
        &mut self,
        field: &str,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) {
        let (code, message) = (code.into(), message.into());
        self.0.push(FieldError { field: field.to_owned(), code, message });
    }

    /// Notes a mistake unless `ok`.
    pub fn require(&mut self, ok: bool, field: &str, code: &'static str, message: &str) {
        if !ok {
            self.fail(field, code, message);
        }
    }

    /// The value, or a noted mistake.
    pub fn take<T, E: ToString>(&mut self, field: &str, value: Result<T, E>) -> Option<T> {
        value.map_err(|error| self.fail(field, "invalid", error.to_string())).ok()
    }

    /// `Ok` when nothing was wrong and `value` is there.
    ///
    /// # Errors
    /// `validation-failed` with every mistake noted.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Problem> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Problem::validation(self.0)),
        }
    }
}

/// A text of so many characters after trimming, free of control characters other than line breaks
/// and tabs.
///
/// # Errors
/// A sentence that names the bound.
pub fn text(value: &str, chars: RangeInclusive<usize>) -> Result<String, String> {
    let value = value.trim();
    if value.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err("must not contain control characters".to_owned());
    }
    if !chars.contains(&value.chars().count()) {
        return Err(format!("must have {} to {} characters", chars.start(), chars.end()));
    }
    Ok(value.to_owned())
}
