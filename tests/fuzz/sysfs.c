/* Fuzzes what is read of a machine, from sysfs values to the verdict: the record of it can always be read back.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * An input is a sequence of records, each of a byte that chooses a file below and what that file holds, up to a byte
 * 0x1e.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "evidence/kconfig.h"
#include "fuzz.h"
#include "verdict/decision.h"
#include "verdict/early-record.h"
#include "verdict/facts.h"
#include "verdict/report.h"
#include "verdict/verdict.h"

#define DEVICE "sys/kernel/iommu_groups/1/devices/0000:00:02.0/"

static const char *const files[] = {
	"proc/cmdline", "proc/cpuinfo", "proc/sys/kernel/osrelease", "proc/sys/kernel/random/boot_id", "proc/vmcore",
	"etc/iommu.target", "usr/lib/iommu-verify/image.conf", "dev/kmsg", "boot/config-6.1.0",
	"sys/kernel/iommu_groups/0/type", "sys/kernel/iommu_groups/0/name", "sys/kernel/iommu_groups/1/type",
	"sys/kernel/iommu_groups/2/type", "sys/kernel/iommu_groups/2/name", "sys/class/iommu/dmar0/intel-iommu/ecap",
	"sys/class/iommu/ivhd0/amd-iommu/features", "sys/class/iommu/x/y", "sys/firmware/acpi/tables/DMAR",
	"sys/firmware/acpi/tables/IVRS", "sys/firmware/acpi/tables/VIOT", "sys/hypervisor/properties/features",
	"sys/bus/pci/devices/0000:00:01.0/vendor", "sys/bus/pci/devices/0000:00:01.0/device",
	DEVICE "vendor", DEVICE "device", DEVICE "class", DEVICE "removable", DEVICE "config",
	"sys/module/vfio/parameters/enable_unsafe_noiommu_mode",
	"sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts",
	"sys/module/iommufd/parameters/allow_unsafe_interrupts",
};

enum { FILES = sizeof(files) / sizeof(files[0]) };

/* With all three modules loaded libkmod is not asked: it is not ours to test. */
static const char *const modules[] = { "sys/module/vfio", "sys/module/vfio_iommu_type1", "sys/module/iommufd" };

static char dir[] = "/dev/shm/iommu-fuzz.XXXXXX";
static int top = -1;

static void make_dirs(const char *path)
{
	char part[128];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		mkdirat(top, part, 0755);
	}
}

/* Takes away what make() has made, the directories of units and groups included. */
static void clear(void)
{
	char part[128];

	for (int i = 0; i < FILES; i++)
		unlinkat(top, files[i], 0);
	for (int i = 0; i < FILES; i++) {
		snprintf(part, sizeof(part), "%s", files[i]);
		for (char *slash; (slash = strrchr(part, '/'));) {
			*slash = '\0';
			unlinkat(top, part, AT_REMOVEDIR);
		}
	}
}

static void end(void)
{
	clear();
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		unlinkat(top, modules[i], AT_REMOVEDIR);
	unlinkat(top, "sys/module", AT_REMOVEDIR);
	unlinkat(top, "sys", AT_REMOVEDIR);
	rmdir(dir);
}

static void make(const uint8_t *data, size_t size)
{
	while (size > 0) {
		const char *file = files[*data++ % FILES];
		const uint8_t *stop = memchr(data, 0x1e, --size);
		size_t len = stop ? (size_t)(stop - data) : size;

		make_dirs(file);
		int fd = openat(top, file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		MUST(fd >= 0 && write(fd, data, len) == (ssize_t)len);
		close(fd);
		len += stop != NULL;
		data += len;
		size -= len;
	}
}

static void judge_tree(enum phase phase)
{
	static struct facts facts;
	struct judgement judgement;
	struct early early;
	struct root root;
	char *text = NULL;
	size_t len;

	MUST(root_init(&root, dir) == 0);
	facts_collect(&root, NULL, phase, &facts);
	judge(&facts, &judgement);
	struct decision d = decide(&facts, &judgement);
	MUST(!d.stop || judgement.verdict != VERDICT_MATCH);

	FILE *out = open_memstream(&text, &len);
	MUST(out);
	report_json(out, &facts, &judgement, d.override, "match");
	fputs("}\n", out);
	report_text(out, &facts, &judgement);
	fclose(out);
	char *end_of_json = strstr(text, "}\nverdict:");
	MUST(end_of_json);
	end_of_json[1] = '\0';
	MUST(early_parse(text, &early) == 0 && early.verdict == judgement.verdict &&
	     early.judged == (facts.target_status == 0));
	free(text);
	kconfig_has(&root, "6.1.0", "CONFIG_VFIO");
	facts_free(&facts);
	root_close(&root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (top < 0) {
		MUST(mkdtemp(dir) && (top = open(dir, O_PATH | O_DIRECTORY)) >= 0);
		atexit(end);
	}
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		make_dirs(modules[i]);
		mkdirat(top, modules[i], 0755);
	}
	make(data, size);
	judge_tree(PHASE_EARLY);
	judge_tree(PHASE_LATE);
	clear();
	return 0;
}
