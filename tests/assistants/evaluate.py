"""Asks a store of the samples through the official client of the Model Context Protocol.

usage: evaluate.py BINARY EXPORTS

Loads EXPORTS, asks everything in questions.toml, and checks that answers are right, small enough, and without names that
pseudonyms replace.
"""

import asyncio
import pathlib
import subprocess
import sys
import tempfile
import tomllib

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

HERE = pathlib.Path(__file__).parent
ACCOUNTS = ("111122223333", "222233334444")
# 25,000 tokens, at two and a half characters each.
MOST = 62_500


async def ask(binary, store):
    questions = tomllib.loads((HERE / "questions.toml").read_text())["question"]
    wrong = []
    async with stdio_client(StdioServerParameters(command=binary, args=["--store", store, "--quiet", "mcp"])) as streams:
        async with ClientSession(*streams) as session:
            await session.initialize()
            tools = {tool.name: tool for tool in (await session.list_tools()).tools}
            called = set()
            for question in questions:
                name, arguments = question["call"]
                called.add(name)
                answer = await session.call_tool(name, arguments)
                text = "\n".join(part.text for part in answer.content)
                is_error = getattr(answer, "is_error", None) if hasattr(answer, "is_error") else answer.isError
                faults = [f"lacks {part!r}" for part in question["expect"] if part not in text]
                if bool(is_error) != question.get("error", False):
                    faults.append("is an error" if is_error else "is no error")
                if len(text) > MOST:
                    faults.append(f"has {len(text)} characters")
                faults += [f"names the account {account}" for account in ACCOUNTS if account in text]
                if faults:
                    wrong.append(f"{question['ask']} {', '.join(faults)}\n{text[:600]}")
            wrong += [f"no question calls {name}" for name in tools if name not in called]
            for prompt in (await session.list_prompts()).prompts:
                given = {argument.name: "checkout-web" for argument in prompt.arguments or []}
                message = (await session.get_prompt(prompt.name, given)).messages[0].content.text
                if given and "checkout-web" not in message:
                    wrong.append(f"the prompt {prompt.name} ignores its argument")
            for resource in (await session.list_resources()).resources:
                contents = (await session.read_resource(resource.uri)).contents
                if "failures" not in contents[0].text:
                    wrong.append(f"{resource.uri} says nothing about failures")
                listed, read = (getattr(item, "mime_type", None) or getattr(item, "mimeType", None) for item in (resource, contents[0]))
                if listed != read:
                    wrong.append(f"{resource.uri} is listed as {listed} and read as {read}")
            for name, argument in [("explain", "what"), ("record", "id"), ("findings", "since"), ("query", "query")]:
                for hostile in ["x" * 100_000, "a\0b", "--help"]:
                    answer = await session.call_tool(name, {argument: hostile})
                    text = "\n".join(part.text for part in answer.content)
                    is_error = getattr(answer, "is_error", None) if hasattr(answer, "is_error") else answer.isError
                    if not is_error or len(text) > 1_000:
                        wrong.append(f"{name} answers {hostile[:10]!r} with {text[:200]} ({len(text)} characters)")
            # A pseudonym of an answer is a name in the next question.
            accounts = await session.call_tool("query", {"query": "calls by account top 1"})
            pseudonym = accounts.content[0].text.split('"account":"')[1].split('"')[0]
            again = await session.call_tool("query", {"query": f"calls where account = '{pseudonym}' by account"})
            if f'"account":"{pseudonym}"' not in again.content[0].text:
                wrong.append(f"the pseudonym {pseudonym} cannot be asked about: {again.content[0].text[:300]}")
    return len(questions), wrong


def main():
    binary, exports = str(pathlib.Path(sys.argv[1]).resolve()), sys.argv[2]
    with tempfile.TemporaryDirectory() as folder:
        store = f"{folder}/store"
        subprocess.run([binary, "--store", store, "--quiet", "load", exports], check=True, stdout=subprocess.DEVNULL)
        count, wrong = asyncio.run(ask(binary, store))
    for fault in wrong:
        print(f"wrong: {fault}\n", file=sys.stderr)
    print(f"{count} questions, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
