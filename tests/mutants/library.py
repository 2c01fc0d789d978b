"""The library's safeguards; each falls to a quick test, most without a server."""

from tests.mutants.mutant import Edit, Mutant

SOURCE = "src/flask_scale"
JOBS, CACHE, RESPONSES, SERVER = (f"{SOURCE}/{room}" for room in ("jobs", "cache", "response_cache", "server"))
STATEMENTS, SCRIPTS, KEYS = f"{JOBS}/statements.py", f"{CACHE}/scripts.py", f"{JOBS}/idempotency.py"
STORING, MIDDLEWARE = f"{RESPONSES}/storing.py", f"{RESPONSES}/middleware.py"

UNIT, INTEGRATION = "tests/unit", "tests/integration"
STORE = f"{INTEGRATION}/test_jobs_contract.py::TestPostgresJobStore::test"
REDIS = f"{INTEGRATION}/test_cache_contract.py::TestRedisCache::test"
ENQUEUE, IDEMPOTENCY = f"{INTEGRATION}/test_jobs_enqueue.py::test", f"{INTEGRATION}/test_jobs_idempotency.py::test"
RUNNER, BOUNDS = f"{UNIT}/jobs/test_runner.py::test", f"{UNIT}/jobs/test_bounds.py::test"
RFC_9111, VIEW = f"{UNIT}/response_cache/test_rfc9111_storing.py::test", f"{UNIT}/response_cache/test_view.py"
DATABASE, HANGS = f"{INTEGRATION}/test_database.py::test", f"{INTEGRATION}/test_database_hangs.py::test"

TURN, TURNS = f"{JOBS}/turn.py", f"{UNIT}/jobs/test_turn.py::test"

NO_LEASE = f"{STORE}_nothing_is_written_without_the_lease"
SWEEP = f"{INTEGRATION}/test_jobs_sweep.py::test_it"
RENEWED = f"{SWEEP}_neither_waits_for_a_lease_that_is_being_renewed_nor_ends_it"
#: In place of `FENCE`: any attempt may write.
UNFENCED = "WHERE id = :id AND (lease_token = :token OR true)"

#: Where the statement ends that takes what nobody published.
UNDISPATCHED_END = '\n    RETURNING id, queue, timeout_seconds"""\n)\n\n#: Due jobs of one'

FENCES = (
    Mutant(
        "completion without the fence",
        [Edit(STATEMENTS, 'WHERE {FENCE}"""\n\nSUCCEED', f'{UNFENCED}"""\n\nSUCCEED')],
        [NO_LEASE, f"{STORE}_one_job_ends_and_the_next_begins_neither_hanging_on_the_other"],
    ),
    Mutant(
        "failure without the fence",
        [
            Edit(
                STATEMENTS,
                "WHERE {FENCE}\"\"\",\n    \"CASE state WHEN 'queued' THEN 'retried'",
                f"{UNFENCED}\"\"\",\n    \"CASE state WHEN 'queued' THEN 'retried'",
            )
        ],
        [NO_LEASE],
    ),
    Mutant(
        "heartbeat without the fence",
        [Edit(STATEMENTS, "SET lease_until = {_LEASE} WHERE {FENCE}", f"SET lease_until = {{_LEASE}} {UNFENCED}")],
        [NO_LEASE],
    ),
    Mutant(
        "effects without the fence",
        [Edit(STATEMENTS, "FROM jobs WHERE {FENCE} FOR NO KEY UPDATE", f"FROM jobs {UNFENCED} FOR NO KEY UPDATE")],
        [NO_LEASE],
    ),
    Mutant(
        "checkpoints without the fence",
        [Edit(STATEMENTS, 'WHERE {FENCE} RETURNING cancel_requested"""', f'{UNFENCED} RETURNING cancel_requested"""')],
        [NO_LEASE],
    ),
    Mutant(
        "a handler works on without its lease",
        [Edit(f"{JOBS}/attempt.py", "            self.stop(LeaseLost(", "            (LeaseLost(")],
        [f"{UNIT}/jobs/test_attempt.py::test_a_handler_that_lost_its_lease_goes_no_further"],
    ),
)

