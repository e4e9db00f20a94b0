# Each target sets up what it needs: `make demo` and `make test` work in a fresh clone.
# Another interpreter: make demo PYTHON=python3.12
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.10; do \
	$$p -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
RUN_VENV := .venv-run# the packages of the extra "run", with NumPy 1
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --editable
ORACLE ?= .oracle
DOCS_VENV := .venv-docs# Sphinx and the package, for the site
BENCH_VENV := .venv-bench# the package with all its engines, and Keras 3: make bench
RAY_VENV := .venv-ray# the package, its test tools and Ray
TORCH_VENV := .venv-torch# PyTorch, torchvision and timm alone
# More options of pip. Linux gets PyTorch with CUDA from PyPI (5 GB); without it (1 GB):
# make test-torch TORCH_OPTIONS="--extra-index-url https://download.pytorch.org/whl/cpu"
TORCH_OPTIONS ?=

ASK_ORACLE = test ! -x $(ORACLE)/bin/python || \
	export LEGACY_NETS_ORACLE="$(abspath $(ORACLE))/bin/python";

.PHONY: demo test test-run test-torch test-ray test-quick test-slow lint docs docs-po messages test-docs oracle \
	bench clean
.DELETE_ON_ERROR:

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "no Python from 3.10 to 3.13 found: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml | $(BIN)/python
	@echo "installing legacy_nets into $(VENV) ..."
	@$(PIP) .
	@touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/python
	@echo "installing legacy_nets and its test tools into $(VENV) ..."
	@$(PIP) '.[test]'
	@touch $@ $(VENV)/.core

$(RUN_VENV)/.test: pyproject.toml | $(BIN)/python
	@echo "installing legacy_nets and the packages of old scripts into $(RUN_VENV) ..."
	@$(BIN)/python -m venv $(RUN_VENV)
	@$(RUN_VENV)/bin/python -m pip --disable-pip-version-check install --quiet --editable '.[test-run]'
	@touch $@

$(DOCS_VENV)/.ready: pyproject.toml | $(BIN)/python
	@echo "installing legacy_nets and Sphinx into $(DOCS_VENV) ..."
	@$(BIN)/python -m venv $(DOCS_VENV)
	@$(DOCS_VENV)/bin/python -m pip --disable-pip-version-check install --quiet --editable '.[test-docs]'
	@touch $@

$(BENCH_VENV)/.ready: pyproject.toml | $(BIN)/python
	@echo "installing legacy_nets, ONNX Runtime, OpenVINO and NNCF into $(BENCH_VENV) ..."
	@$(BIN)/python -m venv $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python -m pip --disable-pip-version-check install --quiet --editable '.[onnx,int8]'
	@touch $@

$(RAY_VENV)/.ready: pyproject.toml | $(BIN)/python
	@echo "installing legacy_nets, its test tools and Ray into $(RAY_VENV) ..."
	@$(BIN)/python -m venv $(RAY_VENV)
	@$(RAY_VENV)/bin/python -m pip --disable-pip-version-check install --quiet --editable '.[test-ray]'
	@touch $@

$(TORCH_VENV)/.ready: scripts/peers/requirements.txt | $(BIN)/python
	@echo "installing PyTorch, torchvision and timm into $(TORCH_VENV) (minutes) ..."
	@$(BIN)/python -m venv $(TORCH_VENV)
	@$(TORCH_VENV)/bin/python -m pip --disable-pip-version-check install --quiet $(TORCH_OPTIONS) \
		--requirement scripts/peers/requirements.txt
	@$(TORCH_VENV)/bin/python -c "import timm, torch, torchvision; print('PyTorch', \
		torch.__version__, 'torchvision', torchvision.__version__, 'timm', timm.__version__)"
	@touch $@

demo: $(VENV)/.core  ## trains the hand-sign net on synthetic data, then evaluates it
	$(BIN)/legacy-nets train hand_signs --model-dir demo --resume
	$(BIN)/legacy-nets evaluate hand_signs --checkpoint demo

test: lint oracle test-run  ## all tests but the rare ones
	$(ASK_ORACLE) $(BIN)/python -m pytest -n 2 --dist loadfile -q -rs -m "not rare"

