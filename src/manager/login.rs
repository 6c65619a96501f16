//! Who gets in. The client is told the same whatever was wrong; the log says what it was, in a line that fail2ban reads.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::{Argon2, PasswordHash, PasswordVerifier};
use tokio::sync::{Semaphore, watch};
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

use super::acl;
use super::backoff::Backoff;
use super::{Secret, User};
use crate::ami::auth::{Missing, Proof};
use crate::ami::server_session::Authenticate;
use crate::ami::{Account, Denied};

/// Hashes that are reckoned at once: each takes a core and some 20 MB for a while.
const HASHES_AT_ONCE: usize = 2;

/// Lets users in.
pub(super) struct Gate {
    /// May change while the daemon runs.
    users: watch::Receiver<Arc<[User]>>,
    backoff: Mutex<Backoff>,
    hashes: Arc<Semaphore>,
}

/// Why somebody was not let in, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Incomplete,
    NoSuchUser,
    WrongAddress,
    WrongSecret,
    ChallengeNeedsPlainSecret,
    TooManyFailures,
}

impl Reason {
    fn word(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::NoSuchUser => "no-such-user",
            Self::WrongAddress => "address-denied",
            Self::WrongSecret => "wrong-secret",
            Self::ChallengeNeedsPlainSecret => "challenge-needs-a-secret-in-clear",
            Self::TooManyFailures => "too-many-failures",
        }
    }
}

impl Gate {
    pub(super) fn new(users: watch::Receiver<Arc<[User]>>) -> Self {
        let hashes = Arc::new(Semaphore::new(HASHES_AT_ONCE));
        Self { users, backoff: Mutex::default(), hashes }
    }

    /// Checks a login from `address` at the monotonic time `now`.
    pub(super) async fn check(
        &self,
        now: Duration,
        address: Option<IpAddr>,
        login: Authenticate,
    ) -> Result<Account, Denied> {
        let users = Arc::clone(&self.users.borrow());
        let user = users.iter().position(|user| user.name.eq_ignore_ascii_case(&login.username));
        let shown_address = address.map_or_else(|| "local".to_owned(), |address| address.to_string());
        let verdict = if self.backoff().refuses(now, address, user) {
            Err(Reason::TooManyFailures)
        } else {
            self.prove(&users, address, user, &login.proof).await
        };
        match verdict {
            Ok(user) => {
                let place = users.iter().position(|other| std::ptr::eq(other, user)).unwrap_or_default();
                self.backoff().succeeded(address, place);
                info!("logged in user=\"{}\" ip={shown_address}", user.name.escape_debug());
                Ok(Account { name: user.name.clone(), read: user.read, write: user.write })
            }
            Err(reason) => {
                match reason {
                    Reason::TooManyFailures => {}
                    // Whoever knows a name must not be able to lock it out from where it may not log in.
                    Reason::WrongAddress => self.backoff().failed(now, address, None),
                    Reason::Incomplete
                    | Reason::NoSuchUser
                    | Reason::WrongSecret
                    | Reason::ChallengeNeedsPlainSecret => self.backoff().failed(now, address, user),
                }
                let name = shown(&login.username);
                warn!("auth failed user=\"{name}\" ip={shown_address} reason={}", reason.word());
                Err(Denied::AuthenticationFailed)
            }
        }
    }

    async fn prove<'a>(
        &self,
        users: &'a [User],
        address: Option<IpAddr>,
        user: Option<usize>,
        proof: &'a Proof,
    ) -> Result<&'a User, Reason> {
        match prove_without_hash(users, address, user, proof) {
            Ok(Proved::Yes(user)) => Ok(user),
            Ok(Proved::ByHash(user, hash, secret)) => {
                if self.matches(hash, secret).await {
                    Ok(user)
                } else {
                    Err(Reason::WrongSecret)
                }
            }
            Err(reason) => {
                // A hash is reckoned for whoever is refused too, lest the time tell which names exist.
                if let (Some(hash), Proof::Plain(secret)) = (any_hash(users), proof) {
                    self.matches(hash, secret).await;
                }
                Err(reason)
            }
        }
    }

    async fn matches(&self, hash: &str, secret: &str) -> bool {
        // Closed never: the semaphore lives as long as this.
        let Ok(permit) = Arc::clone(&self.hashes).acquire_owned().await else { return false };
        let (hash, secret) = (hash.to_owned(), secret.to_owned());
        let reckoned = spawn_blocking(move || {
            // Held until the hash is reckoned, also when nobody waits for it any more.
            let _permit = permit;
            let Ok(hash) = PasswordHash::new(&hash) else { return false };
            Argon2::default().verify_password(secret.as_bytes(), &hash).is_ok()
        });
        reckoned.await.unwrap_or_else(|why| {
            error!(%why, "a login's hash could not be reckoned");
            false
        })
    }

    fn backoff(&self) -> std::sync::MutexGuard<'_, Backoff> {
        self.backoff.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn prove_without_hash<'a>(
    users: &'a [User],
    address: Option<IpAddr>,
    user: Option<usize>,
    proof: &'a Proof,
) -> Result<Proved<'a>, Reason> {
    if let Proof::Missing(Missing::Username) = proof {
        return Err(Reason::Incomplete);
    }
    let user = user.and_then(|place| users.get(place)).ok_or(Reason::NoSuchUser)?;
    if address.is_some_and(|address| !acl::lets_in(&user.permit, &user.deny, address)) {
        return Err(Reason::WrongAddress);
    }
    match (&user.secret, proof) {
        (_, Proof::Missing(_)) => Err(Reason::Incomplete),
        // A secret that was left empty lets nobody in (CVE-2007-2294 was about such).
        (Secret::Plain(secret), Proof::Plain(_) | Proof::Md5 { .. }) => {
            let proved = !secret.is_empty() && proof.matches(secret);
            if proved { Ok(Proved::Yes(user)) } else { Err(Reason::WrongSecret) }
        }
        (Secret::Argon2id(hash), Proof::Plain(secret)) => Ok(Proved::ByHash(user, hash, secret)),
        (Secret::Argon2id(_), Proof::Md5 { .. }) => Err(Reason::ChallengeNeedsPlainSecret),
    }
}

