# brkwater: `make help` lists the targets.

VERSION := 0.1.0

# Every Debian package that the project needs, in one place.
PACKAGES_BUILD := gcc libc6-dev make libzstd-dev libdw-dev libelf-dev liblzma-dev libiberty-dev libcapstone-dev zlib1g-dev
PACKAGES_DEMO := python3
PACKAGES_TEST := clang clang-format gcc-multilib g++ binutils python3 python3-pytest python3-pytest-xdist libcmocka-dev groff zstd strace git sqlite3 \
	bash util-linux procps stress-ng xz-utils dwz gdb redis-tools chromium-headless-shell fonts-dejavu-core
PACKAGES_BENCH := python3 strace coreutils redis-tools

BUILD := build
# make's own default (cc) is not what the package list installs.
ifeq ($(origin CC),default)
CC := gcc
endif
WARN := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla
CFLAGS ?= -O2 -g
ifdef SAN
BUILD := build/san
CFLAGS += -fsanitize=address,undefined -fno-omit-frame-pointer
LDFLAGS += -fsanitize=address,undefined
endif
BASE_CFLAGS := -std=c17 -D_GNU_SOURCE $(WARN)
ALL_CFLAGS = $(BASE_CFLAGS) -DBRKWATER_VERSION='"$(VERSION)"' $(CFLAGS)
LDLIBS := -lzstd -ldw -lelf -llzma -liberty -lcapstone -lz -ldl -pthread

# The targets that do everything compile as much at a time as there are CPUs, unless it was said how much.
PARALLEL = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

