//! What an assistant can call, and the command line that a call becomes.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// A tool.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// The name that a client calls.
    pub name: String,
    /// The name that a person sees.
    pub title: String,
    /// What it does, for the model.
    pub description: String,
    /// The command line in groups; a group whose parameter is not given is left out (see [`filled`]).
    command: Vec<Vec<String>>,
    #[serde(default)]
    parameter: Vec<Parameter>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameter {
    name: String,
    #[serde(default)]
    required: bool,
    description: String,
}

/// A prompt that a person can choose.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// The name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it asks the person for.
    pub arguments: Vec<Argument>,
    text: String,
}

/// An argument of a prompt.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Argument {
    /// The name.
    pub name: String,
    /// What it means.
    pub description: String,
    /// Whether the prompt needs it.
    pub required: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    tool: Vec<Tool>,
    prompt: Vec<Prompt>,
}

static FILE: LazyLock<File> = LazyLock::new(|| toml::from_str(include_str!("tools.toml")).expect("the built-in list is tested"));

/// All tools.
pub fn tools() -> &'static [Tool] {
    &FILE.tool
}

/// All prompts.
pub fn prompts() -> &'static [Prompt] {
    &FILE.prompt
}

/// The longest argument, in characters. An error quotes it, and must fit a model's context.
const LONGEST: usize = 10_000;

/// A word of a group with its parameter `{NAME}`; none if that is not given. `{!NAME}` is not a word of the command line, and none
/// if the parameter is given.
fn filled<'v>(word: &str, given: &impl Fn(&str) -> Option<&'v str>) -> Option<Option<String>> {
    let Some((before, name)) = word.split_once('{') else { return Some(Some(word.to_owned())) };
    let name = name.strip_suffix('}').unwrap_or(name);
    match name.strip_prefix('!') {
        Some(absent) => given(absent).is_none().then_some(None),
        None => given(name).map(|value| Some(format!("{before}{value}"))),
    }
}

impl Tool {
    /// The JSON Schema of its arguments.
    pub fn schema(&self) -> Map<String, Value> {
        let mut properties = Map::new();
        for parameter in &self.parameter {
            properties.insert(parameter.name.clone(), json!({ "type": "string", "description": parameter.description }));
        }
        properties.insert(
            "offset".to_owned(),
            json!({ "type": "integer", "minimum": 0, "description": "The first line of the answer to return (default: 0)" }),
        );
        let required: Vec<&str> = self.parameter.iter().filter(|known| known.required).map(|known| known.name.as_str()).collect();
        let schema = json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        });
        match schema {
            Value::Object(schema) => schema,
            _ => Map::new(),
        }
    }

    /// The command line of a call, and the first line to return.
    ///
    /// # Errors
    ///
    /// A sentence for the model if an argument is missing, unknown, or not of its type.
    pub fn command(&self, arguments: &Map<String, Value>) -> Result<(Vec<String>, usize), String> {
        let mut offset = 0;
        for (name, value) in arguments {
            if name == "offset" {
                let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
                offset = number.ok_or_else(|| format!("`offset` is {value}; expected a whole number such as 0"))?;
            } else if !self.parameter.iter().any(|known| known.name == *name) {
                let known: Vec<&str> = self.parameter.iter().map(|known| known.name.as_str()).chain(["offset"]).collect();
                return Err(format!("`{}` has no argument `{name}`; it takes {}", self.name, known.join(", ")));
            } else {
                let text = value.as_str().ok_or_else(|| format!("`{name}` is {value}; expected a text"))?;
                let length = text.chars().count();
                if length > LONGEST {
                    return Err(format!("`{name}` has {length} characters; expected at most {LONGEST}"));
                }
                if text.contains('\0') {
                    return Err(format!("`{name}` has the character U+0000, which no command can be given; leave it out"));
                }
            }
        }
        let given = |name: &str| arguments.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
        if let Some(missing) = self.parameter.iter().find(|known| known.required && given(&known.name).is_none()) {
            return Err(format!("`{}` needs `{}`: {}", self.name, missing.name, missing.description));
        }
        let mut command = Vec::new();
        for group in &self.command {
            let words: Option<Vec<Option<String>>> = group.iter().map(|word| filled(word, &given)).collect();
            command.extend(words.into_iter().flatten().flatten());
        }
        Ok((command, offset))
    }
}

