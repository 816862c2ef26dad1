//! Analyses as bytes, for a process that runs an operator which another one has planned.
//!
//! The parameters of an analysis are a document that `serde` writes; expressions and schemas in it are protocol buffers of
//! the engine, in base64. Functions in expressions go through the codec of the session.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use datafusion::common::{DataFusionError, Result, exec_datafusion_err};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalPlanDecodeContext, PhysicalProtoConverterExtension};
use datafusion_proto::protobuf;
use prost::Message;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::exec::{Analysis, AnalysisExec};

/// An analysis that another process can run.
pub trait Portable: Analysis {
    /// The document with its parameters.
    type Document: Serialize + DeserializeOwned;

    /// Its parameters.
    ///
    /// # Errors
    ///
    /// If an expression cannot be encoded.
    fn document(&self, writer: &PlanWriter<'_>) -> Result<Self::Document>;

    /// The analysis with these parameters.
    ///
    /// # Errors
    ///
    /// If an expression cannot be decoded, or this program lacks a function.
    fn of_document(document: Self::Document, reader: &PlanReader<'_>) -> Result<Self>;
}

/// A message of the engine, in base64.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Encoded(String);

impl Encoded {
    fn of(message: &impl Message) -> Encoded {
        Encoded(BASE64_STANDARD.encode(message.encode_to_vec()))
    }

    fn message<M: Message + Default>(&self) -> Result<M> {
        let bytes = BASE64_STANDARD.decode(&self.0).map_err(|error| unreadable(&error))?;
        M::decode(bytes.as_slice()).map_err(|error| unreadable(&error))
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> DataFusionError {
    exec_datafusion_err!("cannot read a part of a plan: {error}; the coordinator and the executors must be the same version")
}

/// Writes parts of a plan.
pub struct PlanWriter<'w> {
    codec: &'w dyn PhysicalExtensionCodec,
    converter: &'w dyn PhysicalProtoConverterExtension,
}

impl<'w> PlanWriter<'w> {
    /// A writer for a call of a codec.
    pub fn new(codec: &'w dyn PhysicalExtensionCodec, converter: &'w dyn PhysicalProtoConverterExtension) -> PlanWriter<'w> {
        PlanWriter { codec, converter }
    }

    /// An expression.
    ///
    /// # Errors
    ///
    /// If the engine cannot encode it.
    pub fn expression(&self, expression: &Arc<dyn PhysicalExpr>) -> Result<Encoded> {
        Ok(Encoded::of(&self.converter.physical_expr_to_proto(expression, self.codec)?))
    }

    /// Several expressions.
    ///
    /// # Errors
    ///
    /// If the engine cannot encode one.
    pub fn expressions(&self, expressions: &[Arc<dyn PhysicalExpr>]) -> Result<Vec<Encoded>> {
        expressions.iter().map(|expression| self.expression(expression)).collect()
    }

    /// A schema.
    ///
    /// # Errors
    ///
    /// If the engine cannot encode it.
    pub fn schema(&self, schema: &Schema) -> Result<Encoded> {
        Ok(Encoded::of(&protobuf::Schema::try_from(schema)?))
    }
}

/// Reads parts of a plan.
pub struct PlanReader<'r> {
    /// The functions of this program.
    context: &'r TaskContext,
    codec: &'r dyn PhysicalExtensionCodec,
    converter: &'r dyn PhysicalProtoConverterExtension,
}

impl<'r> PlanReader<'r> {
    /// A reader for a call of a codec.
    pub fn new(
        context: &'r TaskContext,
        codec: &'r dyn PhysicalExtensionCodec,
        converter: &'r dyn PhysicalProtoConverterExtension,
    ) -> PlanReader<'r> {
        PlanReader { context, codec, converter }
    }

    /// The functions of this program.
    pub fn context(&self) -> &TaskContext {
        self.context
    }

    /// An expression over rows of a schema.
    ///
    /// # Errors
    ///
    /// If it is malformed, or has an unknown function.
    pub fn expression(&self, encoded: &Encoded, rows: &Schema) -> Result<Arc<dyn PhysicalExpr>> {
        let context = PhysicalPlanDecodeContext::new(self.context, self.codec);
        self.converter.proto_to_physical_expr(&encoded.message()?, rows, &context)
    }

    /// Several expressions over rows of a schema.
    ///
    /// # Errors
    ///
    /// If one is malformed, or has an unknown function.
    pub fn expressions(&self, encoded: &[Encoded], rows: &Schema) -> Result<Vec<Arc<dyn PhysicalExpr>>> {
        encoded.iter().map(|encoded| self.expression(encoded, rows)).collect()
    }

