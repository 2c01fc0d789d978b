"""The safeguards of accepted jobs; each falls to a test of the fault suite, on real processes of this machine."""

from tests.mutants.mutant import Edit, Mutant

JOBS = "src/flask_scale/jobs"
STATEMENTS, RECONCILER, KEYS = f"{JOBS}/statements.py", f"{JOBS}/reconciler.py", f"{JOBS}/idempotency.py"
POINTS = "tests/integration/test_failpoints.py::test_a_job_is_done_once_whatever_happens"
STALE = "tests/integration/test_faults.py::test_a_worker_stopped_past_its_lease_writes_nothing_once_it_goes_on"
CALLERS = (
    "tests/integration/test_faults.py::test_fifty_callers_with_the_same_keys_make_one_job_a_key_and_get_one_answer"
)

MUTANTS = (
    Mutant(
        "no fencing token",
        [Edit(STATEMENTS, "lease_token = :token AND state = 'running'\"", '(lease_token = :token OR true)"')],
        [STALE],
    ),
    Mutant(
        "leases do not end",
        [Edit(RECONCILER, "        self._expire()\n", "")],
        [f"{POINTS}[claim.after-crash]"],
    ),
    Mutant(
        "hints that got lost are not sent again",
        [Edit(RECONCILER, "            self._publish_overdue()\n", "")],
        [f"{POINTS}[publish.before-timeout]"],
    ),
    Mutant(
        "jobs that nobody published are not published",
        [Edit(RECONCILER, "            self._publish_undispatched()\n", "")],
        [f"{POINTS}[effect-crash]"],
    ),
    Mutant(
        "keys are forgotten",
        [
            Edit(KEYS, '    WHERE idempotency_keys.expires_at <= now()"""', '"""'),
            Edit(KEYS, "key = :key AND expires_at > now()", "key = :key AND expires_at < now()"),
        ],
        [CALLERS],
    ),
)
