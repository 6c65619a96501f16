//! Talks to Asterisk: what the dialer decides goes out as AMI actions, what happens there comes in as events.

pub mod connection;
