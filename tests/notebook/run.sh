#!/usr/bin/env bash
# Runs the contract notebook headless with the Rust kernel and checks what its cells printed.
# Needs evcxr_jupyter (cargo install --locked evcxr_jupyter; evcxr_jupyter --install) and Jupyter's nbconvert.
set -euo pipefail
cd "$(dirname "$0")"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
jupyter nbconvert --to notebook --execute contract.ipynb --output-dir "$out" --ExecutePreprocessor.timeout=600
python3 - "$out/contract.ipynb" <<'PY'
import json, sys
cells = [c for c in json.load(open(sys.argv[1]))["cells"] if c["cell_type"] == "code"]
said = ["".join("".join(o.get("text", "")) for o in c["outputs"] if o.get("name") == "stdout").strip() for c in cells]
wrong = ["".join("".join(o.get("text", o.get("traceback", ""))) for o in c["outputs"] if o.get("name") != "stdout") for c in cells]
want = ["", "", "true", "w = 3.0000", "forward ran 20 times"]
print("cells said:", said)
# A kernel that panics or returns an Err says so only on stderr, so anything there is a failure.
if said != want or any(w.strip() for w in wrong):
    sys.exit(f"expected {want}; stderr: {wrong}")
print("contract notebook: ok")
PY
