# make app   set up and open the app on the demo      make test   set up, lint, types, all tests
# make quick a minute of tests: no browser, nothing slow
# make check lint and types only                      make bench  measure this machine
# make hostile   an hour of kills and mutated files, which `make test` tries for a minute
# make walk  users who do anything in any order, for half an hour (`make test`: some minutes)
# make docs  the documentation as a site in site/, strictly: a broken link ends it
# make screenshots   look at every page in a browser, fail on any complaint, renew docs/*.png
PYTHON ?= python3
BIN := .venv/bin
# ARGS go on: make screenshots ARGS="--all --cache cache", make bench ARGS="browser core"
ARGS ?=
# Processes that test at once, a file in one of them, as its tests share what they set up:
# make test WORKERS=2
WORKERS ?= 0
AT_ONCE := -n $(WORKERS) --dist loadfile

.PHONY: app test quick check docs hostile walk bench screenshots compiled
app: compiled
	$(BIN)/streamlit run app.py

check: .venv/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/oxlint

docs: .venv/dev
	$(BIN)/mkdocs build

test: check docs
	$(BIN)/pytest $(AT_ONCE)

quick: .venv/dev
	$(BIN)/pytest $(AT_ONCE) -m "not (browser or slow or golden or gpu)"

hostile: .venv/dev
	HOSTILE_S=450 $(BIN)/pytest tests/hostile

walk: .venv/dev
	WALK_STEPS=600 WALK_SEED=$$(date +%s) $(BIN)/pytest tests/browser/test_random_walk.py

bench: .venv/dev compiled
	$(BIN)/python -m bench $(ARGS)

screenshots: .venv/dev
	$(BIN)/python -m bench.screenshots $(ARGS)

# The first start is then as quick as the next ones.
compiled: .venv/app
	@$(BIN)/python -m compileall -q app.py pages zsad_core

.venv/app: requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/dev: requirements-dev.txt .venv/app
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@
