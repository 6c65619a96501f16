//! How a login proves itself: the plain secret, or MD5 over a challenge. MD5 keeps the secret off the wire and does no
//! more: who sniffed a challenge and its key can guess secrets offline.

use std::fmt;

use md5::{Digest, Md5};
use subtle::ConstantTimeEq;

/// The challenge made of 16 random bytes: decimal digits as Asterisk's are (spec 4.4), but 128 bits of them.
pub fn challenge(random: [u8; 16]) -> String {
    u128::from_be_bytes(random).to_string()
}

/// The key that answers a challenge: lower-case hex of md5(challenge + secret) (spec 4.4).
pub fn md5_key(challenge: &str, secret: &str) -> String {
    let digest = Md5::new().chain_update(challenge).chain_update(secret).finalize();
    format!("{digest:x}")
}

/// What a Login came with. Debug output hides it.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// The secret itself, from the `Secret` header; exact, trailing blanks included (spec 2.2).
    Plain(String),
    /// The answer to this session's challenge.
    Md5 {
        /// The challenge given to this session; never empty.
        challenge: String,
        /// The `Key` header as sent.
        key: String,
    },
    /// Nothing that could prove anything; the session refuses such a login whatever it is answered.
    Missing(Missing),
}

/// Why a Login can't succeed. The client is told the same as for a wrong secret (spec 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// No `Username`.
    Username,
    /// No `Secret`, or `AuthType: MD5` without `Key`.
    Secret,
    /// `AuthType: MD5` without a `Challenge` before.
    Challenge,
}

impl Proof {
    /// Whether it proves knowledge of `secret`; takes as long for a wrong one. An upper-case key is wrong, as for
    /// Asterisk (spec 4.4).
    pub fn matches(&self, secret: &str) -> bool {
        match self {
            Self::Plain(given) => given.as_bytes().ct_eq(secret.as_bytes()).into(),
            Self::Md5 { challenge, key } => {
                !challenge.is_empty() && key.as_bytes().ct_eq(md5_key(challenge, secret).as_bytes()).into()
            }
            Self::Missing(_) => false,
        }
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(_) => out.write_str("Plain(***)"),
            Self::Md5 { .. } => out.write_str("Md5(***)"),
            Self::Missing(missing) => write!(out, "Missing({missing:?})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_that_of_asterisk() {
        assert_eq!(md5_key("696196513", "adminpw"), "ac00c0c1fc40414fc89a862b42ce9564");
    }

    #[test]
    fn an_upper_case_key_is_refused() {
        let proof = |key: &str| Proof::Md5 { challenge: "696196513".into(), key: key.into() };
        assert!(proof("ac00c0c1fc40414fc89a862b42ce9564").matches("adminpw"));
        assert!(!proof("AC00C0C1FC40414FC89A862B42CE9564").matches("adminpw"));
        assert!(!proof("").matches("adminpw"));
    }

    #[test]
    fn a_secret_is_compared_exactly() {
        assert!(Proof::Plain("adminpw".into()).matches("adminpw"));
        for wrong in ["adminpw ", "Adminpw", "", "adminp"] {
            assert!(!Proof::Plain(wrong.into()).matches("adminpw"), "{wrong:?}");
        }
    }

    #[test]
    fn without_a_challenge_no_key_is_right() {
        let proof = Proof::Md5 { challenge: String::new(), key: md5_key("", "adminpw") };
        assert!(!proof.matches("adminpw"));
        assert!(!Proof::Missing(Missing::Challenge).matches(""));
    }

    #[test]
    fn a_challenge_is_all_digits() {
        assert_eq!(challenge([0xff; 16]), "340282366920938463463374607431768211455");
    }
}
