//! The subcommands, one file each: what they print, and the exit code they end with.

pub mod check_config;
