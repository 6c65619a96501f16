//! Pacing: does the predictive mode keep its promises?

mod properties;