ATTEMPTS = (
    Mutant(
        "a sweep waits for attempts that are alive",
        [
            Edit(
                STATEMENTS,
                "ORDER BY lease_until LIMIT :limit FOR UPDATE SKIP LOCKED",
                "ORDER BY lease_until LIMIT :limit",
            )
        ],
        [RENEWED],
    ),
    Mutant(
        "a sweep does not look again at a lease",
        [
            Edit(
                STATEMENTS,
                "ORDER BY lease_until LIMIT :limit FOR UPDATE SKIP LOCKED",
                "ORDER BY lease_until LIMIT :limit",
            ),
            Edit(STATEMENTS, 'lost_id AND state = \'running\' AND lease_until < now()"""', 'lost_id"""'),
        ],
        [RENEWED],
    ),
    Mutant(
        "two sweeps take one job",
        [
            Edit(
                STATEMENTS,
                "AND task = ANY(:tasks)\n        ORDER BY run_at LIMIT :limit FOR UPDATE SKIP LOCKED",
                "AND task = ANY(:tasks)\n        ORDER BY run_at LIMIT :limit",
            ),
            Edit(
                STATEMENTS,
                f"lost_id AND {{_DUE}} AND dispatched_at IS NULL{UNDISPATCHED_END}",
                f"lost_id{UNDISPATCHED_END}",
            ),
        ],
        [f"{SWEEP}_leaves_to_another_what_that_is_publishing"],
    ),
    Mutant(
        "an attempt does not count from its claim",
        [Edit(STATEMENTS, "attempt = attempt + 1, lease_token", "attempt = attempt, lease_token")],
        [f"{STORE}_a_claim_counts_the_attempt_and_gives_a_fresh_token"],
    ),
    Mutant(
        "a running job is claimed again",
        [
            Edit(
                STATEMENTS,
                '_CLAIM = f"{_BEGIN} WHERE {_CLAIMABLE}"',
                '_CLAIM = f"{_BEGIN} WHERE id = :id AND task = ANY(:tasks)"',
            )
        ],
        [f"{STORE}_a_running_job_is_not_claimed_again"],
    ),
    Mutant(
        "two turns wait for one job",
        [Edit(STATEMENTS, "ORDER BY run_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED", "ORDER BY run_at LIMIT 1")],
        [f"{INTEGRATION}/test_jobs_turns.py::test_it_takes_another_than_the_one_that_somebody_is_about_to_claim"],
    ),
    Mutant(
        "a turn goes on though its worker ends",
        [Edit(TURN, " or self._stopping()", "")],
        [f"{TURNS}_a_turn_claims_nothing_more_once_the_worker_ends"],
    ),
    Mutant(
        "a turn wakes nobody for what it leaves",
        [Edit(TURN, "self._publisher.publish(left, enough=WAKES)", "pass")],
        [f"{TURNS}_a_turn_that_is_over_wakes_others_for_what_is_left"],
    ),
    Mutant(
        "a process ends with a job that it has just claimed",
        [Edit(TURN, "self._store.release(self._taken.lease)", "pass")],
        [f"{TURNS}_what_was_claimed_and_cannot_run_is_given_back_where_the_process_ends"],
    ),
    Mutant(
        "a process stays for as long as its job holds it",
        [Edit(f"{JOBS}/deadlines.py", "os.kill(pid, signal.SIGKILL)", "pass")],
        [f"{UNIT}/jobs/test_deadlines.py::test_a_process_far_over_its_time_is_ended_and_one_within_its_grace_is_not"],
    ),
    Mutant(
        "the only hint of a job is spared at its enqueue",
        [Edit(f"{JOBS}/client.py", "alone=task.max_running is not None", "alone=False")],
        [f"{ENQUEUE}_a_job_that_starts_by_its_own_hint_alone_has_it_whatever_waits"],
    ),
    Mutant(
        "a turn locks the next job before the one that it ends",
        [Edit(STATEMENTS, "(SELECT count(*) FROM ended) >= 0 AND ", "")],
        [f"{INTEGRATION}/test_jobs_turns.py::test_a_turn_is_in_nobodys_way_who_changes_its_job_and_then_the_next"],
    ),
    Mutant(
        "hints of jobs that have no other are spared",
        [Edit(f"{JOBS}/postgres.py", "_hint(row, alone=True)", "_hint(row)")],
        [f"{STORE}_what_waits_for_a_slot_is_taken_once_there_is_one_and_no_more_than_that"],
    ),
    Mutant(
        "no attempt is the last",
        [Edit(STATEMENTS, "WHEN :permanent OR attempt >= max_attempts THEN 'dead'", "WHEN :permanent THEN 'dead'")],
        [f"{STORE}_a_failed_attempt_is_retried_until_the_last_which_is_dead"],
    ),
    Mutant(
        "no time limit",
        [Edit(f"{JOBS}/heartbeat.py", "if now >= self._attempt.deadline:", "if False:")],
        [f"{RUNNER}_a_task_over_its_time_is_interrupted_and_counts_as_failed"],
    ),
    Mutant(
        "no memory limit",
        [Edit(f"{JOBS}/bounds.py", "(taken + max_bytes, hard)", "(soft, hard)")],
        [f"{BOUNDS}_a_job_over_its_memory_fails_with_words_and_the_next_one_has_as_much"],
    ),
    Mutant(
        "no watch on what lets no thread run",
        [Edit(f"{JOBS}/bounds.py", "signal.setitimer(signal.ITIMER_VIRTUAL, self._seconds)", "pass")],
        [f"{BOUNDS}_a_pool_process_that_its_job_keeps_from_all_else_is_ended"],
    ),
    Mutant(
        "a job's own SIGTERM costs it no attempt",
        [Edit(f"{JOBS}/runner.py", "        return stopping\n", "        return True\n")],
        [f"{BOUNDS}_a_sigterm_counts_as_the_workers_only_where_that_got_it_too"],
    ),
    Mutant(
        "results of any length",
        [Edit(f"{JOBS}/running.py", "if len(found) > LONGEST_RESULT:", "if False:")],
        [f"{BOUNDS}_a_result_that_is_too_long_is_dead_at_once"],
    ),
)

