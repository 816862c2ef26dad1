//! Queries over small tables in memory, from text to rows.

mod capacity;
mod clauses;
mod fixture;
mod histories;
mod nouns;
mod scan;
