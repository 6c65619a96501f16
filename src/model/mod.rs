//! The nouns of the dialer.