ENQUEUES = (
    Mutant(
        "a job is written beside the caller's transaction",
        [
            Edit(
                f"{JOBS}/client.py",
                "job = self.store.insert(session, new)",
                "job = self.store.insert(None, new)",
            )
        ],
        [f"{ENQUEUE}_nothing_of_a_job_is_left_after_a_rollback"],
    ),
    Mutant(
        "a hint is sent before the commit",
        [
            Edit(
                f"{JOBS}/client.py",
                "self._publish_after_commit(session, hints)",
                "self.publisher.publish(hints)",
            )
        ],
        [f"{ENQUEUE}_a_job_is_there_and_published_only_once_its_transaction_commits"],
    ),
    Mutant(
        "messages that could run code",
        [Edit(f"{JOBS}/broker.py", '"accept_content": ["json"]', '"accept_content": ["json", "pickle"]')],
        [f"{UNIT}/jobs/test_broker.py"],
    ),
    Mutant(
        "a broker that is silent holds an enqueue up",
        [Edit(f"{JOBS}/publisher.py", "socket_timeout=timeout_seconds,", "socket_timeout=100 * timeout_seconds,")],
        [f"{UNIT}/jobs/test_publisher.py::test_a_silent_broker_costs_its_timeout_and_then_nothing"],
    ),
    Mutant(
        "a key with another payload is taken",
        [Edit(KEYS, "if stored.fingerprint != fingerprint:", "if False:")],
        [f"{IDEMPOTENCY}_a_key_with_another_payload_is_refused"],
    ),
    Mutant(
        "two requests work on one key",
        [
            Edit(
                KEYS,
                "pg_try_advisory_xact_lock(hashtextextended(:owner || chr(31) || :key, 0))",
                ":owner || :key <> ''",
            )
        ],
        [f"{IDEMPOTENCY}_a_key_in_use_is_in_progress_for_others_and_free_after_a_rollback"],
    ),
    Mutant(
        "a key is everybody's",
        [Edit(KEYS, "WHERE owner = :owner AND key = :key AND", "WHERE :owner <> '' AND key = :key AND")],
        [f"{IDEMPOTENCY}_a_key_is_one_owners"],
    ),
    Mutant(
        "a job is read by anybody",
        [
            Edit(
                STATEMENTS,
                "FROM jobs WHERE id = :id AND (:owner IS NULL OR owner = :owner)",
                "FROM jobs WHERE id = :id AND (:owner IS NULL OR true)",
            )
        ],
        [f"{STORE}_another_owner_neither_sees_nor_cancels_a_job"],
    ),
    Mutant(
        "a job is cancelled by anybody",
        [
            Edit(
                STATEMENTS,
                "    WHERE id = :id AND (:owner IS NULL OR owner = :owner)",
                "    WHERE id = :id AND (:owner IS NULL OR true)",
            )
        ],
        [f"{STORE}_another_owner_neither_sees_nor_cancels_a_job"],
    ),
    Mutant(
        "jobs are listed for anybody",
        [
            Edit(
                STATEMENTS,
                "    WHERE (:owner IS NULL OR owner = :owner) AND",
                "    WHERE (:owner IS NULL OR true) AND",
            )
        ],
        [f"{STORE}_a_list_keeps_to_owner_state_and_task"],
    ),
)

