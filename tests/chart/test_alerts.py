"""Each alert says what is wrong, has a page that says what to do, and a test by promtool that it fires and when not."""

import pytest
import yaml

from tests.chart.cases import MONITORS, rendered
from tests.chart.support import ROOT, merge, render

RUNBOOKS = ROOT / "docs" / "runbooks"
TESTS = ROOT / "k8s-tests" / "alerts"


def alerts(objects):
    return {rule["alert"]: rule for item in objects.of("PrometheusRule") for rule in item["spec"]["groups"][0]["rules"]}


ALERTS = sorted(path.stem for path in RUNBOOKS.glob("FlaskScale*.md"))


def test_every_alert_has_a_page_and_a_test_and_every_page_and_test_an_alert():
    assert sorted(alerts(rendered("monitors"))) == ALERTS
    assert sorted(path.stem for path in TESTS.glob("*.yaml")) == ALERTS


@pytest.mark.parametrize("name", ALERTS)
def test_its_test_lets_it_fire_and_not_fire(name):
    cases = [
        case
        for group in yaml.safe_load((TESTS / f"{name}.yaml").read_text())["tests"]
        for case in group["alert_rule_test"]
    ]
    assert {case["alertname"] for case in cases} == {name}
    assert {bool(case["exp_alerts"]) for case in cases} == {True, False}


@pytest.mark.parametrize("name", ALERTS)
def test_its_page_says_what_it_means_what_to_look_at_and_what_to_do(name):
    text = (RUNBOOKS / f"{name}.md").read_text()
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [f"# {name}", "## What it means", "## What to look at", "## What to do"]
    assert alerts(rendered("monitors"))[name]["annotations"]["summary"] in text
    assert "```sh" in text


def test_pages_are_linked_from_the_alerts_under_a_folder_or_a_url_or_not_at_all():
    def links(values):
        objects = render({"metrics": merge(MONITORS, values)})
        return {name: rule["annotations"].get("runbook_url") for name, rule in alerts(objects).items()}

    assert links({}) == {name: f"docs/runbooks/{name}.md" for name in ALERTS}
    url = {"prometheusRule": {"runbookUrl": "https://git.example.com/runbooks/"}}
    assert links(url) == {name: f"https://git.example.com/runbooks/{name}.md" for name in ALERTS}
    assert set(links({"prometheusRule": {"runbookUrl": ""}}).values()) == {None}


def test_without_workers_there_are_no_alerts_of_jobs():
    names = alerts(rendered("monitors-no-worker")).keys()
    assert names
    assert not [name for name in names if "Job" in name or "Broker" in name]


def test_alerts_begin_at_one_percent_of_errors_and_a_second_at_p99():
    rules = {name: rule["expr"] for name, rule in alerts(rendered("monitors")).items()}
    assert "> 0.01 * sum(rate(" in rules["FlaskScaleErrors"]
    assert rules["FlaskScaleSlow"].endswith("> 1")
    assert rules["FlaskScaleSaturated"].endswith("> 0.8")
    assert rules["FlaskScaleJobsWaiting"].endswith("> 300")


def test_somebody_is_called_at_once_where_clients_see_it():
    critical = {name for name, rule in alerts(rendered("monitors")).items() if rule["labels"]["severity"] == "critical"}
    assert critical == {"FlaskScaleDown", "FlaskScaleErrors", "FlaskScaleShedding"}
