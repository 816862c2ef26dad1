//! The kinds of column a table may have: the Rust value of a row, the Arrow builder, the Arrow type.

use super::Originals;
use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, StringViewArray, StringViewBuilder,
    TimestampMicrosecondBuilder, new_null_array,
};
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
    /// From now on keeps values as [`Originals`], for the kind that can be.
    fn set_apart(_builder: &mut Self::Builder) {}
    /// The values that were set apart, to be taken when the column has ended without them.
    fn take_apart(_builder: &mut Self::Builder) -> Option<Originals> {
        None
    }
}

/// Texts.
#[derive(Debug)]
pub struct Text;
/// Original records: texts that may be set apart.
#[derive(Debug)]
pub struct Original;
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

/// Builds text columns. Most columns of most rows have no value, so these are only counted until one comes.
#[derive(Debug)]
pub struct TextBuilder {
    values: StringViewBuilder,
    /// Missing values that are not in `values` yet.
    missing: usize,
}

impl Default for TextBuilder {
    fn default() -> Self {
        TextBuilder { values: StringViewBuilder::new().with_fixed_block_size(BLOCK), missing: 0 }
    }
}

impl TextBuilder {
    #[cold]
    fn append_missing(&mut self) {
        for _ in 0..std::mem::take(&mut self.missing) {
            self.values.append_null();
        }
    }
}

impl Kind for Text {
    type Value<'a> = Option<Cow<'a, str>>;
    type Builder = TextBuilder;
    const KIND: FieldKind = FieldKind::Text;
    #[inline]
    fn append(builder: &mut TextBuilder, value: &Option<Cow<'_, str>>) -> usize {
        match value {
            Some(text) => {
                if builder.missing > 0 {
                    builder.append_missing();
                }
                builder.values.append_value(text);
                text.len() + 16
            }
            None => {
                builder.missing += 1;
                16
            }
        }
    }
    fn finish(builder: &mut TextBuilder) -> ArrayRef {
        if builder.values.is_empty() {
            return Arc::new(StringViewArray::new_null(std::mem::take(&mut builder.missing)));
        }
        builder.append_missing();
        Arc::new(builder.values.finish())
    }
}

/// Builds a column of original records, or sets them apart; then the column has no values.
#[derive(Debug, Default)]
pub struct OriginalBuilder {
    column: TextBuilder,
    apart: Option<Originals>,
}

impl Kind for Original {
    type Value<'a> = Option<Cow<'a, str>>;
    type Builder = OriginalBuilder;
    const KIND: FieldKind = FieldKind::Text;
    fn append(builder: &mut OriginalBuilder, value: &Option<Cow<'_, str>>) -> usize {
        match &mut builder.apart {
            Some(originals) => originals.push(value.as_deref()),
            None => Text::append(&mut builder.column, value),
        }
    }
    fn finish(builder: &mut OriginalBuilder) -> ArrayRef {
        match &mut builder.apart {
            Some(originals) => new_null_array(&DataType::Utf8View, originals.rows()),
            None => Text::finish(&mut builder.column),
        }
    }
    fn set_apart(builder: &mut OriginalBuilder) {
        builder.apart = Some(Originals::default());
    }
    fn take_apart(builder: &mut OriginalBuilder) -> Option<Originals> {
        builder.apart.as_mut().map(std::mem::take)
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
