# Builds, installs and tests iommu-install and iommu-verify.
# SPDX-License-Identifier: BSD-3-Clause

VERSION = 0.1.0

PREFIX ?= /usr
SBINDIR ?= $(PREFIX)/sbin
LIBDIR ?= $(PREFIX)/lib
DATADIR ?= $(PREFIX)/share
SYSCONFDIR ?= /etc
IMAGEDIR = $(LIBDIR)/iommu-verify
DRACUTMODULESDIR ?= $(or $(shell pkg-config --variable=dracutmodulesdir dracut 2>/dev/null),$(LIBDIR)/dracut/modules.d)
UNITDIR ?= $(LIBDIR)/systemd/system
CATALOGDIR ?= $(LIBDIR)/systemd/catalog
RULESDIR ?= $(LIBDIR)/udev/rules.d
MANDIR ?= $(DATADIR)/man
BASHDIR ?= $(DATADIR)/bash-completion/completions
# Debian's zsh has a directory of its own for packages.
ZSHDIR ?= $(DATADIR)/zsh/$(if $(and $(filter /usr,$(PREFIX)),\
	$(wildcard /etc/debian_version)),vendor-completions,site-functions)
FISHDIR ?= $(DATADIR)/fish/vendor_completions.d
INITRAMFSTOOLSDIR ?= $(DATADIR)/initramfs-tools
INITCPIODIR ?= $(LIBDIR)/initcpio
INSTALL ?= install

B = build
CFLAGS ?= -O2 -g
WARNINGS = -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wwrite-strings -Wconversion -Wno-sign-conversion -Wformat=2 -Wvla -Wundef \
	-Wno-missing-field-initializers
HARDENING = -fstack-protector-strong -fno-common -D_FORTIFY_SOURCE=2 -fPIE
DEFINES = -Isrc -DVERSION='"$(VERSION)"'

# The helper: one static file, small with musl, with glibc where there is no musl-gcc.
HELPER_CC ?= $(or $(shell command -v musl-gcc),$(CC))
# Tables where they come, not at multiples of 32, and no vector registers, which cost bytes; options of x86's compilers.
HELPER_ALIGN := $(if $(findstring x86_64,$(shell $(HELPER_CC) -dumpmachine)),-malign-data=abi -mno-sse)
# Small above all, where the compiler knows how (gcc 12 and later).
HELPER_O := $(shell $(HELPER_CC) -Oz -E - < /dev/null > /dev/null 2>&1 && echo -Oz || echo -Os)
HELPER_CFLAGS ?= $(HELPER_O) -flto -fno-pie -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables \
	-fno-jump-tables -fno-tree-loop-im -fno-move-loop-invariants -fno-tree-sra $(HELPER_ALIGN)
HELPER_LDFLAGS ?= -static -no-pie -Wl,--gc-sections,--sort-section=alignment \
	-Wl,-z,relro,-z,now,-z,noseparate-code -s
KMOD_SRC ?= $(B)/kmod
# libkmod's functions are renamed in its objects, which takes machine code.
KMOD_CFLAGS ?= $(filter-out -flto%,$(HELPER_CFLAGS))

# A folder of src/ belongs to one program or to both, and uses only those that stand before it (src/README.md).
BOTH = base model evidence verdict
VERIFY_DIRS = $(BOTH) helper
INSTALL_DIRS = $(BOTH) system initramfs bootloader nextboot change show command
INSTALL_SOURCES = $(wildcard $(patsubst %,src/%/*.c,$(INSTALL_DIRS)))

VERIFY_OBJECTS = $(patsubst src/%.c,$(B)/verify/%.o,src/iommu-verify.c \
	$(wildcard $(patsubst %,src/%/*.c,$(VERIFY_DIRS))))
INSTALL_OBJECTS = $(patsubst src/%.c,$(B)/install/%.o,src/iommu-install.c $(INSTALL_SOURCES))

COMPLETIONS = $(addprefix $(B)/completion/,bash zsh fish)

.PHONY: all install deb rpm tarball check check-boot check-full check-fresh abilities packages demo bench fuzz fuzzers \
	coverage mutants clean distclean
.DELETE_ON_ERROR:

all: $(B)/iommu-verify $(B)/iommu-install $(COMPLETIONS)

$(B)/iommu-verify: $(VERIFY_OBJECTS) $(B)/libkmod.a
	$(HELPER_CC) $(HELPER_CFLAGS) $(HELPER_LDFLAGS) -o $@ $^

$(B)/iommu-install: $(INSTALL_OBJECTS)
	$(CC) $(CFLAGS) -pie -Wl,-z,relro,-z,now $(LDFLAGS) -o $@ $^ -lkmod -ldl

# Printed by the program; when it is built for another machine EMULATOR runs it here.
$(B)/completion/%: $(B)/iommu-install
	@mkdir -p $(@D)
	$(EMULATOR) $< --print-completion $* > $@

# musl-gcc does not look for the kernel's headers; these links show it those and nothing else of the C library's.
$(B)/include:
	mkdir -p $@
	ln -sfn /usr/include/linux $@/linux
	ln -sfn /usr/include/asm-generic $@/asm-generic
	ln -sfn $(firstword $(wildcard /usr/include/$(shell $(CC) -print-multiarch)/asm) /usr/include/asm) $@/asm

$(B)/verify/%.o: src/%.c | $(B)/include $(KMOD_SRC)
	@mkdir -p $(@D)
	$(HELPER_CC) $(HELPER_CFLAGS) $(WARNINGS) $(filter-out -fPIE,$(HARDENING)) $(DEFINES) -DHELPER -MMD -MP \
		-isystem $(B)/include -isystem $(KMOD_SRC)/libkmod -c -o $@ $<

$(B)/install/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CPPFLAGS) $(WARNINGS) $(HARDENING) $(DEFINES) -MMD -MP -c -o $@ $<

-include $(wildcard $(foreach dir,verify install fuzz,$(B)/$(dir)/*.d $(B)/$(dir)/*/*.d))

