//! The AMI protocol, both ends, sans IO.
