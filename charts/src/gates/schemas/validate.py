"""Validates Kubernetes objects, strictly, against the schemas that kubernetes-validate brings.

Reads {"versions": ["1.34"], "objects": [...]} and writes a list of problems, all of them and not only the first.
"""

import json
import sys
from functools import cache
from importlib import resources

from jsonschema.validators import Draft202012Validator
from referencing import Registry, Resource

SCHEMAS = resources.files("kubernetes_validate") / "kubernetes-json-schema"


def read(version, name):
    return Resource.from_contents(json.loads((SCHEMAS / f"v{version}.0-local-strict" / name).read_text()))


@cache
def definitions(version):
    return read(version, "_definitions.json") @ Registry()


@cache
def validator(version, kind, api_version):
    group, _, plain_version = api_version.rpartition("/")
    name = "-".join(part for part in (kind.lower(), group.split(".")[0], plain_version) if part)
    schema = read(version, f"{name}.json")
    return Draft202012Validator(schema.contents, registry=schema @ definitions(version))


def problems(version, thing):
    place = f"{thing['kind']}/{thing['metadata']['name']}"
    try:
        found = validator(version, thing["kind"], thing["apiVersion"])
    except FileNotFoundError:
        yield f"{place}: {thing['apiVersion']} {thing['kind']} is unknown to Kubernetes {version}"
        return
    for error in found.iter_errors(thing):
        yield f"{place}: {error.json_path} {error.message[:200]} (Kubernetes {version})"


wanted = json.load(sys.stdin)
json.dump([each for version in wanted["versions"] for thing in wanted["objects"] for each in problems(version, thing)], sys.stdout)