$(B)/libkmod.a: src/helper/libkmod.sh | $(B)/include $(KMOD_SRC)
	CC='$(HELPER_CC)' CFLAGS='$(KMOD_CFLAGS) -isystem $(abspath $(B)/include)' src/helper/libkmod.sh $(KMOD_SRC) $@

$(B)/kmod:
	@mkdir -p $(@D)
	dist/fetch-kmod $@

install: all
	$(INSTALL) -D -m 755 $(B)/iommu-verify $(DESTDIR)$(SBINDIR)/iommu-verify
	$(INSTALL) -D -m 755 $(B)/iommu-install $(DESTDIR)$(SBINDIR)/iommu-install
	$(INSTALL) -D -m 644 -t $(DESTDIR)$(IMAGEDIR) $(wildcard dist/early/*)
	$(INSTALL) -D -m 755 -t $(DESTDIR)$(DRACUTMODULESDIR)/50iommu-verify dracut/50iommu-verify/module-setup.sh
	$(INSTALL) -D -m 755 -t $(DESTDIR)$(INITRAMFSTOOLSDIR)/hooks initramfs-tools/hooks/iommu-verify
	$(INSTALL) -D -m 755 -t $(DESTDIR)$(INITRAMFSTOOLSDIR)/scripts/init-top \
		initramfs-tools/scripts/init-top/iommu-verify
	$(INSTALL) -D -m 755 dist/mkinitcpio/image $(DESTDIR)$(IMAGEDIR)/mkinitcpio-image
	$(INSTALL) -D -m 644 -t $(DESTDIR)$(INITCPIODIR)/install dist/mkinitcpio/install/iommu-verify
	$(INSTALL) -D -m 644 -t $(DESTDIR)$(INITCPIODIR)/hooks dist/mkinitcpio/hooks/iommu-verify
	$(INSTALL) -D -m 644 -t $(DESTDIR)$(UNITDIR) $(addprefix dist/systemd/,iommu-verify-late.service \
		iommu-verify-report.service iommu-target-met.service iommu-target-met.target \
		iommu-install-resume.service iommu-prometheus.service iommu-prometheus.timer)
	$(INSTALL) -d $(DESTDIR)$(UNITDIR)/sysinit.target.wants
	ln -sfn ../iommu-verify-late.service $(DESTDIR)$(UNITDIR)/sysinit.target.wants/iommu-verify-late.service
	$(INSTALL) -d $(DESTDIR)$(UNITDIR)/multi-user.target.wants
	ln -sfn ../iommu-install-resume.service \
		$(DESTDIR)$(UNITDIR)/multi-user.target.wants/iommu-install-resume.service
	$(INSTALL) -D -m 755 -t $(DESTDIR)$(SYSCONFDIR)/kernel/postinst.d dist/hooks/zzz-iommu-check
	$(INSTALL) -D -m 755 -t $(DESTDIR)$(SYSCONFDIR)/initramfs/post-update.d dist/hooks/zzz-iommu-check
	$(INSTALL) -D -m 644 -t $(DESTDIR)$(RULESDIR) dist/systemd/90-iommu-verify.rules
	$(INSTALL) -D -m 644 -t $(DESTDIR)$(CATALOGDIR) dist/systemd/iommu-verify.catalog
	$(INSTALL) -D -m 644 -t $(DESTDIR)$(MANDIR)/man5 dist/man/iommu.target.5
	$(INSTALL) -D -m 644 -t $(DESTDIR)$(MANDIR)/man7 dist/man/iommu-modes.7 dist/man/iommu-bootloaders.7
	$(INSTALL) -D -m 644 -t $(DESTDIR)$(MANDIR)/man8 dist/man/iommu-install.8 dist/man/iommu-verify.8
	$(INSTALL) -D -m 644 $(B)/completion/bash $(DESTDIR)$(BASHDIR)/iommu-install
	$(INSTALL) -D -m 644 $(B)/completion/zsh $(DESTDIR)$(ZSHDIR)/_iommu-install
	$(INSTALL) -D -m 644 $(B)/completion/fish $(DESTDIR)$(FISHDIR)/iommu-install.fish
	$(INSTALL) -D -m 644 dist/completion/iommu-verify.bash $(DESTDIR)$(BASHDIR)/iommu-verify
	$(INSTALL) -D -m 644 dist/completion/iommu-verify.zsh $(DESTDIR)$(ZSHDIR)/_iommu-verify
	$(INSTALL) -D -m 644 dist/completion/iommu-verify.fish $(DESTDIR)$(FISHDIR)/iommu-verify.fish

# Packages, in a directory each with all they are built from; kmod's source is fetched before, or is KMOD_SRC.
deb: | $(KMOD_SRC)
	dist/build-deb $(B)/deb $(VERSION) $(KMOD_SRC)

rpm: | $(KMOD_SRC)
	dist/build-rpm $(B)/rpm $(VERSION) $(KMOD_SRC)

# For a Debian of this machine's age or later, without a package manager, a compiler or a network.
tarball: all
	rm -rf $(B)/tarball
	$(MAKE) --no-print-directory install DESTDIR=$(B)/tarball/iommu-install-$(VERSION)/files \
		DRACUTMODULESDIR=$(LIBDIR)/dracut/modules.d
	dist/build-tarball $(B)/tarball $(VERSION)

# Ten minutes, what is left of an hour, and hours; which test is in which tier stands beside it (see tests/run).
# Recursive, as the build needs the packages.
check: TIERS = quick
check-boot: TIERS = boot
check-full: TIERS = quick boot full
check check-boot check-full: abilities packages
	$(MAKE) --no-print-directory all
	tests/run $(TIERS)

# The README's two commands on minimal systems of Debian 12 and 13 with nothing there; FRESH="trixie demo" for less.
check-fresh: abilities packages
	tests/check-fresh $(FRESH)

# The main job from end to end in a virtual machine.
demo: abilities packages
	$(MAKE) --no-print-directory all
	tests/demo

# Each of our parsers, or the one named, for so many seconds; tests/fuzz/run says what comes of it.
FUZZ_SECONDS ?= 10
FUZZ ?= $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
FUZZ_CC ?= clang
FUZZ_CFLAGS = -std=c11 -D_GNU_SOURCE -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	-Wno-string-plus-int $(DEFINES)
FUZZ_OBJECTS = $(patsubst src/%.c,$(B)/fuzz/%.o,$(filter-out src/system/libkmod-calls.c,$(INSTALL_SOURCES)))

fuzz: packages
	$(MAKE) --no-print-directory fuzzers
	tests/fuzz/run $(B)/fuzz $(FUZZ_SECONDS) $(FUZZ)

fuzzers: $(patsubst %,$(B)/fuzz/fuzz-%,$(FUZZ))

$(B)/fuzz/%.o: src/%.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

$(B)/fuzz/ours.a: $(FUZZ_OBJECTS)
	rm -f $@
	$(AR) rcs $@ $^

$(B)/fuzz/fuzz-%: tests/fuzz/%.c tests/fuzz/fuzz.h $(B)/fuzz/ours.a
	$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer -MMD -MP -MF $@.d -o $@ $< $(B)/fuzz/ours.a -lkmod

# Aimed faults in the code, each killed by the test that is there for it; MUTANTS="regex" for some of them.
mutants: packages
	$(MAKE) --no-print-directory all
	tests/mutants $(MUTANTS)

coverage: packages
	$(MAKE) --no-print-directory all
	tests/coverage

bench: packages
	$(MAKE) --no-print-directory all
	tests/bench

abilities packages:
	tests/$@

clean:
	rm -rf $(B)/deb $(B)/rpm $(B)/tarball $(B)/verify $(B)/install $(B)/include $(B)/completion $(B)/libkmod.a* \
		$(B)/iommu-verify $(B)/iommu-install

distclean:
	rm -rf $(B)
