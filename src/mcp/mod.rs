//! `ecs-audit mcp`: a Model Context Protocol server, so that assistants can query a store.
//!
//! ```text
//!   assistant ─► tool call ─► tools   arguments → the command line that a person would type
//!                               │
//!                             server  the protocol
//!                               │
//!                          questions  runs it as a process of its own, within limits; names become pseudonyms
//!                               │
//!                             page    notes first, then as many whole lines as an answer may have
//! ```
//!
//! Read-only: only commands that read a store can be called. Each question runs as a process of its own: one that needs too
//! much memory or time ends alone, a cancelled one is killed, and answers and errors are those of the command line.

mod page;
mod questions;
mod server;
mod tools;

pub use questions::{Pseudonyms, Questions};
pub use server::serve;
