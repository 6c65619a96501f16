//! The frontend of the `astout` binary: arguments in, exit code out.

fn main() {}
