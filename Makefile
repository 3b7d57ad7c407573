# Targets: test (all that CI runs), lint, soak (long tests), fuzz, arm64, avx512, build, bench.
# `make test` installs what it needs; see scripts/.

GO ?= go
FUZZTIME ?= 30s
export GOTOOLCHAIN ?= local

.PHONY: test lint cross race unit vuln soak fuzz arm64 avx512 python build bench

test: python lint cross race vuln arm64 unit

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o shoal ./cmd/shoal

# Format, vet, staticcheck, go.mod and generated files.
lint:
	@scripts/lint.sh

# Everything compiles for the systems that people have, and for the page.
cross:
	@scripts/cross.sh

# The race detector, with cgo; short tests.
race:
	@scripts/race.sh

# Known vulnerabilities in what we call.
vuln:
	@scripts/vuln.sh

# The other programs that the tests compare with: onnx and ONNX Runtime.
python:
	@scripts/python.sh

# The tests. Last, so that their lines end the output.
unit: python
	CGO_ENABLED=0 $(GO) test ./...

# Long tests: all float32 values, the nine tables, files read by the reference
# implementations. Hours.
soak: avx512 python
	SHOAL_SOAK=1 $(GO) test -timeout 8h -v ./...

fuzz:
	@scripts/fuzz.sh $(FUZZTIME)

# The same bits on another processor: the kernels and the fit hashes, emulated.
arm64:
	@scripts/arm64.sh

# The same with AVX-512, emulated where this processor has none.
avx512:
	@scripts/avx512.sh

# Shoal beside its peers: bench/RESULTS.md; with two threads: bench/THREADS.md; as sizes grow: bench/scaling.svg; and, where the
# processor has AVX-512, without it: bench/AVX2.md.
bench:
	bench/peers/setup.sh
	cd bench && CGO_ENABLED=0 $(GO) run . -notes PROFILE.md -out RESULTS.md
	cd bench && CGO_ENABLED=0 $(GO) run . -threads 2 -workloads higgs,higgs5,mnist,wide -modes train -peers JAX,PyTorch -out THREADS.md
	cd bench && CGO_ENABLED=0 $(GO) run . -scale scaling.svg
	if grep -qw avx512dq /proc/cpuinfo; then cd bench && SHOAL_SIMD=avx2 CGO_ENABLED=0 $(GO) run . -out AVX2.md; fi
