//! All integration tests in one binary: every linked copy of the engine costs a minute.

mod capacity;
mod catalog;
mod check;
mod cli;
mod config;
mod corpus;
mod docs;
mod doctor;
mod dstack;
mod explain;
mod flows;
mod grammar;
mod ingest;
mod layering;
mod network;
mod queries;
mod readme;
mod reclassify;
mod reference;
mod repl;
mod report;
mod samples;
mod secrets;
mod store;
mod subsets;
mod support;
