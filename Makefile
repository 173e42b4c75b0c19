# brkwater: `make help` lists the targets.

VERSION := 0.1.0

# Every Debian package that the project needs, in one place.
PACKAGES_BUILD := gcc libc6-dev make pkg-config libzstd-dev
PACKAGES_DEMO := python3
PACKAGES_TEST := clang clang-format gcc-multilib python3 python3-pytest libcmocka-dev zstd strace git sqlite3 bash util-linux procps

BUILD := build
CC ?= gcc
WARN := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla
CFLAGS ?= -O2 -g
ifdef SAN
CFLAGS += -fsanitize=address,undefined -fno-omit-frame-pointer
LDFLAGS += -fsanitize=address,undefined
BUILD := build/san
endif
ALL_CFLAGS := -std=c17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DBRKWATER_VERSION='"$(VERSION)"' $(WARN) $(CFLAGS)
LDLIBS := -lzstd -pthread

SOURCES := $(wildcard tracer/*.c decoder/*.c report/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
PROGRAM := $(if $(SAN),$(BUILD)/brkwater,brkwater)

.PHONY: all
all: $(PROGRAM) ## build ./brkwater (default)

$(PROGRAM): $(OBJECTS)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

-include $(OBJECTS:.o=.d)