SOURCES := $(wildcard tracer/*.c tracer/*/*.c decoder/*.c decoder/*/*.c report/*.c report/*/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
PROGRAM := $(if $(SAN),$(BUILD)/brkwater,brkwater)

.PHONY: all
all: $(PROGRAM) ## build ./brkwater (the default); SAN=1 builds build/san/brkwater with sanitizers

$(PROGRAM): $(OBJECTS)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Style sheets and scripts are embedded there.  The browser runs those of the HTML report only if their hashes are right.
HTML := $(BUILD)/report/html
HTML_SCRIPTS := $(addprefix report/html/,$(shell cat report/html/order))
$(BUILD)/report/asset.o: $(wildcard report/*/*.css report/*/*.js report/*/*.html) $(HTML)/report.js.hash $(HTML)/report.css.hash
$(BUILD)/report/asset.o: ALL_CFLAGS += -DBRKWATER_BUILD='"$(BUILD)"'

# Indentation, comments and empty lines stay here.  What would end the script's element, or is not plain text, has no place in it.
$(HTML)/report.js: $(HTML_SCRIPTS) report/html/order Makefile
	@mkdir -p $(@D)
	@! LC_ALL=C grep -nE '</script|<!--|[^ -~	]' $(HTML_SCRIPTS) || { echo "report.js: must not hold these"; exit 1; }
	sed -e 's/^ *//' -e '/^\/\*.*\*\/$$/d' -e '/^\/\*/,/\*\/$$/d' -e '/^\/\//d' -e '/^$$/d' $(HTML_SCRIPTS) >$@

# No comment, and no space that means nothing.
$(HTML)/report.css: report/html/report.css Makefile
	@mkdir -p $(@D)
	sed -E -e 's/^ +//' -e 's,/\*[^*]*\*/,,g' -e 's/ *\{ */{/g' -e 's/; *\}/}/g' -e 's/([;{]|^)([a-z-]+): /\1\2:/g' -e 's/; /;/g' \
		-e 's/([a-z-]): /\1:/g' -e 's/, /,/g' -e 's/ ([>!]) ?/\1/g' $< | tr -d '\n' >$@

$(HTML)/%.hash: $(HTML)/% Makefile
	sha256sum $< | cut -c1-64 | tr a-f A-F | basenc --base16 -d | base64 | tr -d '\n' >$@

-include $(OBJECTS:.o=.d)

# ---- packages ----

# $(call install,PACKAGES): install those that are missing, as root or through sudo; otherwise say how and stop.
define install
@missing=$$(for p in $(1); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
if [ -n "$$missing" ]; then \
	line="apt-get install -y --no-install-recommends $$(echo $$missing)"; \
	if [ "$$(id -u)" = 0 ]; then sudo=; \
	elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo=sudo; \
	else echo "Missing Debian packages. As root, run:"; echo "    $$line"; exit 1; fi; \
	echo "Installing: $$missing"; \
	{ $$sudo env DEBIAN_FRONTEND=noninteractive $$line || { $$sudo apt-get update && $$sudo env DEBIAN_FRONTEND=noninteractive $$line; }; } \
		>$(BUILD)/packages.log 2>&1 || { tail -n 20 $(BUILD)/packages.log; exit 1; }; \
fi
endef

$(BUILD):
	@mkdir -p $@

.PHONY: packages packages-demo packages-test packages-bench packages-web
packages: | $(BUILD)
	$(call install,$(PACKAGES_BUILD))
packages-demo: | $(BUILD)
	$(call install,$(PACKAGES_BUILD) $(PACKAGES_DEMO))
packages-test: | $(BUILD)
	$(call install,$(PACKAGES_BUILD) $(PACKAGES_TEST))
# node may be there from elsewhere, and Debian's own would stand in its way.
packages-web: packages-test ## install what the tests of the HTML report need beside Debian's packages: exact versions, from npm
	$(call install,$(if $(shell command -v node),,nodejs) $(if $(shell command -v npm),,npm))
	@test tests/web/node_modules/.package-lock.json -nt tests/web/package-lock.json || \
		(cd tests/web && npm ci --no-audit --no-fund --ignore-scripts) >$(BUILD)/packages-web.log 2>&1 || { tail -n 20 $(BUILD)/packages-web.log; exit 1; }
packages-bench: | $(BUILD)
	$(call install,$(PACKAGES_BUILD) $(PACKAGES_BENCH))

# ---- examples and demonstration ----

EXAMPLES := $(patsubst examples/%.c,$(BUILD)/examples/%,$(wildcard examples/*.c))

$(BUILD)/examples/%: examples/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) -O1 -g -pthread -o $@ $< -lrt

.PHONY: examples
examples: $(EXAMPLES) ## build the example programs

DEMO := $(BUILD)/demo

.PHONY: demo
demo: packages-demo ## install what is missing, build, trace an example and a real program, leave reports
	@$(MAKE) --no-print-directory $(PARALLEL) all examples
	@mkdir -p $(DEMO)
	@echo; echo "== examples/brk-and-mmap, live =="
	./brkwater -e brk,mmap,munmap $(BUILD)/examples/brk-and-mmap 2>&1 | tee $(DEMO)/brk-and-mmap.txt
	@echo; echo "== python3, recorded =="
	./brkwater -q -o $(DEMO)/python3.brkw /usr/bin/python3 -c 'x=[bytes(1000) for _ in range(200000)]'
	./brkwater report $(DEMO)/python3.brkw | tee $(DEMO)/python3-report.txt
	./brkwater layout $(DEMO)/python3.brkw --at peak >$(DEMO)/python3-layout.txt
	./brkwater verify $(DEMO)/python3.brkw
	@echo; echo "Left in $(DEMO):"; ls -1 $(DEMO)
	@echo "Next: ./brkwater YOUR-COMMAND, or ./brkwater -o t.brkw YOUR-COMMAND and ./brkwater report t.brkw"

.PHONY: gallery
gallery: all examples ## HTML reports of all examples and of a few real programs, in build/gallery
	@BRKWATER=./$(PROGRAM) EXAMPLES=$(BUILD)/examples examples/gallery $(BUILD)/gallery

# ---- tests ----

PROGRAMS_DIR := $(BUILD)/tests/programs
PROGRAM_SOURCES := $(wildcard tests/programs/*.c tests/programs/*.cc)
# A first comment `variants: m32 static` asks for NAME-m32 and NAME-static beside NAME.
variants = $(foreach v,$(shell sed -n 's@.*variants: *\([a-z0-9 ]*[a-z0-9]\).*@\1@p;2q' $(1)),$(PROGRAMS_DIR)/$(notdir $(basename $(1)))-$(v))
TEST_PROGRAMS := $(foreach s,$(PROGRAM_SOURCES),$(PROGRAMS_DIR)/$(notdir $(basename $(s))) $(call variants,$(s)))
PROGRAM_CFLAGS := $(BASE_CFLAGS) -O1 -g -pthread
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))

$(PROGRAMS_DIR)/%-m32: tests/programs/%.c $(wildcard tests/programs/*.h) Makefile
	@mkdir -p $(@D)
	$(CC) $(PROGRAM_CFLAGS) -m32 -o $@ $< -lrt

$(PROGRAMS_DIR)/%-static: tests/programs/%.c $(wildcard tests/programs/*.h) Makefile
	@mkdir -p $(@D)
	$(CC) $(PROGRAM_CFLAGS) -DLINKED_STATICALLY -static -o $@ $< -lrt

# Without unwind tables but for .debug_frame, compressed; and without any.
WITHOUT_TABLES := -fno-asynchronous-unwind-tables -fno-unwind-tables

$(PROGRAMS_DIR)/%-debugframe: tests/programs/%.c $(wildcard tests/programs/*.h) Makefile
	@mkdir -p $(@D)
	$(CC) $(PROGRAM_CFLAGS) $(WITHOUT_TABLES) -gz -o $@ $< -lrt

$(PROGRAMS_DIR)/%-nocfi: tests/programs/%.c $(wildcard tests/programs/*.h) Makefile
	@mkdir -p $(@D)
	$(CC) $(PROGRAM_CFLAGS) $(WITHOUT_TABLES) -O2 -fomit-frame-pointer -DWITHOUT_CFI -s -g0 -o $@ $< -lrt

$(PROGRAMS_DIR)/%-o2: tests/programs/%.c $(wildcard tests/programs/*.h) Makefile
	@mkdir -p $(@D)
	$(CC) $(PROGRAM_CFLAGS) -O2 -fomit-frame-pointer -o $@ $< -lrt

$(PROGRAMS_DIR)/%-staticpie: tests/programs/%.c $(wildcard tests/programs/*.h) Makefile
	@mkdir -p $(@D)
	$(CC) $(PROGRAM_CFLAGS) -DLINKED_STATICALLY -static-pie -fPIE -o $@ $< -lrt

$(PROGRAMS_DIR)/%-noid: tests/programs/%.c $(wildcard tests/programs/*.h) Makefile
	@mkdir -p $(@D)
	$(CC) $(PROGRAM_CFLAGS) -Wl,--build-id=none -o $@ $< -lrt

# Where the names are: nowhere; packed in .gnu_debugdata, as Fedora does; in a file beside the program, as Debian does.
$(PROGRAMS_DIR)/%-stripped: $(PROGRAMS_DIR)/%
	strip -o $@ $<

$(PROGRAMS_DIR)/%-minidebug: $(PROGRAMS_DIR)/%
	nm -D $< --format=posix --defined-only | awk '{ print $$1 }' | sort >$@.dynamic
	nm $< --format=posix --defined-only | awk '$$2 == "T" || $$2 == "t" { print $$1 }' | sort | comm -13 $@.dynamic - >$@.keep
	objcopy --only-keep-debug $< $@.small
	objcopy -S --keep-symbols=$@.keep $@.small $@.packed
	xz -9 -f -k --stdout $@.packed >$@.xz
	strip -o $@ $<
	objcopy --add-section .gnu_debugdata=$@.xz $@
	@rm -f $@.dynamic $@.keep $@.small $@.packed $@.xz

$(PROGRAMS_DIR)/%-debuglink: $(PROGRAMS_DIR)/%
	objcopy --only-keep-debug $< $@.debug
	strip -o $@ $<
	cd $(@D) && objcopy --add-gnu-debuglink=$(notdir $@).debug $(notdir $@)

# Libraries made of the same source.
$(PROGRAMS_DIR)/%-first: tests/programs/%.c $(wildcard tests/programs/*.h) Makefile
	@mkdir -p $(@D)
	$(CC) $(PROGRAM_CFLAGS) -shared -fPIC -DLIBRARY=1 -o $@ $<

$(PROGRAMS_DIR)/%-second: tests/programs/%.c $(wildcard tests/programs/*.h) Makefile
	@mkdir -p $(@D)
	$(CC) $(PROGRAM_CFLAGS) -shared -fPIC -DLIBRARY=2 -s -o $@ $<

$(PROGRAMS_DIR)/%: tests/programs/%.c $(wildcard tests/programs/*.h) Makefile
	@mkdir -p $(@D)
	$(CC) $(PROGRAM_CFLAGS) -o $@ $< -lrt

$(PROGRAMS_DIR)/%: tests/programs/%.cc $(wildcard tests/programs/*.h) Makefile
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -Wall -Wextra -O1 -g -o $@ $<

# For the unit tests: all objects of a folder, of which the linker takes what is needed.
define archive
$(BUILD)/$(1).a: $(filter $(BUILD)/$(1)/%,$(OBJECTS))
	@rm -f $$@
	ar rcs $$@ $$^
endef
$(foreach folder,tracer decoder report,$(eval $(call archive,$(folder))))

# A unit test names what it links in a comment: `links: tracer/codec.o ...` or `links: decoder.a ...`.
.SECONDEXPANSION:
unit_objects = $(addprefix $(BUILD)/,$(shell sed -n 's@^/\* links: \(.*\) \*/@\1@p' tests/unit/$(1).c))
$(BUILD)/tests/unit/%: tests/unit/%.c $$(call unit_objects,$$*) $(wildcard tests/unit/*.h) Makefile
	@mkdir -p $(@D)
	$(CC) $(subst -O2,-O1,$(ALL_CFLAGS)) -DBRKWATER_TESTS='"$(abspath tests)"' $(LDFLAGS) -o $@ $< $(call unit_objects,$*) -lcmocka $(LDLIBS)

# ---- measurements ----

BENCH_PROGRAMS := $(patsubst tests/bench/%.c,$(BUILD)/tests/bench/%,$(wildcard tests/bench/*.c))
bench_objects = $(if $(filter bare,$(1)),$(BUILD)/tracer/filter.o $(BUILD)/tracer/calls.o)

$(BUILD)/tests/bench/%: tests/bench/%.c $$(call bench_objects,$$*) Makefile
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) -O2 -g -fomit-frame-pointer -pthread $(LDFLAGS) -o $@ $< $(call bench_objects,$*)

.PHONY: bench
bench: packages-bench ## measure: cost of an event, of other calls, of whole programs, beside strace; BENCH="--quick --only NAME"
	@$(MAKE) --no-print-directory $(PARALLEL) all bench-programs
	BRKWATER=$(abspath $(PROGRAM)) BRKWATER_BUILD=$(abspath $(BUILD)) /usr/bin/python3 -B tests/bench/bench.py $(BENCH)

.PHONY: bench-programs
bench-programs: $(BENCH_PROGRAMS)

.PHONY: test-programs
test-programs: $(TEST_PROGRAMS) $(UNIT_TESTS) $(EXAMPLES) $(BENCH_PROGRAMS)

TEST_ENVIRONMENT = BRKWATER=$(abspath $(PROGRAM)) BRKWATER_BUILD=$(abspath $(BUILD)) BRKWATER_PROGRAMS=$(abspath $(PROGRAMS_DIR))
# pytest of Debian's own python: another python3 may come first in PATH.  Some tests at a time: no test depends on speed, and many
# wait more than they compute.
TESTS_AT_ONCE := 3
PYTEST = /usr/bin/python3 -B -m pytest -q -p no:cacheprovider -n $(TESTS_AT_ONCE)

.PHONY: check
check: packages-test ## install what the tests need, build, run every test
	@$(MAKE) --no-print-directory $(PARALLEL) packages-web all test-programs check-layers check-clang
	$(TEST_ENVIRONMENT) $(PYTEST) tests

.PHONY: check-long
check-long: packages-test ## the same with thousands of rounds
	@$(MAKE) --no-print-directory $(PARALLEL) packages-web all test-programs
	BRKWATER_LONG=1 $(TEST_ENVIRONMENT) $(PYTEST) tests

.PHONY: check-layers
check-layers: ## includes point upstream only, and only at published headers
	@tests/check-layers

.PHONY: check-clang
check-clang: $(SOURCES:%.c=$(BUILD)/clang/%.checked) ## clang has nothing to warn of

# It warns before it makes code, so that no code is made.
$(BUILD)/clang/%.checked: %.c Makefile
	@mkdir -p $(@D)
	@clang $(BASE_CFLAGS) -DBRKWATER_VERSION='"$(VERSION)"' -DBRKWATER_BUILD='"$(BUILD)"' -Werror -fsyntax-only -MMD -MP -MF $(@:.checked=.d) -MT $@ $<
	@touch $@

-include $(SOURCES:%.c=$(BUILD)/clang/%.d)

.PHONY: format
format: ## format all C sources
	clang-format -i tracer/*.[ch] tracer/*/*.[ch] decoder/*.[ch] decoder/*/*.[ch] report/*.[ch] report/*/*.[ch] examples/*.c tests/unit/*.[ch] \
		tests/unit/inputs/*.c tests/programs/*.[ch] tests/bench/*.c

.PHONY: clean
clean: ## remove what was built
	rm -rf build brkwater

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | awk -F '\t' '{ printf "  make %-14s %s\n", $$1, $$2 }'