DATABASES = (
    Mutant(
        "no statement timeout",
        [Edit(f"{SOURCE}/database.py", "int(settings.statement_timeout_seconds * 1000)", "0")],
        [f"{DATABASE}_a_statement_over_its_time_is_ended_by_the_server"],
    ),
    Mutant(
        "nobody looks whether a database is back",
        [Edit(f"{SOURCE}/openings.py", "            self._begin_to_look()\n", "")],
        [f"{UNIT}/test_openings.py::test_one_that_is_back_is_found_though_nobody_asked"],
    ),
    Mutant(
        "a database that comes back meets a crowd",
        [Edit(f"{SOURCE}/openings.py", "None if self._most is None else self._most + 1", "None")],
        [f"{UNIT}/test_openings.py::test_a_server_that_comes_back_meets_no_crowd_but_soon_everybody"],
    ),
    Mutant(
        "under gevent a database may hang for ever",
        [Edit(f"{SERVER}/waiting.py", "line.wait(connection.longest_silence)", "line.wait(None)")],
        [f"{HANGS}_under_gevent_silence_counts_and_not_the_time_that_a_result_takes"],
    ),
    Mutant(
        "without gevent a database may hang for ever",
        [Edit(f"{SOURCE}/silence.py", "twin.shutdown(socket.SHUT_RDWR)", "pass")],
        [f"{HANGS}_a_statement_whose_backend_hangs_is_given_up_and_its_connection_with_it[execute]"],
    ),
    Mutant(
        "a scrape waits for a database that hangs",
        [Edit(f"{JOBS}/collector.py", "look.join(LONGEST_LOOK_SECONDS)", "look.join()")],
        [
            f"{UNIT}/jobs/test_collector.py::test_a_database_that_hangs_leaves_the_gauges_out_and_does_not_hold_up_the_scrape"
        ],
    ),
    Mutant(
        "values of statements in their errors",
        [Edit(f"{SOURCE}/database.py", "hide_parameters=True", "hide_parameters=False")],
        [f"{DATABASE}_the_values_of_a_statement_never_stand_in_its_error"],
    ),
    Mutant(
        "a fork uses its parent's connections",
        [Edit(f"{SOURCE}/database.py", "self.engine.dispose(close=False)", "pass")],
        [f"{DATABASE}_a_forked_child_gets_connections_of_its_own_and_leaves_the_parents_open"],
    ),
)

