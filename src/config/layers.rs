//! The layers: files below, the environment on top, and which of them a bad value came from.

use std::collections::BTreeMap;

use config::{FileFormat, FileSourceString, builder::DefaultState};

use super::{
    Config, ConfigError, Profile,
    keys::{self, Name},
};

/// The text of each file.
pub struct Files<'a> {
    pub default: &'a str,
    pub development: &'a str,
    pub demo: &'a str,
    pub production: &'a str,
}

pub const COMPILED_IN: Files<'static> = Files {
    default: include_str!("../../config/default.toml"),
    development: include_str!("../../config/development.toml"),
    demo: include_str!("../../config/demo.toml"),
    production: include_str!("../../config/production.toml"),
};

impl Files<'_> {
    fn of(&self, profile: Profile) -> &str {
        match profile {
            Profile::Development => self.development,
            Profile::Demo => self.demo,
            Profile::Production => self.production,
        }
    }
}

/// The variables of this process that may concern us.
pub fn environment() -> Result<Vec<(String, String)>, ConfigError> {
    let mut ours = Vec::new();
    for (name, value) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| keys::read(name) != Name::Foreign) else {
            continue;
        };
        let Ok(value) = value.into_string() else {
            return Err(ConfigError::new(name, "the value is not UTF-8"));
        };
        ours.push((name.to_owned(), value));
    }
    Ok(ours)
}

/// The files and the environment, put on top of each other.
pub struct Layers {
    merged: config::Config,
    /// The variable that set a key.
    origins: BTreeMap<&'static str, String>,
    profile: Profile,
}

impl Layers {
    pub fn new(
        files: &Files<'_>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let set = settings(environment)?;
        let profile = match set.get("profile") {
            Some((name, value)) => {
                value.parse().map_err(|problem: String| ConfigError::new(name, problem))?
            }
            None => Profile::Development,
        };
        let broken = |e: config::ConfigError| ConfigError::new("config", e.to_string());
        let mut builder = config::ConfigBuilder::<DefaultState>::default()
            .add_source(file(files.default))
            .add_source(file(files.of(profile)))
            .set_override("profile", profile.as_str())
            .map_err(broken)?;
        let mut origins = BTreeMap::new();
        for (key, (name, value)) in set {
            builder = builder.set_override(key, value).map_err(broken)?;
            origins.insert(key, name);
        }
        Ok(Self { merged: builder.build().map_err(broken)?, origins, profile })
    }

    pub fn deserialize(self) -> Result<Config, ConfigError> {
        let Self { merged, origins, profile } = self;
        merged.try_deserialize().map_err(|error| {
            let (key, problem) = describe(error, String::new());
            let in_files = || format!("{key} (config/default.toml, config/{profile}.toml)");
            ConfigError::new(origins.get(key.as_str()).cloned().unwrap_or_else(in_files), problem)
        })
    }
}

fn file(text: &str) -> config::File<FileSourceString, FileFormat> {
    config::File::from_str(text, FileFormat::Toml)
}

/// Which keys the environment sets, by which variable, to what.
type Settings = BTreeMap<&'static str, (String, String)>;

fn settings(
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Settings, ConfigError> {
    let mut settings = Settings::new();
    for (name, value) in environment {
        match keys::read(&name) {
            Name::Foreign => {}
            Name::Unknown => return Err(unknown(&name)),
            Name::Key(_) if value.trim().is_empty() => {}
            Name::Key(key) if settings.contains_key(key) && !keys::is_bare(&name) => {}
            Name::Key(key) => {
                settings.insert(key, (name, value));
            }
        }
    }
    Ok(settings)
}

fn unknown(name: &str) -> ConfigError {
    let hint = match keys::nearest(name) {
        Some(meant) => format!("did you mean {meant}?"),
        None => "`careforall config check` lists those that exist".to_owned(),
    };
    ConfigError::new(name, format!("there is no such setting; {hint}"))
}

/// The key and the reason, out of the crate's nested errors.
fn describe(error: config::ConfigError, outer: String) -> (String, String) {
    match error {
        config::ConfigError::At { error, key, .. } => describe(*error, key.unwrap_or(outer)),
        config::ConfigError::NotFound(key) => (key, "the setting is missing".to_owned()),
        config::ConfigError::Message(text) => (outer, text),
        other => (outer, other.to_string()),
    }
}
