//! All integration tests in one binary: every linked copy of the engine costs a minute.

mod capacity;
mod catalog;
mod cli;
mod corpus;
mod dstack;
mod explain;
mod grammar;
mod ingest;
mod layering;
mod queries;
mod readme;
mod samples;
mod secrets;
mod store;
mod support;
