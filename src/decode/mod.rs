//! ② Bytes of a file become records: inflate within limits, split, unwrap envelopes, mask secrets.
//!
//! Nothing here knows what a failure is.

pub mod buffer;
pub mod chunk;
pub mod csv;
pub mod envelope;
pub mod flow;
pub mod inflate;
pub mod json;
pub mod keys;
mod parse;
pub mod secret;
mod shapes;
pub mod split;
