"""Write `workflow/schemas/config.schema.json` from the typed models: editors check and complete config.yaml with it."""

import json
from pathlib import Path

from rederive.config import Config

SCHEMA = Path(__file__).parents[1] / "workflow" / "schemas" / "config.schema.json"


def schema() -> str:
    """Return the JSON schema of the configuration, as text."""
    return json.dumps(Config.model_json_schema(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(schema())
