//! The engine decides; it never does. Time comes in as a parameter, and what is to be done goes out as effects.

pub mod campaign;
pub mod selection;
