//! Tests of queries on small in-memory tables, from text to rows.

mod clauses;
pub mod fixture;
mod histories;
mod scan;
