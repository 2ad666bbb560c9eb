"""Writes the operator schemas that a release of ONNX Runtime registers: list_schemas.py VERSION FILE.

The release's Python module prints its own. Where the Python that runs this has another release, the
wheel of VERSION is fetched into a temporary directory first. On failure: one line on standard error that
begins with "error:". The file's format is in docs/formats.md.
"""

import glob
import json
import os
import subprocess
import sys
import tempfile
import zipfile

STANDARD = {"", "ai.onnx", "ai.onnx.ml"}
# Third argument where the module on the path is that of the fetched wheel.
FETCHED = "fetched"
OPTIONS = {"Single": "single", "Optional": "optional", "Variadic": "variadic"}


def parameters(formal):
    return [
        {
            "name": p.name,
            "type": p.typeStr,
            "types": sorted(p.types),
            "option": OPTIONS[p.option.name],
            "homogeneous": bool(p.isHomogeneous),
        }
        for p in formal
    ]


def schemas():
    """Of the domains that are not the standard's, the newest version of each operator."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    newest = {}
    for schema in state.get_all_operator_schema():
        if schema.domain in STANDARD:
            continue
        key = (schema.domain, schema.name)
        if key not in newest or newest[key].since_version < schema.since_version:
            newest[key] = schema
    return [
        {
            "domain": domain,
            "op": op,
            "since": schema.since_version,
            "inputs": parameters(schema.inputs),
            "outputs": parameters(schema.outputs),
            "attributes": [
                {"name": name, "required": bool(attribute.required)}
                for name, attribute in sorted(schema.attributes.items())
            ],
        }
        for (domain, op), schema in sorted(newest.items())
    ]


def installed_version():
    try:
        import onnxruntime
    except ImportError:
        return None
    return onnxruntime.__version__


def write(version, path):
    text = json.dumps({"backend": "ort", "version": version, "schemas": schemas()}, indent=1)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(f"{path}.{os.getpid()}.tmp", "w", encoding="utf-8") as out:
        out.write(text + "\n")
    os.replace(out.name, path)


def with_wheel_of(version, path):
    with tempfile.TemporaryDirectory() as scratch:
        fetched = subprocess.run(
            [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:",
             "-d", scratch, f"onnxruntime=={version}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wheels = glob.glob(scratch + "/*.whl")
        if fetched.returncode != 0 or not wheels:
            sys.exit(f"error: there is no wheel of onnxruntime {version}, or the network fails")
        with zipfile.ZipFile(wheels[0]) as wheel:
            wheel.extractall(scratch + "/wheel")
        again = subprocess.run([sys.executable, __file__, version, path, FETCHED],
                               env={**os.environ, "PYTHONPATH": scratch + "/wheel"})
        sys.exit(again.returncode)


def main():
    version, path = sys.argv[1:3]
    found = installed_version()
    if found == version:
        write(version, path)
    elif sys.argv[3:] == [FETCHED]:
        sys.exit(f"error: the wheel of onnxruntime {version} holds {found}")
    else:
        with_wheel_of(version, path)


if __name__ == "__main__":
    main()
