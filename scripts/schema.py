"""Write `workflow/schemas/config.schema.json` from the typed models: editors check and complete config.yaml with it."""

import json
from pathlib import Path

from rederive import imports
from rederive.config import Config, entry_model
from rederive.yaml_files import read_yaml

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.json"


def schema() -> str:
    """Return the JSON schema of the configuration with the keys of its own trainers, as text."""
    imports.add_code_of(ROOT)
    config = Config.model_validate(read_yaml(ROOT / "config.yaml"))
    found = Config.model_json_schema()
    # Which trainer an experiment has may be said by its base, so that any key of any trainer may stand there.
    entry = {"type": "object", "additionalProperties": False, "properties": {}}
    for trainer in config.trainers.values():
        keys = entry_model(trainer.settings_model()).model_json_schema()
        entry["properties"] |= keys["properties"]
    (pattern,) = found["properties"]["experiments"]["patternProperties"]
    found["properties"]["experiments"]["patternProperties"][pattern] = entry
    return json.dumps(found, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(schema())
