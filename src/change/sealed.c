/* Keys that are sealed to how a machine boots; see sealed.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * crypttab(5), systemd-cryptsetup-generator(8), systemd-cryptenroll(1), systemd-pcrlock(8), clevis-encrypt-tpm2(1); the
 * LUKS2 On-Disk Format Specification. The registers: "Linux TPM PCR Registry" of the UAPI group.
 */
#include "change/sealed.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"

#define ANY_PCR (~0u)        /* nobody can tell which */
#define AREA_MAX (4u << 20)  /* bytes of a LUKS2 header, of which there may be so many */
#define PREFIX 4096          /* of it, before the JSON text */

unsigned sealed_moved(bool unified)
{
	/* Boot loaders measure the line and the files that they read into 8, 9 and 12, the kernel its initramfs into 9;
	 * a unified image is measured as a program (4) and by its parts (11). IMA's (10) has all those in it. */
	unsigned moved = 1u << 8 | 1u << 9 | 1u << 10 | 1u << 12;

	return unified ? moved | 1u << 4 | 1u << 11 : moved;
}

/* "7+11", "7,11", "7+11:sha256=...": numbers with anything between. Letters are names of systemd's: can't be told. */
static unsigned pcrs_in(const char *text, const char *end)
{
	unsigned mask = 0;

	while (text < end) {
		char *next;
		unsigned long pcr = strtoul(text, &next, 10);
		if (next == text || pcr > 23)
			return ANY_PCR;
		mask |= 1u << pcr;
		/* A bank and a value may follow each. */
		text = next + strcspn(next, "+,] ");
		text = text < end ? text + 1 + strspn(text + 1, " ") : end;
	}
	return mask;
}

static unsigned pcrs_of_array(const char *array)
{
	const char *end = array && array[0] == '[' ? strchr(array, ']') : NULL;

	array = end ? array + 1 + strspn(array + 1, " \t\r\n") : NULL;
	return end ? pcrs_in(array, end) : 0;
}

/* --- LUKS2 -------------------------------------------------------------------------------------------------------- */

/* Six bits a character, as in a URL. Returns the text with a NUL behind it, owned, or NULL. */
static char *decode(const char *text, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char *out = malloc(len + 1);
	unsigned bits = 0, count = 0;
	size_t n = 0;

	for (size_t i = 0; out && i < len; i++) {
		const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
		if (!digit)
			break;
		bits = bits << 6 | (unsigned)(digit - digits);
		count += 6;
		if (count >= 8) {
			count -= 8;
			out[n++] = (char)(bits >> count);
		}
	}
	if (out)
		out[n] = '\0';
	return out;
}

/* What Clevis' header says; a pin that has others in it (sss) holds their headers, coded in the same way. */
static unsigned clevis_pcrs(const char *text, int depth)
{
	unsigned mask = 0;

	const char *ids = strstr(text, "\"pcr_ids\"");
	if (ids && (ids = strchr(ids + 9, '"')))
		mask |= pcrs_in(ids + 1, ids + 1 + strcspn(ids + 1, "\""));
	for (const char *p = text; depth > 0 && (p = strstr(p, "\"eyJ"));) {
		size_t len = strcspn(++p, "\".");
		char *inner = decode(p, len);
		mask |= inner ? clevis_pcrs(inner, depth - 1) : ANY_PCR;
		free(inner);
	}
	return mask;
}

static unsigned token_pcrs(const char *token)
{
	char type[24];
	bool locked = false;

	if (!json_get_word(token, "type", type))
		return 0;
	if (strcmp(type, "clevis") == 0) {
		const char *end = json_skip_value(token);
		char *alone = end ? strndup(token, (size_t)(end - token)) : NULL;
		unsigned mask = alone ? clevis_pcrs(alone, 4) : ANY_PCR;
		free(alone);
		return mask;
	}
	if (strcmp(type, "systemd-tpm2") != 0)
		return 0;
	json_get_bool(token, "tpm2_pcrlock", &locked);
	return locked ? ANY_PCR : pcrs_of_array(json_member(token, "tpm2-pcrs")) |
				  pcrs_of_array(json_member(token, "tpm2_pubkey_pcrs"));
}

