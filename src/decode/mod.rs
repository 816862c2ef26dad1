//! ② Turns the bytes of a file into records: decompress within limits, split, unwrap envelopes, mask secrets.
//!
//! Nothing here knows what a failure is.

pub mod answer;
pub mod archive;
pub mod budget;
pub mod buffer;
pub mod cells;
pub mod chunk;
pub mod compression;
pub mod csv;
mod elastic;
pub mod envelope;
pub mod flow;
pub mod inflate;
pub mod json;
mod key_predictor;
pub mod keys;
pub mod looks;
mod mapped;
mod mongo;
mod objects;
mod ocsf;
mod otel;
pub mod parquet_cost;
pub mod parquet_rows;
mod parse;
mod partial;
pub mod pieces;
pub mod python;
pub mod quoted;
mod recognize;
mod reduced;
mod result_set;
mod resync;
mod rows;
pub mod secret;
mod spelling;
pub mod split;
mod thrift;
mod typed;
pub mod unescape;
mod zlib;
