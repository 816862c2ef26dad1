//! Recognizes objects of AWS as a program prints them that does not write JSON: SDKs, consoles and shells.
//!
//! In: the beginning of a text. Out: advice on how to export the same as JSON, for each language. Only texts that name a resource
//! of ECS count.

use super::unread::{has, head, is_ruby, lines, names_ecs};
use crate::decode::python;

/// What to do with an object that was printed, by its form.
pub fn advice(content: &[u8]) -> Option<&'static str> {
    // An answer of boto3, whose times are not plain data.
    if python::begins_dictionary(content) && has(head(content), "arn:aws") {
        return Some(
            "a Python literal, not JSON; write it with `json.dumps(answer, default=str)`, or export it with `aws … --output json`",
        );
    }
    form(content).filter(|_| names_ecs(content))
}

/// The same for what need not be of ECS.
fn form(content: &[u8]) -> Option<&'static str> {
    if is_php(content) {
        return Some(
            "an array as PHP prints it, not JSON; write it with `json_encode($result->toArray())`, or export it with `aws … --output json`",
        );
    }
    if is_powershell(content) {
        return Some(
            "an object as PowerShell lists it, not JSON; write it with `ConvertTo-Json -Depth 10`, or export it with `aws … --output json`",
        );
    }
    (is_literal(content) || is_answer(content) || is_ruby(content)).then_some(
        "an object as a program prints it, not JSON; write it with `JSON.stringify(…)`, `json.Marshal(…)` or `.to_h.to_json`, or export it \
         with `aws … --output json`",
    )
}

/// Detects what `var_export`, `print_r` and `var_dump` print, and the source of an array.
fn is_php(content: &[u8]) -> bool {
    let mut lines = lines(content).map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let (first, second) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let opens = |word: &[u8]| first.strip_prefix(word).is_some_and(|rest| rest.trim_ascii_start().starts_with(b"("));
    opens(b"array")
        || opens(b"object")
        || matches!(first, b"Array" | b"Aws\\Result Object") && second == b"("
        || first == b"[" && second.starts_with(b"'") && has(second, "=>")
}

/// Detects a list of properties, `Name : value`, whose colons are below each other.
fn is_powershell(content: &[u8]) -> bool {
    let column = |line: &[u8]| {
        let name = line.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let rest = line.get(name..)?;
        let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
        (name > 0 && blanks > 0 && rest.get(blanks..)?.starts_with(b": ")).then_some(name + blanks)
    };
    let mut columns = lines(content).take(2).map(column);
    matches!((columns.next(), columns.next()), (Some(Some(first)), Some(Some(second))) if first == second)
}

/// Detects an object whose keys have no quotes, or single ones, as JavaScript and Go print it.
fn is_literal(content: &[u8]) -> bool {
    let body = content.strip_prefix(b"&").unwrap_or(content);
    let body = body.strip_prefix(b"[").map_or(body, <[u8]>::trim_ascii_start);
    let Some(body) = body.strip_prefix(b"{").map(<[u8]>::trim_ascii_start) else { return false };
    let is_of_key = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'\'');
    let key = body.iter().position(|byte| !is_of_key(byte)).unwrap_or(body.len());
    // JSON whose first key is damaged has others with quotes.
    let is_json = || has(head(content), "\":") || has(head(content), "\" :");
    key > 0 && body.get(key) == Some(&b':') && !is_json()
}

/// Detects an answer with the names of its types: `DescribeTasksResponse(Tasks=[…`, `[Task { …`, `#<struct Aws::ECS::…`.
fn is_answer(content: &[u8]) -> bool {
    let body = content.strip_prefix(b"[").map_or(content, <[u8]>::trim_ascii_start);
    let body = body.strip_prefix(b"&").unwrap_or(body);
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'\\');
    let (name, rest) = body.split_at(body.iter().position(|byte| !is_of_name(byte)).unwrap_or(body.len()));
    let is_answer = ["Response", "Result", "Output", "Task", "Service", "Instance"].into_iter().any(|word| has(name, word));
    let opens = matches!(rest.first(), Some(b'(' | b'{')) || rest.starts_with(b" {");
    is_answer && opens || body.starts_with(b"#<struct Aws::")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:ecs:eu-west-1:111122223333:task/shop/0a";

    #[test]
    fn objects_by_their_language() {
        for (word, printed) in [
            ("json.dumps", format!("{{'tasks': [{{'taskArn': '{ARN}'}}]}}")),
            ("JSON.stringify", format!("{{\n  source: 'aws.ecs',\n  resources: [ '{ARN}' ]\n}}\n")),
            ("JSON.stringify", format!("[\n  {{\n    'detail-type': 'x',\n    resources: [ '{ARN}' ]\n  }}\n]\n")),
            ("JSON.stringify", format!("{{\n  Tasks: [{{\n      TaskArn: \"{ARN}\"\n    }}]\n}}\n")),
            ("JSON.stringify", format!("&{{Failures:[] Tasks:[{{TaskArn:{ARN} LastStatus:0xc00012}}]}}\n")),
            ("JSON.stringify", format!("DescribeTasksResponse(tasks=[Task(taskArn={ARN})])\n")),
            ("JSON.stringify", format!("DescribeTasksOutput {{ tasks: Some([Task {{ task_arn: Some(\"{ARN}\") }}]) }}\n")),
            (
                "JSON.stringify",
                format!("[\n    Task {{\n        task_arn: Some(\n            \"{ARN}\",\n        ),\n    }},\n]\n"),
            ),
            ("JSON.stringify", format!("&ecs.StopTaskOutput{{Task: \"{ARN}\"}}\n")),
            ("JSON.stringify", format!("#<struct Aws::ECS::Types::Task task_arn=\"{ARN}\">\n")),
            ("json_encode", format!("array (\n  'tasks' => \n  array (\n    0 => '{ARN}',\n  ),\n)\n")),
            ("json_encode", format!("Array\n(\n    [tasks] => Array\n        (\n            [0] => {ARN}\n")),
            ("json_encode", format!("[\n  'tasks' => ['{ARN}'],\n]\n")),
            ("ConvertTo-Json", format!("LastStatus : STOPPED\nTaskArn    : {ARN}\n")),
        ] {
            assert!(advice(printed.as_bytes()).is_some_and(|advice| advice.contains(word)), "{printed}");
        }
    }

    #[test]
    fn other_texts_are_not_objects() {
        for other in [
            "Task(1) is done\n".to_owned(),
            "{ a: 1 }\n".to_owned(),
            format!("Note: {ARN}\nNext: today\n"),
            format!("array of {ARN}\n"),
            format!("{{eventVersion\":\"1.11\",\"arn\":\"{ARN}\"}}"),
        ] {
            assert_eq!(advice(other.as_bytes()), None, "{other}");
        }
    }
}
