//! The kinds of column a table may have: the Rust value of a row, the Arrow builder, the Arrow type.

use arrow::array::{ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, StringViewBuilder, TimestampMicrosecondBuilder};
use arrow::datatypes::{DataType, TimeUnit};
use std::borrow::Cow;
use std::sync::Arc;

/// What the language calls the type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// UTF-8 text: names, ids, account numbers, messages.
    Text,
    /// 64-bit whole number.
    Int,
    /// 64-bit float.
    Float,
    /// True or false.
    Bool,
    /// `Timestamp(µs, UTC)`.
    Time,
    /// A length of time in seconds, 64-bit float.
    Duration,
}

impl FieldKind {
    /// The Arrow type that holds it.
    pub fn data_type(self) -> DataType {
        match self {
            FieldKind::Text => DataType::Utf8View,
            FieldKind::Int => DataType::Int64,
            FieldKind::Float | FieldKind::Duration => DataType::Float64,
            FieldKind::Bool => DataType::Boolean,
            FieldKind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }
}

/// One kind of column.
pub trait Kind {
    /// The value of a row; nothing = missing.
    type Value<'a>: Default;
    /// The Arrow builder.
    type Builder: Default;
    /// The name of the kind.
    const KIND: FieldKind;
    /// Appends one value and says how many bytes it took.
    fn append(builder: &mut Self::Builder, value: &Self::Value<'_>) -> usize;
    /// Ends the column.
    fn finish(builder: &mut Self::Builder) -> ArrayRef;
}

/// Texts.
#[derive(Debug)]
pub struct Text;
/// Whole numbers.
#[derive(Debug)]
pub struct Int;
/// Fractions.
#[derive(Debug)]
pub struct Float;
/// Booleans.
#[derive(Debug)]
pub struct Bool;
/// Points in time, in microseconds since 1970 UTC.
#[derive(Debug)]
pub struct Time;
/// Lengths of time in seconds.
#[derive(Debug)]
pub struct Duration;

/// Builds time columns with their zone.
#[derive(Debug)]
pub struct TimeBuilder(TimestampMicrosecondBuilder);

impl Default for TimeBuilder {
    fn default() -> Self {
        TimeBuilder(TimestampMicrosecondBuilder::new().with_timezone("UTC"))
    }
}

/// Bytes of the blocks that texts are gathered in: small enough that the allocator hands out the same memory
/// again, where large ones would be fetched from the system each time.
const BLOCK: u32 = 64 << 10;

/// Builds text columns.
#[derive(Debug)]
pub struct TextBuilder(StringViewBuilder);

impl Default for TextBuilder {
    fn default() -> Self {
        TextBuilder(StringViewBuilder::new().with_fixed_block_size(BLOCK))
    }
}

impl Kind for Text {
    type Value<'a> = Option<Cow<'a, str>>;
    type Builder = TextBuilder;
    const KIND: FieldKind = FieldKind::Text;
    fn append(TextBuilder(builder): &mut TextBuilder, value: &Option<Cow<'_, str>>) -> usize {
        match value {
            Some(text) => {
                builder.append_value(text);
                text.len() + 16
            }
            None => {
                builder.append_null();
                16
            }
        }
    }
    fn finish(TextBuilder(builder): &mut TextBuilder) -> ArrayRef {
        Arc::new(builder.finish())
    }
}

macro_rules! plain_kind {
    ($kind:ident, $value:ty, $builder:ty, $($inner:tt)*) => {
        impl Kind for $kind {
            type Value<'a> = Option<$value>;
            type Builder = $builder;
            const KIND: FieldKind = FieldKind::$kind;
            fn append(builder: &mut $builder, value: &Option<$value>) -> usize {
                builder $($inner)* .append_option(*value);
                8
            }
            fn finish(builder: &mut $builder) -> ArrayRef {
                Arc::new(builder $($inner)* .finish())
            }
        }
    };
}

plain_kind!(Int, i64, Int64Builder,);
plain_kind!(Float, f64, Float64Builder,);
plain_kind!(Duration, f64, Float64Builder,);
plain_kind!(Bool, bool, BooleanBuilder,);
plain_kind!(Time, i64, TimeBuilder, .0);
