"""A map's name or path -> the Map. I/O; every fault is one sentence with the key and the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

import yaml
from pydantic import BaseModel, ValidationError

from services.importing.map import Map, Part
from services.importing.refusals import BadMap

FOLDER = Path(__file__).parent / "maps"
EXAMPLE = "services/importing/maps/servicenow.yaml"
MAP_BYTES_MAX = 1_000_000  # a map is written by hand; more is a mistaken file


def find_map(name: str) -> Map:
    """The map of this name in services/importing/maps, or at this path. Raises BadMap."""
    path = _path(name)
    try:
        if path.stat().st_size > MAP_BYTES_MAX:
            raise BadMap(f"{path} is too large for a map: give the map after --map, and the log before it")
        # BaseLoader keeps every scalar as text: to YAML a state called No would be a boolean.
        given = yaml.load(path.read_text("utf-8"), yaml.BaseLoader)  # noqa: S506
    except UnicodeDecodeError as error:
        raise BadMap(f"{path} is not UTF-8 at byte {error.start}: save the map as UTF-8") from error
    except yaml.YAMLError as error:
        raise BadMap(f"{path} is not YAML: {_where(error)}; {EXAMPLE} is an explained example") from error
    except OSError as error:
        raise BadMap(f"{path} cannot be read: {error.strerror}") from error
    if not isinstance(given, dict):
        raise BadMap(f"{path} holds no keys: {EXAMPLE} is an explained example")
    try:
        return Map.model_validate(given)
    except ValidationError as error:
        raise BadMap(f"{path}: {_fault(error)}") from error


def names() -> list[str]:
    """The maps that come with Daybook."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def _path(name: str) -> Path:
    """A name is looked up among ours first; - and _ are the same."""
    for known in names():
        if known == name.replace("-", "_"):
            return FOLDER / f"{known}.yaml"
    path = Path(name)
    if not path.is_file():
        raise BadMap(f"there is no map {name}: give a path, or one of {', '.join(names())}")
    return path


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it cannot be read"
    return f"{problem} in line {mark.line + 1}" if mark else str(problem)


def _fault(error: ValidationError) -> str:
    """The first fault as a sentence."""
    fault = error.errors()[0]
    key = ".".join(str(step) for step in fault["loc"])
    match fault["type"]:
        case "extra_forbidden":
            near = get_close_matches(str(fault["loc"][-1]), sorted(set(_keys(Map))), 1)
            return f"{key} is no key of a map; {f'did you mean {near[0]}?' if near else f'{EXAMPLE} explains them all'}"
        case "missing":
            return f"{key} is missing; {EXAMPLE} explains it"
        case _:
            given = fault["input"]
            shown = f" (it is {given})" if isinstance(given, str) else ""
            reason = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
            return f"{key or 'the map'} cannot be used{shown}: {reason}; {EXAMPLE} explains it"


def _keys(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, Part):
                yield from _keys(part)
