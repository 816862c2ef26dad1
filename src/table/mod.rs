//! ④ Typed rows become Arrow record batches.

mod kind;
mod schema;

pub use kind::FieldKind;
pub use schema::*;
