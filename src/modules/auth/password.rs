//! Hashing passwords: slow on purpose, so never on the threads that serve requests, and only as
//! many at a time as there are cores.

use std::{sync::Arc, thread, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version,
    password_hash::phc::PasswordHash,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::{sync::Semaphore, task, time::timeout};
use zxcvbn::{Score, zxcvbn};

use super::error::AuthError;

/// OWASP Password Storage Cheat Sheet: Argon2id with 19 MiB, 2 iterations, 1 lane.
const MEMORY_KIB: u32 = 19 * 1024;
const ITERATIONS: u32 = 2;
const LANES: u32 = 1;

/// A sign-in waits at most so long for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// A hash with the parameters above, of a password that was thrown away. Whoever signs in with an
/// unknown e-mail is measured against it, so that the answer takes the same time.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$THcH+pGk7A9foPHOCkfwFg\
                      $WTIMphvQ2KzhyB5wsccVLJtaJHj2TUfx2EQog5cDy3Y";

/// Hashes and verifies passwords. Clones share the turns.
#[derive(Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self { turns: Arc::new(Semaphore::new(cores)) }
    }
}

impl Passwords {
    /// The password as a PHC string with fresh salt. `about` is what is known of its owner, and
    /// therefore easily guessed.
    ///
    /// # Errors
    /// [`AuthError::CommonPassword`].
    pub async fn hash(
        &self,
        password: SecretString,
        about: Vec<String>,
    ) -> Result<String, AuthError> {
        self.in_turn(move || {
            if common(&password, &about) {
                return Err(AuthError::CommonPassword);
            }
            hash(&password)
        })
        .await?
    }

    /// Whether the password is the one that was hashed. Without a hash, no, in the same time.
    pub async fn verify(
        &self,
        password: SecretString,
        hash: Option<String>,
    ) -> Result<bool, AuthError> {
        self.in_turn(move || {
            let right = verify(&password, hash.as_deref().unwrap_or(NOBODY))?;
            Ok(right && hash.is_some())
        })
        .await?
    }

    /// The permit goes along, so that a client who hangs up does not let another one in early.
    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AuthError> {
        let turn = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| AuthError::Overloaded)?;
        let turn = turn.map_err(|e| AuthError::Hashing(e.to_string()))?;
        let done = task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|e| AuthError::Hashing(e.to_string()))
    }
}

/// Would it be among the first million guesses? The estimator knows the commonly used passwords,
/// names and words, their variations, and patterns of the keyboard.
fn common(password: &SecretString, about: &[String]) -> bool {
    let about: Vec<&str> = about.iter().map(String::as_str).collect();
    zxcvbn(password.expose_secret(), &about).score() < Score::Two
}

fn hash(password: &SecretString) -> Result<String, AuthError> {
    let bytes = password.expose_secret().as_bytes();
    let hashed = hasher()?.hash_password(bytes).map_err(|e| AuthError::Hashing(e.to_string()))?;
    Ok(hashed.to_string())
}

fn verify(password: &SecretString, hash: &str) -> Result<bool, AuthError> {
    use argon2::password_hash::Error::PasswordInvalid;
    let stored = PasswordHash::new(hash).map_err(|e| AuthError::Hashing(e.to_string()))?;
    // the parameters are those of the stored hash
    match Argon2::default().verify_password(password.expose_secret().as_bytes(), &stored) {
        Ok(()) => Ok(true),
        Err(PasswordInvalid) => Ok(false),
        Err(error) => Err(AuthError::Hashing(error.to_string())),
    }
}

fn hasher() -> Result<Argon2<'static>, AuthError> {
    let params = Params::new(MEMORY_KIB, ITERATIONS, LANES, None)
        .map_err(|e| AuthError::Hashing(e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(hash: &str) -> String {
        hash.rsplitn(3, '$').last().unwrap().to_owned()
    }

    #[tokio::test]
    async fn the_right_password_passes_and_no_other() {
        let passwords = Passwords::default();
        let secret = || SecretString::from("correct horse\u{7} battery");
        let hash = passwords.hash(secret(), Vec::new()).await.unwrap();
        assert_eq!(parameters(&hash), "$argon2id$v=19$m=19456,t=2,p=1");
        assert!(passwords.verify(secret(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("correct horse battery".into(), Some(hash)).await.unwrap());
    }

    #[test]
    fn what_everybody_thinks_of_is_common() {
        let about =
            ["ada", "lovelace", "adalovelace", "ada.lovelace@example.org"].map(str::to_owned);
        for bad in [
            "123456789012",
            "passwordpassword",
            "Password123456",
            "qwertyuiop123",
            "iloveyou1234",
            "aaaaaaaaaaaa",
            "ada.lovelace@example.org",
            "adalovelace1",
        ] {
            assert!(common(&bad.into(), &about), "{bad}");
        }
        for good in ["correct horse battery staple", "kühle Brunnen am Turkana", "x7#Lq9!vRt2m"] {
            assert!(!common(&good.into(), &about), "{good}");
        }
    }

    #[tokio::test]
    async fn nobody_costs_as_much_as_somebody_and_never_passes() {
        let hash = hash(&"whatever it is".into()).unwrap();
        assert_eq!(parameters(NOBODY), parameters(&hash));
        assert_eq!(NOBODY.len(), hash.len());
        assert!(!Passwords::default().verify("whatever it is".into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_broken_hash_is_an_error_not_a_pass() {
        let broken = Passwords::default().verify("x".into(), Some("plain".to_owned())).await;
        assert!(matches!(broken, Err(AuthError::Hashing(_))));
    }
}
