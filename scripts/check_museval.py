#!/usr/bin/env python3
"""Loads a folder of JSON files that `svsep evaluate --musdb ... -o FOLDER` wrote with museval's own tools.

    check_museval.py FOLDER

Every file is validated against museval's schema, then museval's EvalStore aggregates them: what it prints must be
the table of `svsep evaluate` (which adds the global scores). Needs museval (PyPI).
"""

import argparse
import json
from pathlib import Path

import jsonschema
import museval


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder

    schema = json.loads((Path(museval.__file__).parent / "musdb.schema.json").read_text())
    files = sorted(folder.glob("test/**/*.json"))
    if not files:
        raise SystemExit(f"no JSON files in {folder / 'test'}")
    for file in files:
        jsonschema.validate(json.loads(file.read_text()), schema)
    print(f"{len(files)} files follow museval's schema")

    scores = museval.EvalStore(frames_agg="median", tracks_agg="median")
    scores.add_eval_dir(folder)
    print(scores)


if __name__ == "__main__":
    main()
