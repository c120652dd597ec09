"""The commands, files and configurations that README and CONTRIBUTING name exist and fit."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from pipeline import config

PROJECT = Path(__file__).resolve().parents[1]
PAGES = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")])
DEMANDED_TARGETS = {"demo", "test", "test-all", "check", "up", "bench"}


def blocks(page: Path, *languages: str) -> list[str]:
    """Return a page's fenced blocks of these languages."""
    found = re.findall(r"^ *```(\w+)\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [text for language, text in found if language in languages]


def commands(page: Path) -> list[list[str]]:
    """Return the commands of a page's shell blocks, as words; without the prompt, comments and shown output."""
    lines = []
    for text in blocks(page, "console"):
        lines += [line.strip()[2:] for line in text.splitlines() if line.strip().startswith("$ ")]
    for text in blocks(page, "bash", "sh"):
        lines += [line for line in text.splitlines() if line.strip()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def targets() -> set[str]:
    """Return the Makefile's targets that `make help` shows."""
    return set(re.findall(r"^([a-z-]+):.*## ", (PROJECT / "Makefile").read_text(), re.MULTILINE))


def calls(program: str) -> list[tuple[str, list[str]]]:
    """Return every call of a program on any page, with the page's name."""
    found = []
    for page in PAGES:
        for words in commands(page):
            names = [Path(word).name for word in words]
            if program in names:
                found.append((page.name, words[names.index(program) + 1 :]))
    return found


def test_readme_starts_with_the_two_commands() -> None:
    assert commands(PROJECT / "README.md")[:2] == [["make", "demo"], ["make", "test"]]
    assert targets() >= DEMANDED_TARGETS


@pytest.mark.parametrize(("page", "arguments"), calls("make"))
def test_make_target_exists(page: str, arguments: list[str]) -> None:
    assert arguments, page
    assert {word for word in arguments if "=" not in word} <= targets()


def parse(app: typer.Typer, words: list[str]) -> str:
    """Read the words as the shell would pass them and return the command that they name, without running it.

    Raises
    ------
    Exception
        Click's usage error, if the command, an option or an argument does not exist or is missing.
    """
    command, name = typer.main.get_command(app), "sluice"
    context = command.make_context(name, list(words))
    while hasattr(command, "resolve_command"):
        rest = [*context._protected_args, *context.args]
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
    return str(name)


@pytest.mark.parametrize(("page", "arguments"), calls("sluice"))
def test_sluice_command_exists(page: str, arguments: list[str]) -> None:
    from pipeline.cli import app

    assert parse(app, arguments), page


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("run x.yaml", "run"),
        ("release list --config x.yaml", "list"),
        ("rum x.yaml", None),
        ("run", None),
        ("run x.yaml --set", None),
        ("release lists", None),
        ("release list --confg x.yaml", None),
    ],
)
def test_wrong_sluice_command_is_found(words: str, named: str | None) -> None:
    app, group = typer.Typer(), typer.Typer()
    app.add_typer(group, name="release")

    @app.command("run")
    def run(file: str) -> None: ...

    @group.command("list")
    def list_all(config: str = "") -> None: ...

    @group.command("show")
    def show() -> None: ...

    if named:
        assert parse(app, words.split()) == named
    else:
        with pytest.raises(Exception, match=r"(?i)no such|missing|requires"):
            parse(app, words.split())


def test_readme_shows_the_example() -> None:
    assert blocks(PROJECT / "README.md", "yaml")[0] == (PROJECT / "examples" / "pipeline.yaml").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_configurations_load(page: Path, tmp_path: Path) -> None:
    for text in blocks(page, "yaml"):
        if text.startswith("data_pipeline:"):
            config.parse(text, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_shell_blocks_are_read(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```console\n$ make demos  # comment\noutput\n```\n\n```bash\nsluice rum x\n```\n```text\n$ no\n```\n"
    )
    assert commands(page) == [["make", "demos"], ["sluice", "rum", "x"]]
