//! Every transition of the call's and of the campaign's machine, against tables that are written by hand, in
//! terms of what is heard of a call and not of the machine's fields. The machines are driven through all of them; a transition that goes
//! elsewhere, or that was never driven, fails.

mod call;
mod campaign;
mod table;
