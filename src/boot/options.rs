//! From the configuration to what each room takes of it, in its own words.

use std::time::Duration;

use tracing::warn;

use crate::ami::{ClientOptions, Privileges};
use crate::asterisk::connection::ConnectionOptions;
use crate::asterisk::{EVENTS, USER_EVENTS};
use crate::config::{self, Config, ManagerSecret, OnUnknown};
use crate::engine;
use crate::manager;
use crate::manager::relay;
use crate::model::dialing::NextTry;
use crate::model::policy::Policy;
use crate::model::result::ResultOptions;

pub(super) fn connection_options(asterisk: &config::Asterisk, user_events: bool) -> ConnectionOptions {
    let mut events_mask = EVENTS.to_owned();
    if user_events {
        events_mask.extend([",", USER_EVENTS]);
    }
    ConnectionOptions {
        host: asterisk.host.clone(),
        port: asterisk.port,
        session: ClientOptions {
            username: asterisk.username.clone(),
            secret: asterisk.secret.expose().to_owned(),
            events_mask,
            action_id_prefix: String::new(),
            ..ClientOptions::default()
        },
        ..ConnectionOptions::default()
    }
}

/// The Asterisk that operators are relayed to.
pub(super) fn relayed_to(asterisk: &config::Asterisk) -> relay::Asterisk {
    relay::Asterisk {
        host: asterisk.host.clone(),
        port: asterisk.port,
        username: asterisk.relay_username.clone().unwrap_or_else(|| asterisk.username.clone()),
        secret: asterisk.secret.expose().to_owned(),
    }
}

pub(super) fn engine_options(config: &Config, asterisk: &config::Asterisk) -> engine::Options {
    engine::Options {
        max_channels: asterisk.max_channels,
        calls_per_second: asterisk.calls_per_second,
        max_unanswered: asterisk.max_unanswered,
        policy: policy(&config.policy),
        on_unknown: match config.dialer.on_unknown {
            OnUnknown::Count => NextTry::AfterDelay,
            OnUnknown::Retry => NextTry::AtOnce,
            OnUnknown::Hold => NextTry::Held,
        },
        preview_timeout: Duration::from_secs(config.dialer.preview_timeout_s.into()),
    }
}

pub(super) fn result_options(result: &config::ResultLog) -> ResultOptions {
    ResultOptions { info: result.info_enable, history: result.history_events_enable }
}

/// What the configuration allows, in the words of those who ask.
pub fn policy(policy: &config::Policy) -> Policy {
    Policy {
        technologies: policy.technologies.iter().collect(),
        local_contexts: policy.local_contexts.iter().collect(),
        contexts: policy.contexts.iter().collect(),
        applications: policy.applications.iter().collect(),
        caller_ids: policy.caller_ids.iter().collect(),
        denied_prefixes: policy.denied_prefixes.clone(),
        emergency_numbers: policy.emergency_numbers.clone(),
        allow_sip_users: policy.allow_sip_users,
    }
}

pub(super) fn users(config: &config::Manager) -> Vec<manager::User> {
    let classes = |words: &[String]| {
        // Classes of our own come with the actions that they guard; all of Asterisk's are known.
        let known = words.iter().map(String::as_str).filter(|word| !word.starts_with("out-"));
        Privileges::of_words(known).unwrap_or(Privileges::NONE)
    };
    for user in &config.users {
        if !user.write.is_empty() && user.write.iter().all(|word| word.starts_with("out-")) {
            warn!(
                user = user.name,
                "may send no action: the classes out-… guard nothing yet; give it message"
            );
        }
    }
    let user = |user: &config::ManagerUser| manager::User {
        name: user.name.clone(),
        secret: match &user.secret {
            ManagerSecret::Plain(secret) => manager::Secret::Plain(secret.expose().to_owned()),
            ManagerSecret::Argon2id(hash) => manager::Secret::Argon2id(hash.expose().to_owned()),
        },
        read: classes(&user.read),
        write: classes(&user.write),
        permit: user.permit.clone(),
        deny: user.deny.clone(),
    };
    config.users.iter().map(user).collect()
}
