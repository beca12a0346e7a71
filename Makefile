# The two commands of the README are `make demo` and `make test`; `make help`
# lists the rest. Downloads are kept in the user's cache folder, so a second
# clone fetches nothing.

GO     ?= go
PYTHON ?= python3

PACKAGE := github.com/lockstep-go/lockstep
FETCH   := $(PYTHON) tfbridge/libtensorflow/fetch.py

# How a program with TensorFlow is linked: the C API's symbols stay open until
# tfbridge opens the library, so the program starts without it. The stub
# satisfies the binding's -ltensorflow.
ifeq ($(shell uname -s),Darwin)
OPEN_SYMBOLS := -Wl,-undefined,dynamic_lookup
else
OPEN_SYMBOLS := -Wl,--unresolved-symbols=ignore-in-object-files -Wl,--export-dynamic -Wl,-z,lazy
endif

# Expanded where first used, and then once: it asks the fetch script.
TF_HOME    = $(eval TF_HOME := $(shell $(FETCH) --where))$(TF_HOME)
TF_ENV     = CGO_ENABLED=1 CGO_CFLAGS="'-I$(TF_HOME)/include'" CGO_LDFLAGS="'-L$(TF_HOME)/stub' $(OPEN_SYMBOLS)"
TF_LDFLAGS = -X '$(PACKAGE)/tfbridge.libraryDir=$(TF_HOME)'
TF_FLAGS   = -tags tensorflow -ldflags "$(TF_LDFLAGS)"

# A module of its own, as a service's is.
EXAMPLE := examples/forecast

# The seed models of the demo, unpacked from their fixtures.
DEMO   := build/models/seed_keras3 build/models/seed_tfkeras

# Keras, which makes the models. The cache keeps one environment a list of
# versions; the stamp is its last file.
VENV   = $(eval VENV := $(shell $(FETCH) --cache)/keras-$(shell cksum < models/requirements.txt | cut -d' ' -f1))$(VENV)
KERAS  = $(VENV)/bin/python

