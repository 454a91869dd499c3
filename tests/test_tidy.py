"""The house rules as tests. Each message says what to do."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILE_LINES_MAX = 300
FUNCTION_LINES_MAX = 40
TESTS_MORE = 1.5  # the cases of one subject stay together, and a test may tell a longer story
BANNED_NAMES = {"utils", "helpers", "common", "manager", "base_service", "core", "misc"}
TOP_LEVEL = {
    *("services", "contracts", "deploy", "tests", "Makefile", "README.md", "pyproject.toml", "package.json"),
    *("requirements.lock", "requirements-dev.lock", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"),
}
GENERATED = ("contracts/schemas/", "contracts/examples/", "contracts/asyncapi.yaml", "contracts/openapi.yaml")
OTHERS_FILES = ("services/desk/static/vendor/", "package.json", "LICENSE", *GENERATED)
"""Files that a program or somebody else wrote: the sizes of our own prose do not apply to them."""

CONTRACTS_MAY_IMPORT = {"pydantic", "pydantic_core", "annotated_types", "typing_extensions", "contracts"}
KIT_LIKE = {"kit"}
EDGES = {"cli", "embedded", "demo", "importing", "keys", "proving", "exporting", "erasing"}
"""Parts that run the services or feed them, and so may import any of them."""

IO_MODULES = {
    *("asyncio", "asyncpg", "fastapi", "faststream", "httpx", "nats", "os", "pathlib", "secrets", "shutil"),
    *("smtplib", "socket", "sqlite3", "starlette", "subprocess", "tempfile", "threading", "time", "urllib.request"),
    *("uuid_utils", "aiosmtplib", "aiosmtpd"),
}
CLOCKS = re.compile(
    r"\b(datetime\.now|datetime\.utcnow|date\.today|time\.time|random\.(?!Random\b)\w+|uuid[14]\(|open\()"
)
REGISTRY_HOST = re.compile(
    r"https?://([a-z0-9-]+\.)*(pypi|pythonhosted|npmjs|npm|debian|yarnpkg)[a-z]*\.(org|com)", re.IGNORECASE
)
TOOLS_FOLDER = re.compile(r"\.(?!ci$|gitignore$)|node_modules$|__pycache__$|build$|artefacts$|.*\.egg-info$")
MACHINE_PATH = re.compile(r"(?<![\w.])/(home/[a-z]|root/|Users/[A-Z]|work/)[\w./-]*")


def tracked(*suffixes: str) -> list[str]:
    """Files that are committed or about to be, by their path from the root."""
    return [name for name in _listed() if name.endswith(suffixes or "")]


@lru_cache(maxsize=1)
def _listed() -> tuple[str, ...]:
    """What git knows; without git, or in a tree that it does not trust, every file outside the folders of tools."""
    command = ("git", "ls-files", "--cached", "--others", "--exclude-standard")
    if shutil.which("git"):
        listed = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
        if listed.returncode == 0:
            return tuple(name for name in listed.stdout.splitlines() if (ROOT / name).is_file())
    files = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return tuple(str(file) for file in files if not any(TOOLS_FOLDER.match(part) for part in file.parts))


def ours(*suffixes: str) -> list[str]:
    return [name for name in tracked(*suffixes) if not name.startswith(OTHERS_FILES)]


def parsed(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text(), name)


def imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Each imported module with its line, those inside functions and for type checkers too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or ""
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def no(faults: list[str], remedy: str) -> None:
    """Fails with every place and what to do there."""
    if faults:
        pytest.fail("\n".join([remedy, *sorted(set(faults))]), pytrace=False)


def test_contracts_import_pydantic_and_the_standard_library_only() -> None:
    import sys

    allowed = CONTRACTS_MAY_IMPORT | sys.stdlib_module_names
    faults = [
        f"  {name}:{line} imports {module}"
        for name in ours(".py")
        if name.startswith("contracts/")
        for line, module in imports(parsed(name))
        if module.split(".")[0] not in allowed
    ]
    no(faults, "contracts/ is read by other programs: move what needs a library into services/kit/")


def test_a_service_imports_contracts_and_the_kit_but_no_other_service() -> None:
    faults = []
    for name in ours(".py"):
        parts = Path(name).parts
        if parts[0] != "services" or len(parts) < 3 or parts[1] in EDGES:
            continue
        allowed = {parts[1], *KIT_LIKE}
        faults += [
            f"  {name}:{line} imports {module}"
            for line, module in imports(parsed(name))
            if module.startswith("services.") and module.split(".")[1] not in allowed
        ]
    no(
        faults,
        "a service knows contracts and services/kit only: ask the other one's API, or move what both need to the kit",
    )


def test_a_module_that_says_pure_does_no_io_and_reads_no_clock() -> None:
    faults = []
    for name in ours(".py"):
        tree = parsed(name)
        if not name.startswith(("contracts/", "services/")) or not re.search(
            r"\bPure\b", (ast.get_docstring(tree) or "").split("\n\n")[0]
        ):
            continue
        faults += [f"  {name}:{line} imports {module}" for line, module in imports(tree) if module in IO_MODULES]
        faults += [
            f"  {name}:{node.lineno} calls {ast.unparse(node.func)}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and CLOCKS.match(f"{ast.unparse(node.func)}(")
        ]
    no(
        faults,
        "the module's docstring says Pure: take clock, ids, chance and data as arguments, or do not call it pure",
    )


def test_every_module_opens_with_a_docstring() -> None:
    faults = [
        f"  {name}" for name in ours(".py") if (ROOT / name).stat().st_size and not ast.get_docstring(parsed(name))
    ]
    no(faults, "open the module with what enters, what leaves, and whether it is pure")


def allowed(name: str, lines: int) -> float:
    """The limit for one file: what is tests may be longer, what is data has none."""
    if "/data/" in name:
        return float("inf")
    return lines * TESTS_MORE if name.startswith("tests/") else lines


def test_files_stay_short() -> None:
    long = [(name, len((ROOT / name).read_text().splitlines())) for name in ours(".py", ".sql", ".css", ".js", ".html")]
    faults = [f"  {name}: {lines} lines" for name, lines in long if lines > allowed(name, FILE_LINES_MAX)]
    no(faults, f"a file has at most {FILE_LINES_MAX} lines: split it where its two subjects meet")


def test_functions_stay_short() -> None:
    faults = [
        f"  {name}:{node.lineno} {node.name} has {lines} lines"
        for name in ours(".py")
        for node in ast.walk(parsed(name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > allowed(name, FUNCTION_LINES_MAX)
    ]
    no(faults, f"a function has at most {FUNCTION_LINES_MAX} lines: name its parts and make them functions")


def test_no_drawers() -> None:
    faults = [f"  {name}" for name in ours() if BANNED_NAMES & {part.partition(".")[0] for part in Path(name).parts}]
    no(faults, "the name says nothing of what is inside: name the file for what it gives")


def test_queries_name_their_columns() -> None:
    pattern = re.compile(r"\bselect\s+\*", re.IGNORECASE)
    faults = [
        f"  {name}:{number}"
        for name in ours(".sql", ".py")
        if not name.startswith("tests/")
        for number, line in enumerate((ROOT / name).read_text().splitlines(), 1)
        if pattern.search(line.partition("--")[0])
    ]
    no(faults, "name the columns instead of SELECT *: a new column must not change what a reader gets")


def test_no_registry_host_and_no_path_of_a_machine_is_committed() -> None:
    faults = []
    for name in tracked():
        text = (ROOT / name).read_bytes().decode(errors="ignore")
        for pattern in (REGISTRY_HOST, MACHINE_PATH):
            faults += [f"  {name}: {found.group()}" for found in pattern.finditer(text) if name != "tests/test_tidy.py"]
    no(faults, "the tree must build anywhere: take the address of the registry or the machine's path out")


def test_the_locks_are_the_only_locks() -> None:
    faults = [f"  {name}" for name in tracked() if Path(name).name in {"uv.lock", "pylock.toml"}]
    faults += [f"  {name}" for name in tracked("package-lock.json") if '"resolved"' in (ROOT / name).read_text()]
    no(faults, "these locks embed download addresses: requirements*.lock with hashes is the lock, written by make lock")


def test_the_top_level_holds_only_what_the_design_names() -> None:
    faults = [f"  {name}" for name in tracked() if not name.startswith(".") and Path(name).parts[0] not in TOP_LEVEL]
    no(faults, "find the place in services/, contracts/, deploy/ or tests/ where this belongs")


def test_no_error_is_swallowed() -> None:
    faults = [
        f"  {name}:{node.lineno}"
        for name in ours(".py")
        for node in ast.walk(parsed(name))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
        and all(isinstance(part, ast.Pass | ast.Continue) for part in node.body)
    ]
    no(faults, "catch what you expect by name, and say why it may be ignored; let the rest end the process")
