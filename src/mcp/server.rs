//! The protocol: requests of a client in, answers of the command line out.

use super::page::page;
use super::questions::Questions;
use super::tools::{Tool, prompts, tools};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, GetPromptRequestParams, GetPromptResponse,
    GetPromptResult, Implementation, ListPromptsResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    PromptArgument, PromptMessage, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Resource,
    ResourceContents, Role, ServerCapabilities, ServerConfig, ToolAnnotations,
};
use rmcp::service::{RequestContext, ServerInitializeError};
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
use std::io;

/// The language on one page, and its nouns.
const LANGUAGE: (&str, &str) = ("ecs-audit://language", include_str!("../../docs/language.md"));
const NOUNS: &str = "ecs-audit://nouns";

/// The types of resources.
const MARKDOWN: &str = "text/markdown";
const PLAIN: &str = "text/plain";

/// The description of the server that a client gives to its model.
const INSTRUCTIONS: &str = "\
Answers questions about failures on Amazon ECS and dstack from records that were exported and loaded before: what failed, in which \
phase, why, what changed before, what to do. Read-only and offline. Start with `doctor` to see what is loaded and what is missing, then \
`findings` or `query`, then `explain` for details. Windows count back from the newest event in the store, not from today. Names may be \
pseudonyms such as account-3f2a…; use them in questions as they are.";

/// Serves a client on standard input and output until it disconnects.
///
/// # Errors
///
/// If the client does not speak the protocol.
pub async fn serve(questions: Questions) -> io::Result<()> {
    let server = Server { questions };
    match server.serve(rmcp::transport::stdio()).await {
        Ok(running) => running.waiting().await.map(|_| ()).map_err(io::Error::other),
        // The client left before it said anything.
        Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
        Err(error) => Err(io::Error::other(error)),
    }
}

struct Server {
    questions: Questions,
}

impl Server {
    async fn answer(&self, tool: &Tool, request: &CallToolRequestParams) -> Result<String, String> {
        let arguments = request.arguments.clone().unwrap_or_default();
        let (command, offset) = tool.command(&arguments)?;
        let output = self.questions.ask(command).await.map_err(|error| error.to_string())?;
        if output.answered { Ok(page(&output.notes, &output.data, offset)) } else { Err(output.notes) }
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_prompts().enable_resources().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("ecs-audit", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let listed = tools().iter().map(|tool| {
            let hints = ToolAnnotations::with_title(tool.title.clone()).read_only(true).idempotent(true).open_world(false);
            rmcp::model::Tool::new(tool.name.clone(), tool.description.clone(), tool.schema()).with_annotations(hints)
        });
        Ok(ListToolsResult::with_all_items(listed.collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = tools().iter().find(|tool| tool.name == request.name) else {
            return Err(ErrorData::invalid_params(format!("there is no tool `{}`", request.name), None));
        };
        let answer = tokio::select! {
            answer = self.answer(tool, &request) => answer,
            () = context.ct.cancelled() => Err("cancelled".to_owned()),
        };
        // An error of a question goes to the model, which can correct it; an error of the protocol would be hidden from it.
        let result = match answer {
            Ok(text) => CallToolResult::success(vec![ContentBlock::text(text)]),
            Err(text) => CallToolResult::error(vec![ContentBlock::text(text)]),
        };
        Ok(result.into())
    }

    async fn list_prompts(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let listed = prompts().iter().map(|prompt| {
            let argument = |known: &super::tools::Argument| {
                PromptArgument::new(known.name.clone()).with_description(known.description.clone()).with_required(known.required)
            };
            let arguments = prompt.arguments.iter().map(argument).collect();
            rmcp::model::Prompt::new(prompt.name.clone(), Some(prompt.description.clone()), Some(arguments))
        });
        Ok(ListPromptsResult::with_all_items(listed.collect()))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let prompt = prompts().iter().find(|prompt| prompt.name == request.name);
        let prompt = prompt.ok_or_else(|| ErrorData::invalid_params(format!("there is no prompt `{}`", request.name), None))?;
        let text = prompt.text(&request.arguments.unwrap_or_default());
        let text = text.map_err(|error| ErrorData::invalid_params(error, None))?;
        let result = GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]);
        Ok(result.with_description(prompt.description.clone()).into())
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let language = Resource::new(LANGUAGE.0, "language").with_description("The query language").with_mime_type(MARKDOWN);
        let nouns = Resource::new(NOUNS, "nouns").with_description("What can be asked about").with_mime_type(PLAIN);
        Ok(ListResourcesResult::with_all_items(vec![language, nouns]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let (text, kind) = match request.uri.as_str() {
            uri if uri == LANGUAGE.0 => (LANGUAGE.1.to_owned(), MARKDOWN),
            NOUNS => {
                let output = self.questions.ask(vec!["fields".to_owned()]).await;
                (output.map_err(|error| ErrorData::internal_error(error.to_string(), None))?.data, PLAIN)
            }
            uri => return Err(ErrorData::resource_not_found(format!("there is no resource `{uri}`"), None)),
        };
        Ok(ReadResourceResult::new(vec![ResourceContents::text(text, request.uri).with_mime_type(kind)]).into())
    }
}