impl Prompt {
    /// The text with its arguments; an optional one that is not given is `not given`.
    ///
    /// # Errors
    ///
    /// A sentence if a required argument is not given.
    pub fn text(&self, arguments: &Map<String, Value>) -> Result<String, String> {
        let mut text = self.text.clone();
        for argument in &self.arguments {
            let given = arguments.get(&argument.name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
            if argument.required && given.is_none() {
                return Err(format!("the prompt `{}` needs `{}`: {}", self.name, argument.name, argument.description));
            }
            text = text.replace(&format!("{{{}}}", argument.name), given.unwrap_or("not given"));
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str, arguments: Value) -> Result<(Vec<String>, usize), String> {
        let tool = tools().iter().find(|tool| tool.name == name).unwrap();
        tool.command(arguments.as_object().unwrap())
    }

    #[test]
    fn a_call_becomes_a_command_line() {
        let (command, offset) = call("query", json!({ "query": "failures by reason", "offset": 7 })).unwrap();
        assert_eq!(command, ["query", "--format", "ndjson", "--evidence", "--", "failures by reason"]);
        assert_eq!(offset, 7);
        let (command, _) = call("explain", json!({ "what": "--out=/etc/passwd" })).unwrap();
        assert_eq!(command, ["explain", "--", "--out=/etc/passwd"]);
        // Without a name, all incidents are explained.
        assert_eq!(call("explain", json!({})).unwrap().0, ["explain", "--all"]);
        assert_eq!(call("explain", json!({ "since": "7d" })).unwrap().0, ["explain", "--all", "--since=7d"]);
        assert_eq!(call("explain", json!({ "since": "--out" })).unwrap().0, ["explain", "--all", "--since=--out"]);
        // The window is one of incidents.
        assert_eq!(call("explain", json!({ "since": "7d", "what": "x" })).unwrap().0, ["explain", "--", "x"]);
        let (command, _) = call("query", json!({ "query": "calls", "as_of": "now" })).unwrap();
        assert_eq!(command[4..], ["--as-of=now", "--", "calls"]);
    }

    #[test]
    fn wrong_arguments_are_refused_with_a_sentence() {
        assert!(call("query", json!({})).unwrap_err().contains("needs `query`"));
        assert!(call("query", json!({ "query": 7 })).unwrap_err().contains("expected a text"));
        assert!(
            call("query", json!({ "query": "calls", "out": "x" })).unwrap_err().contains("it takes query, tz, as_of, offset")
        );
        assert!(call("record", json!({ "id": "a\0b" })).unwrap_err().contains("`id` has the character U+0000"));
        let long = "é".repeat(LONGEST);
        assert!(call("explain", json!({ "what": long })).is_ok());
        assert!(call("explain", json!({ "what": long + "x" })).unwrap_err().contains("10001 characters; expected at most 10000"));
    }

    #[test]
    fn a_prompt_needs_what_it_says() {
        let prompt = |name: &str| prompts().iter().find(|prompt| prompt.name == name).unwrap();
        let given = |value: Value| prompt("post_mortem").text(value.as_object().unwrap());
        assert!(given(json!({ "what": "web" })).unwrap().starts_with("Write a post-mortem about web."));
        assert!(given(json!({})).unwrap_err().contains("`post_mortem` needs `what`") && given(json!({ "what": " " })).is_err());
        assert!(prompt("what_failed").text(&Map::new()).unwrap().contains("in this window: not given."));
        assert!(call("doctor", json!({ "offset": -1 })).unwrap_err().contains("whole number"));
    }

    #[test]
    fn every_parameter_is_used_and_described() {
        for tool in tools() {
            let words: Vec<&String> = tool.command.iter().flatten().collect();
            for parameter in &tool.parameter {
                let placeholder = format!("{{{}}}", parameter.name);
                assert!(words.iter().any(|word| word.ends_with(&placeholder)), "{}: {}", tool.name, parameter.name);
                assert!(!parameter.description.is_empty());
            }
            let placeholders = words.iter().filter(|word| word.contains('{') && !word.contains("{!")).count();
            assert_eq!(placeholders, tool.parameter.len(), "{}", tool.name);
            assert!(tool.schema().contains_key("required"));
        }
        for prompt in prompts() {
            assert!(prompt.arguments.iter().all(|known| prompt.text.contains(&format!("{{{}}}", known.name))), "{}", prompt.name);
        }
    }
}