static unsigned tokens_pcrs(const char *json)
{
	const char *p = json_skip_value(json) ? json_member(json, "tokens") : NULL;
	unsigned mask = 0;

	if (!p || *p != '{')
		return 0;
	for (p = json_skip_space(p + 1); *p == '"';) {
		const char *value = strchr(p + 1, '"');
		value = value ? json_skip_space(value + 1) : NULL;
		value = value && *value == ':' ? json_skip_space(value + 1) : NULL;
		const char *end = value ? json_skip_value(value) : NULL;
		if (!end)
			return ANY_PCR;
		mask |= *value == '{' ? token_pcrs(value) : 0;
		end = json_skip_space(end);
		p = *end == ',' ? json_skip_space(end + 1) : end;
	}
	return mask;
}

/* The registers of the keys of a disk. False: it can't be read, or is none of LUKS2. */
static bool disk_pcrs(const char *path, unsigned *mask)
{
	static const unsigned char magic[8] = { 'L', 'U', 'K', 'S', 0xba, 0xbe, 0, 2 };
	unsigned char head[16];
	uint64_t size = 0;
	bool read = false;

	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	if (pread(fd, head, sizeof(head), 0) == sizeof(head) && memcmp(head, magic, sizeof(magic)) == 0) {
		for (int i = 8; i < 16; i++)
			size = size << 8 | head[i];
		char *json = size > PREFIX && size <= AREA_MAX ? calloc(1, size - PREFIX + 1) : NULL;
		if (json && pread(fd, json, size - PREFIX, PREFIX) == (ssize_t)(size - PREFIX)) {
			*mask = tokens_pcrs(json);
			read = true;
		}
		free(json);
	}
	close(fd);
	return read;
}

/* crypttab(5) names them so. */
static void device_path(const char *name, char *path, size_t size)
{
	static const char *const kinds[] = { "UUID", "LABEL", "PARTUUID", "PARTLABEL" };
	static const char *const dirs[] = { "uuid", "label", "partuuid", "partlabel" };

	snprintf(path, size, "%s", name);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t len = strlen(kinds[i]);
		if (strncmp(name, kinds[i], len) == 0 && name[len] == '=')
			snprintf(path, size, "/dev/disk/by-%s/%s", dirs[i], name + len + 1);
	}
}

/* --- Where -------------------------------------------------------------------------------------------------------- */

struct search {
	const struct root *root;
	bool disks;
	unsigned moved;
	char *where;
	size_t size;
};

/* One that is bound to mask at a place. */
static bool bound(const struct search *search, unsigned mask, const char *place, unsigned line)
{
	if (!(mask & search->moved))
		return false;
	int len = line ? snprintf(search->where, search->size, "%s:%u", place, line) :
			 snprintf(search->where, search->size, "%s", place);
	for (unsigned pcr = 0, n = 0; mask != ANY_PCR && pcr < 24 && len < (int)search->size; pcr++)
		if (mask & 1u << pcr)
			len += snprintf(search->where + len, search->size - (size_t)len, "%s%u",
					n++ ? ", " : " (PCR ", pcr);
	if (mask != ANY_PCR && len < (int)search->size)
		snprintf(search->where + len, search->size - (size_t)len, ")");
	return true;
}

static int add_disk(int dirfd, const char *name, void *context)
{
	unsigned *all = context, mask;
	char path[300];

	(void)dirfd;
	snprintf(path, sizeof(path), "/dev/%s", name);
	*all |= disk_pcrs(path, &mask) ? mask : 0;
	return 0;
}

