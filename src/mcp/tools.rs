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
    /// The command line in groups; a group whose parameter is not given is left out.
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
            } else if !value.is_string() {
                return Err(format!("`{name}` is {value}; expected a text"));
            }
        }
        let given = |name: &str| arguments.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
        if let Some(missing) = self.parameter.iter().find(|known| known.required && given(&known.name).is_none()) {
            return Err(format!("`{}` needs `{}`: {}", self.name, missing.name, missing.description));
        }
        let mut command = Vec::new();
        for group in &self.command {
            let words: Option<Vec<String>> = group
                .iter()
                .map(|word| match word.strip_prefix('{').and_then(|word| word.strip_suffix('}')) {
                    Some(name) => given(name).map(str::to_owned),
                    None => Some(word.clone()),
                })
                .collect();
            command.extend(words.into_iter().flatten());
        }
        Ok((command, offset))
    }
}

impl Prompt {
    /// The text with its arguments; one that is not given is `not given`.
    pub fn text(&self, arguments: &Map<String, Value>) -> String {
        let mut text = self.text.clone();
        for argument in &self.arguments {
            let value = arguments.get(&argument.name).and_then(Value::as_str).unwrap_or("not given");
            text = text.replace(&format!("{{{}}}", argument.name), value);
        }
        text
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
        assert_eq!(call("explain", json!({})).unwrap().0, ["explain"]);
    }

    #[test]
    fn wrong_arguments_are_refused_with_a_sentence() {
        assert!(call("query", json!({})).unwrap_err().contains("needs `query`"));
        assert!(call("query", json!({ "query": 7 })).unwrap_err().contains("expected a text"));
        assert!(call("query", json!({ "query": "calls", "out": "x" })).unwrap_err().contains("it takes query, tz, offset"));
        assert!(call("doctor", json!({ "offset": -1 })).unwrap_err().contains("whole number"));
    }

    #[test]
    fn every_parameter_is_used_and_described() {
        for tool in tools() {
            let words: Vec<&String> = tool.command.iter().flatten().collect();
            for parameter in &tool.parameter {
                assert!(words.contains(&&format!("{{{}}}", parameter.name)), "{}: {}", tool.name, parameter.name);
                assert!(!parameter.description.is_empty());
            }
            let placeholders = words.iter().filter(|word| word.starts_with('{')).count();
            assert_eq!(placeholders, tool.parameter.len(), "{}", tool.name);
            assert!(tool.schema().contains_key("required"));
        }
        for prompt in prompts() {
            assert!(prompt.arguments.iter().all(|known| prompt.text.contains(&format!("{{{}}}", known.name))), "{}", prompt.name);
        }
    }
}
