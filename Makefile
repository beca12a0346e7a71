# The two commands of the README are `make demo` and `make test`; `make help`
# lists the rest. The targets' code is in tools/, and what is downloaded or made
# once is kept in the user's cache folder, so a second clone fetches nothing.

GO     ?= go
PYTHON ?= python3
BIN    ?= bin/lockstep
DO      = GO="$(GO)" $(PYTHON) tools/dev.py

.PHONY: help demo test build build-pure bench bench-peers bench-service models models-all compatibility faults false-alarms \
	fuzz mutants lint release-check tensorflow keras bench-models test-setup test-python test-pure test-arm64 test-race test-tensorflow test-beam batch batch-runners clean

help: ## list the targets
	@awk -F ': ## ' '/^[a-z][a-z0-9-]*: ## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## set up what is missing, build, and check the seed model on both engines
test: ## set up what is missing and run every test
test-pure: ## the tests of a machine without TensorFlow and a C compiler
test-arm64: ## the kernels for arm64, by QEMU where the processor is another
test-tensorflow: ## the tests that need libtensorflow
build: ## bin/lockstep with TensorFlow in it (BIN=/somewhere/lockstep)
batch: ## bin/lockstep-batch, which lockstep batch starts: its first build takes minutes
batch-runners: ## a batch job on Prism and on Beam's portable runner in Python, which is installed into build
test-beam: ## the tests of the module beam, with the lockstep that has TensorFlow in it
bench: ## both engines and C on the seed model and others: ratios, latency, start-up, memory
bench-models: ## the native engine and TensorFlow on convolutions, attention, MobileNetV2, ResNet50 and others
bench-peers: ## the same beside ONNX Runtime, LiteRT and PyTorch, installed into the cache folder
bench-service: ## the example service under 100,000 requests on both engines, its start and its size
models: ## make the committed models and their expected values again, with Keras
models-all: ## make the many models of the tests into the cache folder (test does it where needed)
compatibility: ## write the tables of supported models, from a run of those models
faults: ## plant every known fault in many models and count what check and its diagnosis find
false-alarms: ## check 2,000 random models under three settings of TensorFlow and with other engines, and count false alarms
fuzz: ## run every fuzz target for a minute (FUZZTIME=60s)
lint: ## gofmt, go vet, staticcheck, go mod tidy
demo test build bench bench-peers bench-service models models-all compatibility faults false-alarms fuzz lint tensorflow keras bench-models test-setup test-python test-pure test-arm64 test-race test-tensorflow test-beam batch batch-runners:
	@command -v $(PYTHON) >/dev/null || { echo 'make: no $(PYTHON) found: install Python 3, or name one with PYTHON=/path/to/python3; without TensorFlow, use make build-pure' >&2; exit 1; }
	@$(DO) $@

build-pure: ## bin/lockstep without TensorFlow and without cgo
	CGO_ENABLED=0 $(GO) build -o "$(BIN)" ./cmd/lockstep

release-check: ## build the programs of a release for six platforms, and check each
	$(GO) run ./internal/release

MUTANTS ?= 30
SEED    ?= 1
mutants: ## change one token at a time, and print what the pure tests do not notice (MUTANTS=30 SEED=1)
	$(GO) run ./internal/mutate -n $(MUTANTS) -seed $(SEED) ./compare ./internal/recurrent ./internal/op ./internal/engine ./internal/errbound ./native/savedmodel ./internal/diagnose

clean: ## remove what was built here; the cache folder stays
	rm -rf bin build .libtensorflow