CACHES = (
    Mutant(
        "a value read before a drop is stored after it",
        [Edit(SCRIPTS, "  if redis.call('GET', KEYS[i]) ~= ARGV[i + 1] then return 0 end\n", "")],
        [f"{REDIS}_a_load_that_began_before_a_drop_is_not_stored_after_it"],
    ),
    Mutant(
        "everybody gets the lease",
        [Edit(SCRIPTS, "'SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3]", "'SET', KEYS[2], ARGV[2], 'PX', ARGV[3]")],
        [f"{REDIS}_only_the_first_look_up_gets_the_lease"],
    ),
    Mutant(
        "every caller of a process loads",
        [Edit(f"{CACHE}/flight.py", "if found is not None:", "if False:")],
        [f"{UNIT}/cache/test_flight.py::test_the_first_leads_and_the_next_follows_until_it_lands"],
    ),
    Mutant(
        "a failed load keeps its lease",
        [Edit(f"{CACHE}/read_through.py", "            self.cache.release(lease)\n", "")],
        [f"{UNIT}/cache/test_data.py::TestErrors::test_a_load_that_failed_leaves_the_lease_to_whoever_comes_next"],
    ),
    Mutant(
        "no stale value where a load fails",
        [Edit(f"{CACHE}/read_through.py", "if entry is not None and _is_failure(error):", "if False:")],
        [
            f"{UNIT}/cache/test_data.py::TestStale::test_a_load_that_fails_is_covered_by_the_stale_value_and_the_next_call_loads"
        ],
    ),
    Mutant(
        "times to live end together",
        [Edit(f"{CACHE}/read_through.py", "TTL_JITTER = 0.1", "TTL_JITTER = 0.0")],
        [f"{UNIT}/cache/test_data.py::TestTime::test_the_time_to_live_is_shortened_by_at_most_a_tenth"],
    ),
    Mutant(
        "a cache that hangs holds requests up",
        [Edit(f"{CACHE}/redis.py", "socket_timeout=timeout,", "socket_timeout=100 * timeout,")],
        [f"{UNIT}/cache/test_redis.py::test_what_is_owed_does_not_cost_a_second_wait"],
    ),
    Mutant(
        "a cache that fails is asked by every request",
        [Edit(f"{CACHE}/redis.py", "if not self._breaker.allows():", "if False:")],
        [f"{UNIT}/cache/test_redis.py::test_after_failures_in_a_row_the_server_is_not_asked"],
    ),
    Mutant(
        "memory is believed without news of drops",
        [
            Edit(
                f"{CACHE}/tiered.py",
                "return self._near.peek(key) if self._listener.live else None",
                "return self._near.peek(key)",
            )
        ],
        [f"{INTEGRATION}/test_cache_tiers.py::test_memory_is_not_believed_while_news_of_drops_does_not_come_in"],
    ),
    Mutant(
        "a drop is told to nobody",
        [Edit(SCRIPTS, "local told = redis.call('PUBLISH', channel, message)", "local told = 0")],
        [f"{INTEGRATION}/test_cache_tiers.py::test_a_tag_that_the_reader_did_not_name_drops_its_copy_too"],
    ),
)

