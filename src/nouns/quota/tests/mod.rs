//! Tests of quota pools against computations that are slow and obvious.

mod capacity;
mod forecast;
mod pools;
mod refused;
