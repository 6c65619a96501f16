//! The Asterisk Manager Interface, both ends, without IO, without a clock and without a dialer's words.
//!
//! | file | subject |
//! |---|---|
//! | [`message`] | what both ends read: ordered, repeatable headers over one frozen buffer |
//! | [`builder`] | what both ends write; refuses what would inject a header or be cut by Asterisk |
//! | [`codec`] | bytes to messages, in the two tempers of the two ends |
//! | [`action`], [`response`], [`event`] | the three kinds of message, with Asterisk's exact texts |
//! | [`auth`] | the MD5 challenge and how a login proves itself |
//! | [`privilege`] | the classes of rights and events, and event masks |
//! | [`filter`] | which of the events that he may read an operator wants |
//! | [`client_session`] | our side towards an Asterisk: login, replies by ActionID, lists, pings |
//! | [`server_session`] | our side towards an operator: login, order of replies, events between them |
//!
//! "spec n.m" in these docs counts what was observed of Asterisk 22.10.1 (AMI 11.0.0); each numbered oddity has a
//! test beside the code that serves it. Nothing here imports from the rest of the house, so that it can become a
//! crate of its own.

pub mod action;
pub mod auth;
pub mod builder;
pub mod client_session;
pub mod codec;
pub mod event;
pub mod filter;
pub mod message;
pub mod privilege;
pub mod response;
pub mod server_session;

pub use action::Request;
pub use builder::{EncodeError, MessageBuilder};
pub use client_session::{Auth, ClientEvent, ClientOptions, ClientSession, CloseReason, NoAnswer};
pub use message::Message;
pub use privilege::{Class, Privileges};
pub use server_session::{Account, Denied, Now, ServerEvent, ServerOptions, ServerSession};

/// The banner line of Asterisk 22 (spec 1.1); client libraries insist on its beginning and on the slash (spec 9).
pub const BANNER: &str = "Asterisk Call Manager/11.0.0";

#[cfg(test)]
mod both_ends;