STORED_RESPONSES = (
    Mutant(
        "responses that set a cookie are stored",
        [Edit(STORING, 'fields & {"set-cookie", "content-range"', 'fields & {"content-range"')],
        [f"{RFC_9111}_what_sets_a_cookie_is_not_stored"],
    ),
    Mutant(
        "private responses are stored",
        [Edit(STORING, '{"no-store", "private", "no-cache"}', '{"no-store", "no-cache"}')],
        [f"{RFC_9111}_5_2_2_a_response_that_no_shared_cache_may_reuse_is_not_stored"],
    ),
    Mutant(
        "responses to credentials are stored",
        [Edit(MIDDLEWARE, " or (has_credentials(environ) and not found.policy.public)", "")],
        [f"{RFC_9111}_3_5_a_response_to_credentials_is_neither_stored_nor_given_to_others"],
    ),
    Mutant(
        "responses that vary by cookie are stored",
        [Edit(STORING, '{"*", "authorization", "cookie", "user-agent"}', '{"*", "authorization", "user-agent"}')],
        [f"{RFC_9111}_4_1_what_every_client_has_of_its_own_is_not_stored"],
    ),
    Mutant(
        "a decorator below a cached view is not asked",
        [Edit(f"{RESPONSES}/view.py", 'if hasattr(view, "__wrapped__"):', "if False:")],
        [f"{VIEW}::test_a_decorator_below_it_is_refused"],
    ),
    Mutant(
        "an access check around a public view is not asked",
        [Edit(MIDDLEWARE, "if isinstance(mark, Public) and mark.view is view", "if isinstance(mark, Public)")],
        [f"{VIEW}::TestPublic::test_a_decorator_around_it_is_asked_for_every_request"],
    ),
    Mutant(
        "views that read the session are stored",
        [Edit(f"{RESPONSES}/view.py", "session is not None and session.accessed", "False")],
        [f"{VIEW}::test_a_view_that_reads_the_session_is_not_kept_unless_it_has_a_key"],
    ),
)

SERVERS = (
    Mutant(
        "a drain leaves readiness green",
        [Edit(f"{SOURCE}/health.py", "if board.current.draining else", "if False else")],
        [f"{UNIT}/test_health.py::test_a_drain_fails_readiness_and_leaves_liveness"],
    ),
    Mutant(
        "no drain",
        [Edit(f"{SERVER}/arbiter.py", "if not self.drain_seconds:", "if True:")],
        [f"{INTEGRATION}/test_server_drain.py::test_a_drain_under_load_fails_readiness_first_and_no_request[fast]"],
    ),
    Mutant(
        "a body with two lengths is read the short way",
        [Edit(f"{SERVER}/plain/head.py", '{"TRANSFER-ENCODING", "EXPECT"', '{"EXPECT"')],
        [f"{UNIT}/server/plain/test_rfc9112.py::test_6_1_a_transfer_encoding_is_not_plain_and_with_a_length_refused"],
    ),
    Mutant(
        "a field that comes twice is read the short way",
        [Edit(f"{SERVER}/plain/head.py", "if len(fields) != ends or not", "if not")],
        [f"{UNIT}/server/plain/test_rfc9112.py::test_6_2_a_repeated_length_is_refused"],
    ),
    Mutant(
        "no limit on requests in flight",
        [Edit(f"{SOURCE}/limits.py", 'if self.limit and live.total("in_flight") > self.limit:', "if False:")],
        [f"{UNIT}/test_limits.py::test_a_request_over_the_bound_gets_503_as_a_problem_and_the_app_never_sees_it"],
    ),
    Mutant(
        "refused clients come back together",
        [Edit(f"{SOURCE}/limits.py", "str(1 + secrets.randbelow(RETRY_SECONDS))", '"1"')],
        [f"{UNIT}/test_limits.py::test_clients_are_asked_to_come_back_at_different_times"],
    ),
    Mutant(
        "anybody says whom a request is from",
        [Edit(f"{SOURCE}/proxy.py", "return any(peer in network for network in self._networks)", "return True")],
        [f"{UNIT}/test_proxy.py::test_what_another_peer_says_is_taken_away"],
    ),
    Mutant(
        "placeholders as passwords",
        [Edit(f"{SOURCE}/settings.py", 'parts.password.strip("<>").lower() in PLACEHOLDERS', "False")],
        [f"{UNIT}/test_settings.py::test_a_placeholder_password_is_refused"],
    ),
)

MUTANTS = FENCES + ATTEMPTS + ENQUEUES + DATABASES + CACHES + STORED_RESPONSES + SERVERS
