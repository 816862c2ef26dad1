//! Plans as bytes: all operators and functions of this program that the engine does not know. Both sides use this list.

use std::sync::Arc;

use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};
use datafusion::physical_plan::ExecutionPlan;
use datafusion_distributed::DistributedCodec;
use datafusion_proto::bytes::physical_plan_to_bytes_with_proto_converter;
use datafusion_proto::physical_plan::{
    ComposedPhysicalExtensionCodec, DeduplicatingProtoConverter, PhysicalExtensionCodec, PhysicalProtoConverterExtension,
};
use serde::{Deserialize, Serialize};

use crate::engine::functions::{self, function_document};
use crate::engine::operators::{PlanReader, PlanWriter, PortableOperator, portable_partitions};
use crate::nouns::portable;

/// The operators.
pub fn operators() -> impl Iterator<Item = PortableOperator> {
    std::iter::once(portable_partitions()).chain(portable::operators())
}

/// A function with state. Functions without state are known by their names.
#[derive(Serialize, Deserialize)]
enum FunctionDocument {
    Engine(functions::FunctionDocument),
    Noun(portable::FunctionDocument),
}

fn document(function: &ScalarUDF) -> Option<Result<FunctionDocument>> {
    let of_engine = function_document(function).map(|document| document.map(FunctionDocument::Engine));
    of_engine.or_else(|| portable::function_document(function).map(|document| Ok(FunctionDocument::Noun(document))))
}

/// The codec.
#[derive(Debug)]
pub struct PlanCodec;

/// Between the name of an operator and its document.
const END_OF_NAME: u8 = b'\n';

impl PhysicalExtensionCodec for PlanCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        ctx: &TaskContext,
        proto_converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut parts = buf.splitn(2, |byte| *byte == END_OF_NAME);
        let (name, document) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let operator = operators().find(|operator| operator.name.as_bytes() == name);
        let operator = operator.ok_or_else(|| {
            exec_datafusion_err!("this program has no operator `{}`", String::from_utf8_lossy(name).escape_debug())
        })?;
        // Expressions go through both codecs on the way here, so they must on the way back.
        operator.decoded(document, inputs, &PlanReader::new(ctx, self, proto_converter))
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        proto_converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let writer = PlanWriter::new(self, proto_converter);
        for operator in operators() {
            if let Some(encoded) = operator.encoded(&node, &writer) {
                buf.extend_from_slice(operator.name.as_bytes());
                buf.push(END_OF_NAME);
                buf.extend(encoded?);
                return Ok(());
            }
        }
        exec_err!("an executor cannot run `{}`", node.name())
    }

    fn try_encode_udf(&self, node: &ScalarUDF, buf: &mut Vec<u8>) -> Result<()> {
        if let Some(document) = document(node) {
            buf.extend(serde_json::to_vec(&document?).map_err(|error| exec_datafusion_err!("`{}`: {error}", node.name()))?);
        }
        Ok(())
    }

    fn try_decode_udf(&self, name: &str, buf: &[u8]) -> Result<Arc<ScalarUDF>> {
        if buf.is_empty() {
            return exec_err!("this program has no function `{}`", name.escape_debug());
        }
        let document = serde_json::from_slice(buf);
        let document = document.map_err(|error| exec_datafusion_err!("function `{}`: {error}", name.escape_debug()))?;
        Ok(Arc::new(match document {
            FunctionDocument::Engine(document) => functions::function_of(&document)?,
            FunctionDocument::Noun(document) => portable::function_of(document)?,
        }))
    }
}

/// A plan for an executor.
///
/// # Errors
///
/// If it contains something that no executor can run.
pub fn encoded(plan: Arc<dyn ExecutionPlan>) -> Result<Vec<u8>> {
    let codec = ComposedPhysicalExtensionCodec::new(vec![Arc::new(Exchanges), Arc::new(PlanCodec)]);
    let converter = DeduplicatingProtoConverter::default();
    Ok(physical_plan_to_bytes_with_proto_converter(plan, &codec, &converter)?.to_vec())
}

/// The codec for nodes of the engine that distributes. It leaves functions with state to the next codec of the list:
/// where it is the first one, it would encode them by name, and their state would be lost.
#[derive(Debug)]
struct Exchanges;

impl PhysicalExtensionCodec for Exchanges {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        ctx: &TaskContext,
        proto_converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        DistributedCodec.try_decode(buf, inputs, ctx, proto_converter)
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        proto_converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        DistributedCodec.try_encode(node, buf, proto_converter)
    }

    fn try_encode_udf(&self, node: &ScalarUDF, _buf: &mut Vec<u8>) -> Result<()> {
        match document(node) {
            None => Ok(()),
            Some(_) => exec_err!("`{}` has state", node.name()),
        }
    }

    fn try_encode_udaf(&self, _node: &AggregateUDF, _buf: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}
