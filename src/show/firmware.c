/* What the firmware says of DMA protection; see firmware.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Nothing is judged by it. The kernel's own readers of the two bits: drivers/iommu/intel/dmar.c:dmar_platform_optin(),
 * drivers/iommu/amd/init.c:early_iommu_features_init().
 */
#include "show/firmware.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "show/tpm-log.h"

#define TABLES "/sys/firmware/acpi/tables/"
#define TPM_LOG "/sys/kernel/security/tpm0/binary_bios_measurements"
#define LOG_MAX (4u << 20) /* they have some ten thousand bytes */

static const char disabled[] = "DMA Protection Disabled"; /* into PCR 7, if firmware lets devices do DMA unchecked */

/* One that has an IOMMU, and where in it the firmware asks for protection. */
struct table {
	const char *name, *json;
	size_t flags; /* the byte; 0: it has none */
	unsigned char bit;
};

static const struct table tables[] = {
	{ "DMAR", "dmar", 37, 1 << 2 }, /* include/acpi/actbl1.h: struct acpi_table_dmar, flags */
	{ "IVRS", "ivrs", 36, 1 << 1 }, /* drivers/iommu/amd/amd_iommu_types.h: IOMMU_IVINFO_DMA_REMAP */
	{ "VIOT", "viot", 0, 0 },
};

struct answer {
	enum presence said;
	bool denied; /* only root can read it */
};

static struct answer unread(ssize_t r)
{
	return (struct answer){ .denied = r == -EACCES || r == -EPERM };
}

/* The one that is there, or NULL. */
static const struct table *find_table(const struct platform *p)
{
	return p->dmar ? &tables[0] : p->ivrs ? &tables[1] : p->viot ? &tables[2] : NULL;
}

static struct answer read_flag(const struct root *root, const struct table *table)
{
	unsigned char head[40]; /* both kinds are longer */
	char path[sizeof(TABLES) + 4];

	if (!table || !table->flags)
		return (struct answer){ 0 };
	snprintf(path, sizeof(path), TABLES "%s", table->name);
	int fd = root_open(root, path, O_RDONLY);
	if (fd < 0)
		return unread(fd);
	ssize_t len = read(fd, head, sizeof(head));
	close(fd);
	if (len != sizeof(head) || memcmp(head, table->name, 4) != 0)
		return (struct answer){ 0 };
	return (struct answer){ .said = head[table->flags] & table->bit ? PRESENCE_YES : PRESENCE_NO };
}

static struct answer read_log(const struct root *root)
{
	struct answer answer = { 0 };
	char *log = malloc(LOG_MAX);

	if (!log)
		return answer;
	ssize_t len = root_read(root, TPM_LOG, log, LOG_MAX);
	if (len < 0)
		answer = unread(len);
	else
		answer.said = tpm_log_says((const unsigned char *)log, (size_t)len, 7, disabled);
	free(log);
	return answer;
}

/* As no table is in sight: why. */
static const char *none_seen(const struct survey *s)
{
	if (s->facts->evidence.platform.tables)
		return "no DMAR or IVRS table";
	return s->container ? "its tables can't be seen: this is a container" : "its tables can't be seen here";
}

static const char *spoken(struct answer a, const char *yes, const char *no, const char *unknown)
{
	return a.said == PRESENCE_YES ? yes : a.said == PRESENCE_NO ? no : a.denied ? "needs root" : unknown;
}

void firmware_print(const struct survey *s)
{
	const struct table *table = find_table(&s->facts->evidence.platform);
	struct answer opt_in = read_flag(s->root, table), log = read_log(s->root);

	if (!table)
		printf("%-11s %s\n", "firmware:", none_seen(s));
	else if (!table->flags)
		printf("%-11s %s table\n", "firmware:", table->name);
	else
		printf("%-11s %s table; asks for DMA protection: %s\n", "firmware:", table->name,
		       spoken(opt_in, "yes", "no", "unknown"));
	printf("%-11s TPM's log: %s\n", "", spoken(log, "'DMA Protection Disabled'",
						   "nothing of 'DMA Protection Disabled'", "none that can be read"));
}

static const char *json_presence(enum presence said)
{
	return said == PRESENCE_YES ? "true" : said == PRESENCE_NO ? "false" : "null";
}

void firmware_json(const struct survey *s)
{
	const struct platform *p = &s->facts->evidence.platform;
	const struct table *table = find_table(p);

	printf(",\n \"firmware\": {\"tables\": \"%s\", \"dma_opt_in\": %s, \"dma_protection_disabled\": %s}",
	       table ? table->json : p->tables ? "none" : "hidden", json_presence(read_flag(s->root, table).said),
	       json_presence(read_log(s->root).said));
}
