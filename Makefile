# What one does with a checkout. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test test-suites test-driver-suites test-tools test-clients test-limits test-orms record-orms test-twin test-kms test-keys bench bench-sweep fuzz fuzz-sql soak-door soak-sweep

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## pgveil over a private throw-away PostgreSQL; ONCE=1 ends after showing it
	@scripts/setup.sh build server
	@cargo run --quiet -- demo $(if $(filter-out 0,$(ONCE)),--once)

test: ## all checks: format, lints, tests against a real PostgreSQL, documentation
	@scripts/test.sh

test-tools: ## the client drivers that the tests use (psycopg, node-postgres), into target/test-tools
	@scripts/setup.sh clients

test-suites: ## PostgreSQL's own regression tests through pgveil, compared with the direct run
	@scripts/setup.sh build server
	@scripts/suites.sh

test-driver-suites: ## published suites of ten drivers and ORMs through pgveil, compared with the direct run; SUITES="pgx lib_pq"
	@scripts/setup.sh build server
	@scripts/driver_suites.sh $(SUITES)

test-clients: ## applications with drivers of Python, Node.js, Go, Java and Rust through pgveil and directly, compared
	@scripts/setup.sh build server clients drivers
	@cargo test --quiet --test clients --test drivers --test door -- --include-ignored

test-limits: ## limits at their full size: values of 64 MiB, COPY streams of 1 GB, 100,000 prepared statements
	@scripts/setup.sh build server
	@CARGO_PROFILE_TEST_OPT_LEVEL=2 cargo test --test limits -- --include-ignored --nocapture --test-threads 1

test-orms: ## applications of SQLAlchemy, Django, Sequelize, TypeORM, Drizzle, Prisma and GORM through pgveil and directly, compared
	@scripts/setup.sh build server orms
	@cargo test --quiet --test orm -- --include-ignored

record-orms: ## likewise, and writes what they sent (tests/orm/recorded) and the tables in docs/orms.md
	@scripts/setup.sh build server orms
	@ORMS=record cargo test --quiet --test orm -- --include-ignored works_the_same
	@ORMS=record cargo test --quiet --test orm documentation

test-kms: ## key management services: also against LocalStack
	@scripts/setup.sh build server moto localstack
	@cargo test --quiet --test kms -- --include-ignored

test-twin: ## random statements on sealed tables and on plaintext: STATEMENTS (100000), SEED (1), JOBS (2)
	@scripts/setup.sh build server
	@PGVEIL_TWIN_STATEMENTS=$(or $(STATEMENTS),100000) PGVEIL_TWIN_SEED=$(or $(SEED),1) PGVEIL_TWIN_JOBS=$(or $(JOBS),2) \
	  CARGO_PROFILE_TEST_OPT_LEVEL=2 cargo test --test twin -- --nocapture

test-keys: ## keys under faults at full size: races, kills at every step, restores, revocations (20 min)
	@scripts/setup.sh build server
	@cargo test --quiet --lib keys::minder::model -- --include-ignored
	@cargo test --quiet --test coherence --test keystore -- --include-ignored
	@cargo test --quiet --test key_faults -- --include-ignored --nocapture --test-threads 2

bench: ## side by side: direct, HAProxy, pgveil; SECONDS (1) a run, ROUNDS (9), CLIENTS (4), ONLY (part of a title)
	@scripts/setup.sh build server bench
	@cargo build --quiet --release --locked
	@python3 bench/side_by_side.py --seconds $(or $(SECONDS),1) --rounds $(or $(ROUNDS),9) \
	  --clients $(or $(CLIENTS),4) --only "$(ONLY)"

bench-sweep: ## rows/s of sweeps against the same UPDATEs in plain SQL, 1, 2 and 4 workers; ROWS (200000); and their memory
	@scripts/setup.sh build server
	@PGVEIL_SWEEP_ROWS=$(or $(ROWS),200000) CARGO_PROFILE_TEST_OPT_LEVEL=2 \
	  cargo test --quiet --lib sweep::engine -- --ignored --nocapture --test-threads 1

fuzz: ## every fuzz target for SECONDS (600), on all cores; findings go to target/tmp/fuzz
	@PGVEIL_FUZZ_SECONDS=$(or $(SECONDS),600) CARGO_PROFILE_TEST_OPT_LEVEL=2 \
	  cargo test --test fuzz -- --nocapture

fuzz-sql: ## STATEMENTS (10000000) mutated statements planned on all cores, each plan checked
	@PGVEIL_FUZZ_STATEMENTS=$(or $(STATEMENTS),10000000) CARGO_PROFILE_TEST_OPT_LEVEL=2 \
	  cargo test --test fuzz many_statements -- --nocapture

soak-door: ## floods, idle sessions and renewed certificates at their full size; prints the figures of docs/performance.md
	@scripts/setup.sh build server
	@CARGO_PROFILE_TEST_OPT_LEVEL=2 cargo test --test flood -- --include-ignored --nocapture --test-threads 1

soak-sweep: ## sweeps over 1,000,000 rows under load and kills, by 1, 2, 4 workers, and in plain SQL; prints the figures of docs/performance.md
	@scripts/setup.sh build server
	@CARGO_PROFILE_TEST_OPT_LEVEL=2 cargo test --test sweeps -- --ignored --nocapture --test-threads 1