    /// A schema.
    ///
    /// # Errors
    ///
    /// If it is malformed.
    pub fn schema(&self, encoded: &Encoded) -> Result<SchemaRef> {
        let schema: protobuf::Schema = encoded.message()?;
        Ok(Arc::new(Schema::try_from(&schema)?))
    }
}

/// What another process needs for an operator, besides its inputs.
#[derive(Serialize, Deserialize)]
struct OperatorDocument<D> {
    analysis: D,
    schema: Encoded,
    reads: Reads,
}

/// How an operator reads its inputs.
#[derive(Serialize, Deserialize)]
enum Reads {
    /// All partitions, for this number of outputs.
    Shared(usize),
    /// One partition of each.
    Single,
    /// The partition of the output, by these keys of each input.
    Partitioned(Vec<Vec<Encoded>>),
}

/// A node of a plan.
type Node = Arc<dyn ExecutionPlan>;

/// An operator of this program, as those who encode, decode and partition it see it.
#[derive(Debug, Clone, Copy)]
pub struct PortableOperator {
    /// The name in plans.
    pub name: &'static str,
    aligned: fn(&Node) -> Option<Result<Node>>,
    encoded: fn(&Node, &PlanWriter<'_>) -> Option<Result<Vec<u8>>>,
    decoded: fn(&[u8], &[Node], &PlanReader<'_>) -> Result<Node>,
}

impl PortableOperator {
    /// The operator of an analysis.
    pub fn of<S: Portable>() -> PortableOperator {
        PortableOperator { name: S::NAME, aligned: aligned::<S>, encoded: encoded::<S>, decoded: decoded::<S> }
    }

    /// The same operator with [aligned](AnalysisExec::aligned) inputs; none if it is another one, or aligned already.
    ///
    /// # Errors
    ///
    /// If an input lacks a key.
    pub fn aligned(&self, node: &Arc<dyn ExecutionPlan>) -> Option<Result<Arc<dyn ExecutionPlan>>> {
        (self.aligned)(node)
    }

    /// The operator as bytes; none if it is another one.
    ///
    /// # Errors
    ///
    /// If a part cannot be encoded.
    pub fn encoded(&self, node: &Arc<dyn ExecutionPlan>, writer: &PlanWriter<'_>) -> Option<Result<Vec<u8>>> {
        (self.encoded)(node, writer)
    }

    /// The operator with these inputs.
    ///
    /// # Errors
    ///
    /// If the bytes are malformed.
    pub fn decoded(
        &self,
        bytes: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        reader: &PlanReader<'_>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        (self.decoded)(bytes, inputs, reader)
    }
}

fn aligned<S: Portable>(node: &Arc<dyn ExecutionPlan>) -> Option<Result<Arc<dyn ExecutionPlan>>> {
    let operator = node.downcast_ref::<AnalysisExec<S>>()?;
    if operator.alignment().is_some() {
        return None;
    }
    Some(operator.aligned().map(|operator| Arc::new(operator) as Arc<dyn ExecutionPlan>))
}

fn encoded<S: Portable>(node: &Arc<dyn ExecutionPlan>, writer: &PlanWriter<'_>) -> Option<Result<Vec<u8>>> {
    let operator = node.downcast_ref::<AnalysisExec<S>>()?;
    let document = || {
        let reads = match operator.alignment() {
            None => Reads::Shared(operator.properties().output_partitioning().partition_count()),
            Some(None) => Reads::Single,
            Some(Some(keys)) => Reads::Partitioned(keys.iter().map(|keys| writer.expressions(keys)).collect::<Result<Vec<_>>>()?),
        };
        let schema = writer.schema(&operator.schema())?;
        let document = OperatorDocument { analysis: operator.analysis().document(writer)?, schema, reads };
        serde_json::to_vec(&document).map_err(|error| unreadable(&error))
    };
    Some(document())
}

fn decoded<S: Portable>(
    bytes: &[u8],
    inputs: &[Arc<dyn ExecutionPlan>],
    reader: &PlanReader<'_>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let OperatorDocument { analysis, schema, reads }: OperatorDocument<S::Document> =
        serde_json::from_slice(bytes).map_err(|error| unreadable(&error))?;
    let (analysis, schema) = (Arc::new(S::of_document(analysis, reader)?), reader.schema(&schema)?);
    let by = match reads {
        Reads::Shared(outputs) => return Ok(Arc::new(AnalysisExec::new(analysis, inputs.to_vec(), schema, outputs))),
        Reads::Single => None,
        Reads::Partitioned(keys) => {
            let keys = keys.iter().zip(inputs).map(|(keys, input)| reader.expressions(keys, &input.schema()));
            Some(keys.collect::<Result<Vec<_>>>()?)
        }
    };
    Ok(Arc::new(AnalysisExec::aligned_by(analysis, inputs.to_vec(), schema, by)))
}
