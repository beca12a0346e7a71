# For a Makefile: include lockstep.mk, with LOCKSTEP the checkout of lockstep.
# The folder holds what github.yml says.
#
#	make verify-models           without TensorFlow; a part of your test target
#	make check-models            on both engines
#	make goldens/NAME.golden     records one; make record-models all
LOCKSTEP      ?= .lockstep
LOCKSTEP_BIN  := .bin/lockstep
LOCKSTEP_TF   := .bin/lockstep-tensorflow
MODEL_GOLDENS := $(patsubst models/%/,goldens/%.golden,$(sort $(dir $(wildcard models/*/saved_model.pb))))

.PHONY: verify-models check-models record-models

verify-models: $(LOCKSTEP_BIN)
	$(LOCKSTEP_BIN) golden verify

check-models: $(LOCKSTEP_TF)
	$(LOCKSTEP_TF) check
	$(LOCKSTEP_TF) golden verify

record-models: $(MODEL_GOLDENS)

goldens/%.golden: models/%/saved_model.pb $(LOCKSTEP_TF)
	@mkdir -p goldens
	$(LOCKSTEP_TF) golden record models/$* -o $@

# Made once; remove .bin to have them made from a newer checkout. libtensorflow
# stays in the user's cache folder.
$(LOCKSTEP_BIN):
	$(MAKE) -C $(LOCKSTEP) build-pure BIN="$(CURDIR)/$@"

$(LOCKSTEP_TF):
	$(MAKE) -C $(LOCKSTEP) build BIN="$(CURDIR)/$@"