test-run: $(RUN_VENV)/.test  ## what scripts run on, with NumPy 1 and the packages of that time
	$(RUN_VENV)/bin/python -m pytest -n 2 --dist loadfile -q -rs \
		-m "not rare and not oracle and not any_numpy" tests/runner tests/tf1 tests/upgrade

test-torch: $(VENV)/.test $(TORCH_VENV)/.ready  ## what is compared with PyTorch, torchvision and timm
	LEGACY_NETS_TORCH="$(abspath $(TORCH_VENV))/bin/python" \
		$(BIN)/python -m pytest -n 2 --dist loadfile -q -rs -m torch

test-ray: $(RAY_VENV)/.ready  ## score, port and inspect on a cluster of Ray, which it starts
	$(RAY_VENV)/bin/python -m pytest -q -rs -m ray

test-quick: $(VENV)/.test  ## without the slow tests
	$(BIN)/python -m pytest -n 2 --dist loadfile -q -m "not slow and not rare"

test-slow: $(VENV)/.test  ## the slow and rare tests, every net at full size (24 GB), all damaged files
	$(ASK_ORACLE) LEGACY_NETS_FULL=1 $(BIN)/python -m pytest -n 2 --dist loadfile -q -rs -m "slow or rare"

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

SPHINX = $(DOCS_VENV)/bin/python -m sphinx -W --keep-going -j 2 -q

docs: $(DOCS_VENV)/.ready  ## the site, in English and Chinese: docs/_build/html/en/index.html
	@echo "building docs/_build/html/en ..."
	@$(SPHINX) -b html -d docs/_build/doctrees/en docs docs/_build/html/en
	@echo "building docs/_build/html/zh ..."
	@$(SPHINX) -b html -d docs/_build/doctrees/zh -D language=zh_CN docs docs/_build/html/zh
	@echo "open docs/_build/html/en/index.html"

test-docs: docs  ## the built site: links, sizes, what it must have; and in headless Chromium
	@$(DOCS_VENV)/bin/python -m pip --disable-pip-version-check install --quiet --editable '.[test-docs]'
	@command -v chromium >/dev/null || $(DOCS_VENV)/bin/playwright install --with-deps chromium
	LEGACY_NETS_SITE="$(abspath docs/_build/html)" $(DOCS_VENV)/bin/python -m pytest -q -rs \
		tests/book

docs-po: $(DOCS_VENV)/.ready  ## renews the texts to translate: docs/locale/zh_CN/LC_MESSAGES/*.po
	@$(DOCS_VENV)/bin/python -m sphinx -q -b gettext -t po -d docs/_build/doctrees/po \
		docs docs/_build/gettext
	@$(DOCS_VENV)/bin/sphinx-intl update -p docs/_build/gettext -d docs/locale -l zh_CN --line-width 100

messages: $(VENV)/.test  ## compiles the package's own texts, legacy_nets/language/locale/*/LC_MESSAGES/*.po
	@for domain in messages lines documents; do \
		$(BIN)/pybabel -q compile --directory legacy_nets/language/locale --domain $$domain; done

oracle:  ## real TensorFlow 1.15.5 under Python 3.7, where that can be had
	@sh scripts/oracle/setup.sh $(ORACLE)

# make bench BENCH=short ROWS="inference port" ROUNDS=7 AGAIN=1
BENCH ?= full
ROUNDS ?= 5
bench: $(BENCH_VENV)/.ready oracle  ## our speed next to other programs': docs/benchmarks; resumes
	@$(MAKE) --no-print-directory $(TORCH_VENV)/.ready || echo "without PyTorch: its cells are dashes"
	$(BENCH_VENV)/bin/python -u scripts/bench/table --bench $(BENCH) --rounds $(ROUNDS) \
		--rows "$(ROWS)" $(if $(AGAIN),--again) \
		--tensorflow1 "$(abspath $(ORACLE))/bin/python" --torch "$(abspath $(TORCH_VENV))/bin/python"

clean:
	rm -rf $(BENCH_VENV) $(RAY_VENV) $(VENV) $(RUN_VENV) $(DOCS_VENV) $(TORCH_VENV) $(ORACLE) demo build docs/_build *.egg-info .pytest_cache .ruff_cache .mypy_cache
