/* What machine a system is for; see arch.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/arch.h"

#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "system/refuse.h"

#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258 /* glibc 2.36 and later have it */
#endif

static bool is_x86(const char *machine)
{
	return strcmp(machine, "x86_64") == 0 || (machine[0] == 'i' && strcmp(machine + 2, "86") == 0);
}

static int refuse_arch(const char *what, const char *machine)
{
	return refuse(ARCH_UNSUPPORTED, "%s is %s, and modes can be set on x86 only", what, machine);
}

static const char *elf_name(unsigned machine)
{
	static const struct {
		unsigned machine;
		const char *name;
	} names[] = { { EM_AARCH64, "aarch64" }, { EM_ARM, "arm" },	      { EM_RISCV, "riscv" },
		      { EM_PPC64, "ppc64" },	 { EM_S390, "s390x" },	      { EM_LOONGARCH, "loongarch" } };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].machine == machine)
			return names[i].name;
	return "no x86";
}

/* The header of the tree's own programs. Its e_machine is in the byte order that EI_DATA names. */
static int check_tree(const struct root *root)
{
	static const char *const programs[] = { "/bin/sh", "/sbin/init", "/usr/sbin/iommu-install" };
	unsigned char h[offsetof(Elf64_Ehdr, e_version)];

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		int fd = root_open(root, programs[i], O_RDONLY);
		if (fd < 0)
			continue;
		ssize_t n = read(fd, h, sizeof(h));
		close(fd);
		if (n != sizeof(h) || memcmp(h, ELFMAG, SELFMAG) != 0)
			continue;
		const unsigned char *m = h + offsetof(Elf64_Ehdr, e_machine);
		unsigned machine = h[EI_DATA] == ELFDATA2MSB ? m[0] << 8 | m[1] : m[1] << 8 | m[0];
		return machine == EM_X86_64 || machine == EM_386 ? 0 : refuse_arch("this tree", elf_name(machine));
	}
	return 0;
}

int arch_check(const struct root *root, bool live)
{
	struct utsname system;

	if (!live)
		return check_tree(root);
	return uname(&system) < 0 || is_x86(system.machine) ? 0 : refuse_arch("this machine", system.machine);
}

bool arch_sets_modes(void)
{
	struct utsname system;

	return uname(&system) < 0 || is_x86(system.machine);
}
