//! From layers to a configuration: the first thing that is wrong for `serve`, everything that is wrong
//! for `config check`.

use super::{Config, ConfigError, layers, rules};

impl Config {
    /// The configuration of this process, from its environment.
    ///
    /// # Errors
    /// One sentence that names the variable or key and says what is wrong with it.
    pub fn load() -> Result<Self, ConfigError> {
        Self::from_layers(&layers::COMPILED_IN, layers::environment()?)
    }

    /// The same for a person who wants to know all that is wrong, not only what comes first: the
    /// configuration without the values that cannot be read, and everything there is to say.
    pub fn review() -> (Option<Self>, Vec<ConfigError>) {
        match layers::environment() {
            Ok(environment) => Self::review_layers(&layers::COMPILED_IN, environment),
            Err(error) => (None, vec![error]),
        }
    }

    /// From given layers, without a look at this process.
    pub(super) fn from_layers(
        files: &layers::Files<'_>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let (config, problems) = Self::review_layers(files, environment.into_iter().collect());
        match (config, problems.into_iter().next()) {
            (Some(config), None) => Ok(config),
            (_, Some(problem)) => Err(problem),
            (None, None) => Err(ConfigError::new("config", "it cannot be read")),
        }
    }

    /// A value that cannot be read hides what is wrong with others: it is noted, left out, and the
    /// rest is read again.
    fn review_layers(
        files: &layers::Files<'_>,
        mut environment: Vec<(String, String)>,
    ) -> (Option<Self>, Vec<ConfigError>) {
        let mut problems = Vec::new();
        loop {
            match Self::read(files, environment.clone()) {
                Ok(config) => {
                    let rules = rules::problems(&config);
                    // what was left out is not missed
                    let named = |new: &ConfigError| problems.iter().any(|old| new.is_about(old));
                    let new: Vec<_> = rules.into_iter().filter(|new| !named(new)).collect();
                    problems.extend(new);
                    return (Some(config), problems);
                }
                Err(problem) => {
                    let before = environment.len();
                    environment.retain(|(name, _)| name != problem.name());
                    problems.push(problem);
                    if environment.len() == before {
                        return (None, problems);
                    }
                }
            }
        }
    }

    fn read(
        files: &layers::Files<'_>,
        environment: Vec<(String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut config = layers::Layers::new(files, environment)?.deserialize()?;
        rules::complete(&mut config)?;
        Ok(config)
    }
}
