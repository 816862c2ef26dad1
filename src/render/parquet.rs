//! Parquet with zstd compression, with the query and its window in the footer.

use std::io;

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use arrow::record_batch::RecordBatch;
use jiff::Timestamp;

use super::{Look, Render, RenderError};
use crate::answer::Answer;

/// The format `parquet`.
pub(super) struct Parquet;

impl Render for Parquet {
    fn render(&self, answer: &Answer, _look: &Look, out: &mut dyn io::Write) -> Result<(), RenderError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_key_value_metadata(Some(footer(answer)))
            .build();
        // The schema of the batches takes precedence; without batches, the schema of the answer is used.
        let schema = answer.batches.first().map_or_else(|| answer.schema.clone(), RecordBatch::schema);
        // The writer requires a sink that is `Send`, which `out` may not be.
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, schema.clone(), Some(properties))?;
        for batch in &answer.batches {
            let batch = RecordBatch::try_new(schema.clone(), batch.columns().to_vec()).map_err(RenderError::Batch)?;
            writer.write(&batch)?;
        }
        writer.close()?;
        out.write_all(&bytes)?;
        Ok(())
    }
}

/// Times are in UTC regardless of the time zone, because the file is for machines.
fn footer(answer: &Answer) -> Vec<KeyValue> {
    let window = &answer.window;
    let end = |instant: Option<Timestamp>| instant.map(|instant| instant.to_string());
    vec![
        entry("query", Some(answer.query.clone())),
        entry("window.from", end(window.from)),
        entry("window.to", end(window.to)),
        entry("window.origin", Some(window.origin.clone())),
    ]
}

fn entry(name: &str, value: Option<String>) -> KeyValue {
    KeyValue::new(format!("ecs_audit.{name}"), value)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fixture, nothing};
    use super::*;
    use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    fn read_back(answer: &Answer) -> (Vec<RecordBatch>, Vec<KeyValue>) {
        let mut bytes = Vec::new();
        Parquet.render(answer, &Look::default(), &mut bytes).unwrap();
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, &bytes).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let footer = reader.metadata().file_metadata().key_value_metadata();
        let footer = footer.cloned().unwrap_or_default();
        let batches = reader.build().unwrap().collect::<Result<_, _>>();
        (batches.unwrap(), footer)
    }

    #[test]
    fn rows_and_footer_read_back() {
        let answer = fixture();
        let (batches, footer) = read_back(&answer);
        assert_eq!(batches.len(), 1);
        assert_eq!(batches[0].columns(), answer.batches[0].columns());
        assert!(footer.contains(&entry("query", Some(answer.query))));
        assert!(footer.contains(&entry("window.from", Some("2026-02-25T10:14:07Z".into()))));
        assert!(footer.contains(&entry("window.to", None)));
    }

    #[test]
    fn an_empty_answer_still_has_its_columns() {
        let mut bytes = Vec::new();
        let answer = nothing();
        Parquet.render(&answer, &Look::default(), &mut bytes).unwrap();
        let (batches, _) = read_back(&answer);
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 0);
        assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    }
}