/* What the keys of all disks are bound to. False: no disk is known to have one. */
static bool any_disk(const struct search *search, unsigned *mask)
{
	*mask = 0;
	return root_list(search->root, "/sys/class/block", add_disk, mask) == 0 && *mask != 0;
}

/* What options ask of the TPM: 0, the registers that they name, or, if they leave that to the disk, its. */
static unsigned options_pcrs(const struct search *search, const char *options, const char *device)
{
	char path[256];
	unsigned mask;

	device_path(device, path, sizeof(path));
	/* Its header tells, and Clevis needs no option. */
	if (search->disks && device[0] && disk_pcrs(path, &mask))
		return mask;
	if (!strstr(options, "tpm2-device=") || strstr(options, "tpm2-device=none"))
		return 0;
	if (search->disks && !device[0] && any_disk(search, &mask))
		return mask;
	const char *pcrs = strstr(options, "tpm2-pcrs=");
	return pcrs ? pcrs_in(pcrs + 10, pcrs + 10 + strcspn(pcrs + 10, ", \t\n")) : ANY_PCR;
}

static bool in_crypttab(const struct search *search, const char *file)
{
	char text[8192], device[256], options[1024];
	unsigned number = 0;

	if (root_read(search->root, file, text, sizeof(text)) <= 0)
		return false;
	for (char *next, *line = text; *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		number++;
		if (line[strspn(line, " \t")] != '#' && sscanf(line, "%*s %255s %*s %1023s", device, options) == 2 &&
		    bound(search, options_pcrs(search, options, device), file, number))
			return true;
	}
	return false;
}

/* rd.luks.options=[UUID=]OPTIONS, and without rd. */
static bool on_line(const struct search *search, const struct boot_entry *e)
{
	for (const char *word = e->words; (word = strstr(word, "luks.options=")); word += 13) {
		char options[1024], *comma, device[128] = "";
		snprintf(options, sizeof(options), "%.*s", (int)strcspn(word + 13, " \t\""), word + 13);
		comma = strchr(options, ',');
		const char *equals = strchr(options, '=');
		/* A UUID stands before the first option, with "=" behind it. */
		if (equals && equals - options == 36 && (!comma || equals < comma))
			snprintf(device, sizeof(device), "UUID=%.36s", options);
		if (bound(search, options_pcrs(search, options, device), e->id, 0))
			return true;
	}
	return false;
}

static int on_disk(int dirfd, const char *name, void *context)
{
	const struct search *search = context;
	char path[300];
	unsigned mask;

	(void)dirfd;
	snprintf(path, sizeof(path), "/dev/%s", name);
	return disk_pcrs(path, &mask) && mask != 0 && bound(search, mask, path, 0);
}

/* systemd-pcrlock's policy, which keys may be bound to. */
static bool in_policy(const struct search *search)
{
	static const char path[] = "/var/lib/systemd/pcrlock.json";
	char *text = calloc(1, 65536);
	unsigned mask = 0;
	bool found = false;

	if (text && root_read(search->root, path, text, 65536) > 0) {
		for (const char *p = text; (p = strstr(p, "\"pcr\"")); p++) {
			p += 5 + strspn(p + 5, " \t\n:");
			mask |= pcrs_in(p, p + strspn(p, "0123456789"));
		}
		found = bound(search, mask ? mask : ANY_PCR, path, 0);
	}
	free(text);
	return found;
}

bool sealed_find(const struct root *root, const struct boot_entries *entries, bool disks, unsigned moved, char *where,
		 size_t size)
{
	struct search search = { .root = root, .disks = disks, .moved = moved, .where = where, .size = size };

	if (in_crypttab(&search, "/etc/crypttab") || in_crypttab(&search, "/etc/crypttab.initramfs"))
		return true;
	for (size_t i = 0; entries && i < entries->count; i++)
		if (entries->list[i].own && on_line(&search, &entries->list[i]))
			return true;
	if (in_policy(&search))
		return true;
	return disks && root_list(root, "/sys/class/block", on_disk, &search) == 1;
}