# The many models that are made and not committed, in the cache as well: one
# folder a version of the recipes, so it is made once and never out of date.
# models/golden.py, reports.py and ops_*.py make none of them.
MADE   = $(eval MADE := $(shell $(FETCH) --cache)/models-$(shell cat $$(ls models/*.py | grep -vE '^models/(golden|reports|ops_[a-z]+)\.py$$') models/requirements.txt | cksum | cut -d' ' -f1))$(MADE)

# The models that are timed beside the seed's, kept in the same way.
TIMED  = $(eval TIMED := $(shell $(FETCH) --cache)/bench-models-$(shell cat models/bench.py models/seq2seq.py models/fixture.py models/requirements.txt | cksum | cut -d' ' -f1))$(TIMED)

# The engines that make bench-peers times beside ours.
PEERS  = $(eval PEERS := $(shell $(FETCH) --cache)/peers-$(shell cat bench/requirements.txt bench/without_cuda.py | cksum | cut -d' ' -f1))$(PEERS)

# The structures that make false-alarms fills with random weights.
STRUCTURES = $(eval STRUCTURES := $(shell $(FETCH) --cache)/structures-$(shell cat faults/models.py models/requirements.txt | cksum | cut -d' ' -f1))$(STRUCTURES)

.PHONY: bench-service faults false-alarms structures help demo test build build-pure tensorflow compiler lint test-setup test-pure test-arm64 test-race test-tensorflow test-bench test-golden fuzz release-check bench bench-peers bench-programs bench-models peers models models-all compatibility keras clean

help:
	@echo 'make demo         set up what is missing, build, and check the seed model on both engines'
	@echo 'make test         set up what is missing and run every test'
	@echo 'make test-arm64   run the tests of the kernels for arm64, by QEMU where the processor is another'
	@echo 'make build        bin/lockstep with TensorFlow in it'
	@echo 'make build-pure   bin/lockstep without TensorFlow and without cgo'
	@echo 'make tensorflow   fetch libtensorflow into the cache folder (build does it where needed)'
	@echo 'make bench        both engines and C on the seed model and others, taking turns: ratios, latency, start-up, memory'
	@echo 'make bench-peers  the same beside ONNX Runtime, LiteRT and PyTorch, installed into the cache folder'
	@echo 'make bench-service  the example service under 100,000 requests on both engines, its start and its size'
	@echo 'make models       make the committed models and their expected values again, with Keras'
	@echo 'make models-all   make the many models of the tests into the cache folder (test does it where needed)'
	@echo 'make compatibility  write the tables of what is supported anew, from a run of those models'
	@echo 'make faults       plant every known fault in many models and count what check and its diagnosis find'
	@echo 'make false-alarms check 1,000 random models under three settings of TensorFlow and count false alarms'
	@echo 'make fuzz         run every fuzz target for a minute (FUZZTIME=60s)'
	@echo 'make release-check  build the programs of a release for six platforms, and look at each'
	@echo 'make lint         gofmt, go vet, staticcheck, go mod tidy'
	@echo 'make clean        remove what was built here; the cache folder stays'

demo: build $(DEMO)
	@bin/lockstep check $(DEMO)
	@echo
	@echo 'The encoder state_h on an all-ones (1, 10, 1) input, from both engines:'
	@bin/lockstep check build/models/seed_keras3 --inputs testdata/seed_keras3/inputs_ones.npz --print encoder/state_h --format json=build/demo.json

test: lint test-setup test-bench test-golden test-pure test-arm64 test-race test-tensorflow fuzz

# The set-up script, with a pip and wheels of the test's own.
test-setup:
	$(PYTHON) -m unittest discover -s tfbridge/libtensorflow -p '*_test.py'

# What the peers of make bench-peers share.
test-bench: keras
	$(KERAS) -m unittest discover -s bench -p '*_test.py'

# Goldens as numpy alone reads and writes them.
test-golden: keras
	$(KERAS) -m unittest discover -s compare/golden/testdata -p '*_test.py'

# A machine that has never seen TensorFlow or a C compiler.
test-pure: models-all
	CGO_ENABLED=0 LOCKSTEP_MODELS="$(MADE)" $(GO) test ./...
	CGO_ENABLED=0 $(GO) -C $(EXAMPLE) test ./...

# The kernels for arm64, which an emulator runs elsewhere: QEMU's user mode,
# which is for Linux alone. Where it is not, that is said; in CI it must be there.
# The models that are made take too long there and are left out: test-pure runs
# them, on the same Go code around the kernels.
ifneq ($(shell $(GO) env GOHOSTARCH),arm64)
QEMU ?= qemu-aarch64
ON_QEMU = -exec "$(QEMU)"
endif
test-arm64:
	@if [ -n "$(QEMU)" ] && ! command -v "$(QEMU)" >/dev/null; then \
		if [ "$$(uname -s)" != Linux ]; then echo 'make: NOT RUN: the tests of the kernels for arm64: QEMU runs them on Linux only' >&2; exit 0; fi; \
		hint='no $(QEMU) found: install it (on Debian: apt-get install qemu-user), or name one with QEMU=...'; \
		case " $$LOCKSTEP_NOT_TO_BE_HAD " in *' qemu-aarch64 '*) echo 'make: NOT RUN: the tests of the kernels for arm64: QEMU could not be installed here' >&2; exit 0;; esac; \
		if [ -n "$$CI" ]; then echo "make: the tests of the kernels for arm64 must run in CI: $$hint" >&2; exit 1; fi; \
		echo "make: NOT RUN: the tests of the kernels for arm64: $$hint" >&2; exit 0; \
	fi; set -x; \
	CGO_ENABLED=0 GOARCH=arm64 $(GO) test -short $(ON_QEMU) ./internal/kernel && \
	CI= CGO_ENABLED=0 GOARCH=arm64 LOCKSTEP_KERNEL=neon $(GO) test $(ON_QEMU) ./internal/engine ./internal/streaming ./internal/errbound ./native

# The same tests and those that need the real libtensorflow; none is skipped.
test-tensorflow: tensorflow compiler models-all structures keras
	$(TF_ENV) TF_CPP_MIN_LOG_LEVEL=2 LOCKSTEP_MODELS="$(MADE)" LOCKSTEP_STRUCTURES="$(STRUCTURES)" LOCKSTEP_KERAS="$(KERAS)" $(GO) test -timeout 30m $(TF_FLAGS) ./...
	$(TF_ENV) TF_CPP_MIN_LOG_LEVEL=2 $(GO) -C $(EXAMPLE) test $(TF_FLAGS) ./...

# What many goroutines do with one model, under the race detector.
test-race: compiler
	CGO_ENABLED=1 $(GO) test -race ./native -run Goroutines
	CGO_ENABLED=1 $(GO) -C $(EXAMPLE) test -race ./...

# Every fuzz target for a minute, two at a time, in bounded memory.
FUZZTIME ?= 60s
fuzz:
	@grep -rho --include='*_test.go' '^func Fuzz[A-Za-z0-9]*' . | sed 's/func //' | sort | xargs -P 2 -I NAME sh -ec '\
		package=./$$(dirname "$$(grep -rl --include="*_test.go" "^func NAME(" . | sed "s|^\./||")"); \
		ulimit -v 12000000 2>/dev/null || true; \
		out=$$(CGO_ENABLED=0 $(GO) test "$$package" -run "^$$" -fuzz "^NAME$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x -parallel 1 2>&1) || { echo "$$out"; exit 1; }; \
		echo "$$out" | grep "fuzz: elapsed" | tail -1 | sed "s/^fuzz:/fuzz NAME:/"'

# Both write what they find into faults/RESULTS.md; test runs a short form.
faults: tensorflow compiler models-all
	$(TF_ENV) TF_CPP_MIN_LOG_LEVEL=2 LOCKSTEP_MODELS="$(MADE)" $(GO) test -timeout 60m $(TF_FLAGS) ./faults -run '^TestPlantedFaults$$' -v -args -long

ALARM_MODELS ?= 1000
false-alarms: tensorflow compiler structures
	$(TF_ENV) TF_CPP_MIN_LOG_LEVEL=2 LOCKSTEP_STRUCTURES="$(STRUCTURES)" $(GO) test -timeout 120m $(TF_FLAGS) ./faults -run '^TestFalseAlarms$$' -v -args -long -alarm-models $(ALARM_MODELS)

structures: keras
	@[ -f "$(STRUCTURES)/complete" ] || { rm -rf "$(STRUCTURES)" && TF_CPP_MIN_LOG_LEVEL=3 $(KERAS) faults/models.py "$(STRUCTURES)" >/dev/null; }
	@touch "$(STRUCTURES)"

# Where build and build-pure write to, as in make build BIN=/somewhere/lockstep.
BIN ?= bin/lockstep
build: tensorflow compiler
	$(TF_ENV) $(GO) build $(TF_FLAGS) -o "$(BIN)" ./cmd/lockstep

build-pure:
	CGO_ENABLED=0 $(GO) build -o "$(BIN)" ./cmd/lockstep

# As .goreleaser.yaml says, into build/release.
release-check:
	$(GO) run ./internal/release

tensorflow:
	@command -v $(PYTHON) >/dev/null || { echo 'make: no $(PYTHON) found: install Python 3, or name one with PYTHON=/path/to/python3; without TensorFlow, use make build-pure' >&2; exit 1; }
	@$(FETCH) .libtensorflow

compiler:
	@command -v "$$($(GO) env CC)" >/dev/null || { echo "make: no C compiler $$($(GO) env CC), which cgo needs: install gcc (on Debian: apt-get install gcc libc6-dev), or name one with CC=...; without TensorFlow, use make build-pure" >&2; exit 1; }

build/models/%: testdata/%/saved_model.zip
	@rm -rf $@ && mkdir -p $@ && $(PYTHON) -m zipfile -e $< $@

# What is timed. BENCH_FLAGS say what is to be otherwise, as in
# make bench BENCH_FLAGS='--rounds 3'.
BENCH_SEED  := build/models/seed_keras3
BENCH_WORKS := $(BENCH_SEED),batch=1 $(BENCH_SEED),batch=32 $(BENCH_SEED),batch=199 build/models/seed_units1_keras3,batch=1 \
	build/models/bench_units256,batch=1 build/models/bench_units256,batch=32 $(BENCH_SEED),batch=1,steps=1000
BENCH_FLAGS ?=
BENCH_PEERS  = --peer 'onnxruntime="$(PEERS)/bin/python" bench/onnxruntime_peer.py' \
	--peer 'litert="$(PEERS)/bin/python" bench/litert_peer.py "$(KERAS)"' \
	--peer 'torch="$(PEERS)/bin/python" bench/torch_peer.py'
BENCH        = bin/lockstep bench --threads 1 --cases build/bench --native-program build/bench/contender --peer c=build/bench/yardstick

bench: build bench-programs $(BENCH_SEED) build/models/seed_units1_keras3 bench-models
	$(BENCH) $(BENCH_WORKS) --rounds 15 --slice 100ms --starts 5 --format text --format benchstat=build/bench/bench.txt --format markdown=build/bench/bench.md $(BENCH_FLAGS)

# All agree with what Keras predicted, and with each other on what is timed.
bench-peers: build bench-programs $(BENCH_SEED) build/models/seed_units1_keras3 bench-models peers
	$(BENCH) $(BENCH_SEED) --inputs testdata/seed_keras3/inputs.npz --expected testdata/seed_keras3/expected.npz --rounds 0 $(BENCH_PEERS)
	@echo
	$(BENCH) $(BENCH_WORKS) --rounds 45 --slice 100ms --starts 15 --format text --format benchstat=build/bench/peers.txt --format markdown=build/bench/peers.md $(BENCH_PEERS) $(BENCH_FLAGS)

# The example service under load, on both engines; then its start and its size.
bench-service: tensorflow compiler
	$(TF_ENV) TF_CPP_MIN_LOG_LEVEL=2 $(GO) -C $(EXAMPLE) test $(TF_FLAGS) -run '^$$' -bench 'Load/.*/steps=1$$' -benchtime 100000x
	CGO_ENABLED=0 $(GO) -C $(EXAMPLE) test -run '^$$' -bench Start -benchtime 20x

# The yardstick, and the native engine as a service has it.
bench-programs: compiler
	@mkdir -p build/bench
	$$($(GO) env CC) -O3 -march=native -o build/bench/yardstick bench/yardstick.c -lm
	CGO_ENABLED=0 $(GO) build -o build/bench/contender ./bench/contender

bench-models:
	@[ -d "$(TIMED)" ] || $(MAKE) --no-print-directory keras
	@[ -d "$(TIMED)" ] || $(KERAS) models/make.py --whole --out "$(TIMED)" --group bench
	@touch "$(TIMED)"
	@rm -rf build/models/bench_units256 && mkdir -p build/models/bench_units256 && $(PYTHON) -m zipfile -e "$(TIMED)/bench_units256/saved_model.zip" build/models/bench_units256

peers: keras compiler
	@[ -f "$(PEERS)/complete" ] || { \
		echo 'make: installing ONNX Runtime, LiteRT and PyTorch (650 MB to fetch, 1.6 GB then, once) ...' >&2; \
		rm -rf "$(PEERS)" && $(PYTHON) -m venv "$(PEERS)" && \
		"$(PEERS)/bin/pip" install --quiet --disable-pip-version-check --no-deps -r bench/requirements.txt && \
		CC="$$($(GO) env CC)" "$(PEERS)/bin/python" bench/without_cuda.py && \
		touch "$(PEERS)/complete"; }

# Makes every fixture of testdata again, with the pinned Keras.
models: keras
	$(KERAS) models/make.py --out testdata
	$(KERAS) internal/explain/testdata/expected.py

# Says where they are. The folder's time is that of its last use.
models-all:
	@[ -d "$(MADE)" ] || $(MAKE) --no-print-directory keras
	@[ -d "$(MADE)" ] || { \
		echo 'make: making the models of the tests, once for these recipes (5 minutes on 2 cores) ...' >&2; \
		$(KERAS) models/make.py --whole --out "$(MADE)" --group zoo; }
	@touch "$(MADE)"
	@echo 'LOCKSTEP_MODELS=$(MADE)'

compatibility: models-all
	CGO_ENABLED=0 LOCKSTEP_MODELS="$(MADE)" $(GO) test ./native -run '^TestZoo$$' -update

keras:
	@[ -f "$(VENV)/complete" ] || { \
		$(PYTHON) -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
			echo 'make: Keras, which makes the models of the tests, wants Python 3.11 to 3.13 and its venv module (on Debian: apt-get install python3-venv); name one with PYTHON=/path/to/python3; go test ./... runs without them' >&2; exit 1; }; \
		echo 'make: installing the pinned Keras and TensorFlow (600 MB, once) ...' >&2; \
		rm -rf "$(VENV)" && $(PYTHON) -m venv "$(VENV)" && \
		"$(VENV)/bin/pip" install --quiet --disable-pip-version-check --no-deps -r models/requirements.txt && \
		touch "$(VENV)/complete"; }

lint:
	@out=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$out" ] || { echo "gofmt would change: $$out" >&2; exit 1; }
	CGO_ENABLED=0 $(GO) vet ./...
	CGO_ENABLED=0 GOARCH=arm64 $(GO) vet ./...
	CGO_ENABLED=0 $(GO) tool staticcheck ./...
	$(GO) mod tidy -diff
	CGO_ENABLED=0 $(GO) -C $(EXAMPLE) vet ./...
	staticcheck="$$($(GO) tool -n staticcheck)" && cd $(EXAMPLE) && CGO_ENABLED=0 "$$staticcheck" ./... && $(GO) mod tidy -diff

clean:
	rm -rf bin build .libtensorflow
