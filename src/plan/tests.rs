//! Tests of queries on small in-memory tables, from text to rows.

mod capacity;
mod clauses;
mod collisions;
pub mod fixture;
mod forecast;
mod histories;
mod launches;
mod nouns;
mod partitions;
mod pools;
mod refused;
mod rhythms;
mod scan;
