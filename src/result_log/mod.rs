//! The result log: appends each committed line to `astout.result` once, whatever crashes in between.
//!
//! Every line carries its `seq`, which grows by one without gaps, and the database keeps all lines. So the file itself
//! says what it has: at the start a torn last line is cut off, the last whole one is read, and the lines after it are
//! appended. People rotate the log by renaming it; before each batch the path is looked at, and a file that is gone is
//! made anew.
//!
//! A log that cannot be written is tried again every second, and whoever hands over lines is told when that begins and
//! ends. A sync that failed is never tried again: the kernel takes what it could not write for written from then on.

mod error;
mod file;
mod writer;

pub use error::LogError;
pub use file::ResultLog;
pub use writer::{LogWriter, Logged, News};
