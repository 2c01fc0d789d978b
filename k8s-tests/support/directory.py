"""The user directory of a release, as a client sees it."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from support.release import Release
from support.waiting import eventually

SCOPES = ("users:read", "users:write", "jobs")
SECONDS = 30

#: Of many requests at once, so many are under way.
CLIENTS = 8


def make_key(release: Release) -> str:
    """A new API key of the directory, made as an operator makes it."""
    scopes = [part for scope in SCOPES for part in ("--scope", scope)]
    name = f"test-{uuid.uuid4().hex[:8]}"
    return release.exec("api", "flask", "--app", "services.api.app", "keys", "create", name, *scopes).strip()


class Directory:
    """A client with an API key.

    Args:
        host: Sent as Host where the URL's own is another.
    """

    def __init__(self, url: str, key: str, host: str = "") -> None:
        self.url = url
        self.key = key
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {key}"
        if host:
            self._session.headers["Host"] = host

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """One request on a connection that is kept."""
        return self._session.request(method, self.url + path, timeout=SECONDS, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        """GET."""
        return self.call("GET", path, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        """POST under an Idempotency-Key that nobody used."""
        headers = {"Idempotency-Key": uuid.uuid4().hex, **options.pop("headers", {})}
        return self.call("POST", path, headers=headers, **options)

    def add_user(self, email: str = "") -> dict[str, Any]:
        """Create a user; an email of its own where none is given."""
        email = email or f"user-{uuid.uuid4().hex[:12]}@example.org"
        response = self.post("/v1/users", json={"email": email, "name": "Ada Lovelace", "country": "GB"})
        assert response.status_code == 201, response.text
        user: dict[str, Any] = response.json()
        return user

    def start_import(self, rows: int) -> dict[str, Any]:
        """Import so many users that nobody has; gives the job."""
        lines = ["email,name,country,created_at\n"]
        domain = f"{uuid.uuid4().hex[:12]}.example.com"
        lines += [f"user{number}@{domain},Grace {number},US,2024-05-01\n" for number in range(rows)]
        response = self.post("/v1/imports", data="".join(lines).encode(), headers={"Content-Type": "text/csv"})
        assert response.status_code == 202, response.text
        job: dict[str, Any] = response.json()
        return job

    def start_imports(self, count: int, rows: int) -> list[str]:
        """Start so many at once, of so many users each; gives the jobs' ids."""
        with ThreadPoolExecutor(CLIENTS) as clients:
            return [job["id"] for job in clients.map(self.start_import, [rows] * count)]

    def job(self, job_id: str) -> dict[str, Any]:
        """How a job stands."""
        response = self.get(f"/v1/jobs/{job_id}")
        assert response.status_code == 200, response.text
        job: dict[str, Any] = response.json()
        return job

    def until_succeeded(self, job_id: str, *, seconds: float = 180) -> dict[str, Any]:
        """Wait for a job's success; gives its result."""

        def ended() -> dict[str, Any] | None:
            job = self.job(job_id)
            return None if job["state"] in ("queued", "running") else job

        job = eventually(ended, f"job {job_id} has ended", seconds=seconds)
        assert job["state"] == "succeeded", job
        result: dict[str, Any] = job["result"]
        return result
