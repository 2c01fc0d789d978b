"""`helm lint` has nothing to say of the values that people start from, nor of many at once; what it does not see."""

import json
import re
import subprocess
from collections import Counter

import pytest

from tests.chart.cases import CASES, OPTIONS
from tests.chart.support import CHART, NAMESPACE, USED, tool


@pytest.mark.parametrize("case", ["defaults", "pass-through", "monitors", "keda", "ingress-community", *OPTIONS])
def test_helm_lint_finds_nothing(case, tmp_path):
    file = tmp_path / "values.json"
    file.write_text(json.dumps(CASES[case]))
    files = [part for name in OPTIONS.get(case, {}).get("files", ()) for part in ("--values", str(CHART / name))]
    command = [tool("helm"), "lint", "--strict", "--kube-version", USED, "--namespace", NAMESPACE, str(CHART), *files]
    answer = subprocess.run([*command, "--values", str(file)], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_no_two_templates_have_a_name():
    """The one that is read last would be both."""
    text = "".join(file.read_text() for file in CHART.rglob("templates/**/*.*"))
    names = Counter(re.findall(r'define "([^"]+)"', text))
    assert len(names) > 20
    assert not [name for name, count in names.items() if count > 1]