fn any_hash(users: &[User]) -> Option<&str> {
    users.iter().find_map(|user| match &user.secret {
        Secret::Plain(_) => None,
        Secret::Argon2id(hash) => Some(hash.as_str()),
    })
}

enum Proved<'a> {
    Yes(&'a User),
    ByHash(&'a User, &'a str, &'a str),
}

/// A name as a log line may hold it.
fn shown(name: &str) -> String {
    const LONGEST: usize = 64;
    name.chars().take(LONGEST).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ami::Privileges;

    /// Of "secret", with the least work that Argon2 knows.
    const HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$HASH";

    fn fixed(users: Vec<User>) -> watch::Receiver<Arc<[User]>> {
        watch::channel(Arc::from(users)).1
    }

    fn gate(secret: Secret) -> Gate {
        Gate::new(fixed(vec![User {
            name: "Admin".to_owned(),
            secret,
            read: Privileges::ALL,
            write: Privileges::NONE,
            permit: vec!["127.0.0.1/32".parse().unwrap()],
            deny: vec!["0.0.0.0/0".parse().unwrap()],
        }]))
    }

    fn login(username: &str, proof: Proof) -> Authenticate {
        Authenticate { username: username.to_owned(), proof, action_id: None }
    }

    fn plain(username: &str, secret: &str) -> Authenticate {
        login(username, Proof::Plain(secret.to_owned()))
    }

    async fn is_let_in(gate: &Gate, from: &str, login: Authenticate) -> bool {
        gate.check(Duration::ZERO, Some(from.parse().unwrap()), login).await.is_ok()
    }

    fn hashed(secret: &str) -> Secret {
        use argon2::password_hash::{PasswordHasher, SaltString};
        let salt = SaltString::from_b64("c29tZXNhbHRzb21lc2FsdA").unwrap();
        let params = argon2::Params::new(8, 1, 1, None).unwrap();
        let argon2 = Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
        Secret::Argon2id(argon2.hash_password(secret.as_bytes(), &salt).unwrap().to_string())
    }

    #[tokio::test]
    async fn a_plain_secret_lets_in_by_itself_and_by_challenge_whatever_the_case_of_the_name() {
        let gate = gate(Secret::Plain("secret".to_owned()));
        assert!(is_let_in(&gate, "127.0.0.1", plain("aDmIn", "secret")).await);
        assert!(!is_let_in(&gate, "127.0.0.1", plain("admin", "Secret")).await);
        let key = crate::ami::auth::md5_key("42", "secret");
        let md5 = Proof::Md5 { challenge: "42".to_owned(), key };
        assert!(is_let_in(&gate, "127.0.0.1", login("admin", md5)).await);
    }

    #[tokio::test]
    async fn a_hashed_secret_lets_in_but_not_by_challenge() {
        let gate = gate(hashed("secret"));
        assert!(is_let_in(&gate, "127.0.0.1", plain("admin", "secret")).await);
        assert!(!is_let_in(&gate, "127.0.0.1", plain("admin", "wrong")).await);
        let md5 = Proof::Md5 { challenge: "42".to_owned(), key: crate::ami::auth::md5_key("42", "secret") };
        assert!(!is_let_in(&gate, "127.0.0.1", login("admin", md5)).await);
    }

    #[tokio::test]
    async fn an_address_that_is_not_permitted_is_refused_with_the_right_secret() {
        let gate = gate(Secret::Plain("secret".to_owned()));
        assert!(!is_let_in(&gate, "192.0.2.1", plain("admin", "secret")).await);
        assert!(is_let_in(&gate, "::ffff:127.0.0.1", plain("admin", "secret")).await);
    }

    #[tokio::test]
    async fn an_empty_secret_and_an_unreadable_hash_let_nobody_in() {
        assert!(!is_let_in(&gate(Secret::Plain(String::new())), "127.0.0.1", plain("admin", "")).await);
        assert!(!is_let_in(&gate(Secret::Argon2id(HASH.to_owned())), "127.0.0.1", plain("admin", "x")).await);
        assert!(!is_let_in(&Gate::new(fixed(Vec::new())), "127.0.0.1", plain("admin", "x")).await);
    }

    #[tokio::test]
    async fn the_sixth_try_is_refused_even_when_right_until_the_minute_is_over() {
        let gate = gate(Secret::Plain("secret".to_owned()));
        let from = Some("127.0.0.1".parse().unwrap());
        for _ in 0..5 {
            assert!(gate.check(Duration::ZERO, from, plain("admin", "wrong")).await.is_err());
        }
        assert!(gate.check(Duration::from_secs(59), from, plain("admin", "secret")).await.is_err());
        assert!(gate.check(Duration::from_secs(60), from, plain("admin", "secret")).await.is_ok());
    }

    #[test]
    fn names_are_logged_without_control_characters_or_quotes() {
        assert_eq!(shown("a\"b\nauth failed"), "a\\\"b\\nauth failed");
        assert_eq!(shown(&"x".repeat(100)).len(), 64);
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?} {:?}", Secret::Plain("abc".into()), hashed("abc"));
        assert_eq!(shown, "Plain(***) Argon2id(***)");
    }
}
