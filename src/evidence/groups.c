/* IOMMU groups; see groups.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "evidence/groups.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const domains[] = {
	[DOMAIN_OTHER] = "other",
	[DOMAIN_IDENTITY] = "identity",
	[DOMAIN_DMA] = "DMA",
	[DOMAIN_DMA_FQ] = "DMA-FQ",
};

const char *domain_name(enum domain type)
{
	return domains[type];
}

static int by_number(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

/* Reads the one line of a group's file ("/type") into value. Returns 0 or -errno. */
static int group_line(const struct root *root, int dir, const char *group, const char *file, char value[24])
{
	char path[NAME_MAX + 8];
	size_t name_len = strlen(group), file_len = strlen(file);

	if (name_len + file_len >= sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, group, name_len + 1);
	memcpy(path + name_len, file, file_len + 1);
	ssize_t len = root_read_line_at(root, dir, path, value, 24);
	return len < 0 ? (int)len : 0;
}

/* Returns 0, -ENOENT if the group is there no more, or another -errno. */
static int read_group(const struct root *root, int dir, const char *name, struct group *group)
{
	char value[24];

	*group = (struct group){ 0 };
	for (const char *digit = name; *digit; digit++) {
		if (*digit < '0' || *digit > '9')
			return -EINVAL;
		group->number = group->number * 10 + (unsigned)(*digit - '0');
	}
	int r = group_line(root, dir, name, "/type", value);
	if (r < 0)
		return r == -ENOENT && faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? -ENODATA : r;
	for (enum domain d = DOMAIN_IDENTITY; d <= DOMAIN_DMA_FQ; d++)
		if (strcmp(value, domains[d]) == 0)
			group->type = d;
	group->untyped = strcmp(value, "unknown") == 0;
	/* drivers/vfio/group.c:vfio_noiommu_group_alloc() */
	if (group->type == DOMAIN_OTHER && group_line(root, dir, name, "/name", value) == 0)
		group->noiommu = strcmp(value, "vfio-noiommu") == 0;
	return 0;
}

static int append(struct groups *groups, size_t *size, const struct group *group)
{
	if (groups->count == *size) {
		struct group *list = reallocarray(groups->list, *size * 2 + 512, sizeof(*list));
		if (!list)
			return -ENOMEM;
		groups->list = list;
		*size = *size * 2 + 512;
	}
	groups->list[groups->count++] = *group;
	return 0;
}

struct reading {
	const struct root *root;
	struct groups *groups;
	size_t room; /* groups that the list has memory for */
	char *failed;
	size_t size;
};

static int add_group(int dir, const char *name, void *context)
{
	struct reading *reading = context;
	struct group group;

	int r = read_group(reading->root, dir, name, &group);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		snprintf(reading->failed, reading->size, GROUPS_PATH "/%s/type", name);
	return r < 0 ? r : append(reading->groups, &reading->room, &group);
}

int groups_read(const struct root *root, struct groups *groups, char *failed, size_t size)
{
	struct reading reading = { .root = root, .groups = groups, .failed = failed, .size = size };

	*groups = (struct groups){ 0 };
	snprintf(failed, size, GROUPS_PATH);
	int r = root_list(root, GROUPS_PATH, add_group, &reading);
	return r == -ENOENT ? 0 : r;
}

void groups_sort(struct groups *groups)
{
	if (groups->count)
		qsort(groups->list, groups->count, sizeof(groups->list[0]), by_number);
}

void groups_free(struct groups *groups)
{
	for (size_t i = 0; i < groups->count; i++)
		free(groups->list[i].devices);
	free(groups->list);
	*groups = (struct groups){ 0 };
}

int groups_devices(const struct root *root, struct group *group)
{
	char path[64];
	size_t len;

	if (group->devices)
		return 0;
	snprintf(path, sizeof(path), GROUPS_PATH "/%u/devices", group->number);
	DIR *dir = root_opendir(root, path);
	if (!dir && errno == ENOENT) {
		*strrchr(path, '/') = '\0';
		group->gone = !root_exists(root, path);
		return 0;
	}
	if (!dir)
		return -errno;
	FILE *names = open_memstream(&group->devices, &len);
	if (!names) {
		closedir(dir);
		return -ENOMEM;
	}
	group->gone = true;
	size_t wanted = 0;
	for (const struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_name[0] == '.')
			continue;
		wanted += (size_t)fprintf(names, "%s%s", group->gone ? "" : " ", entry->d_name);
		group->gone = false;
	}
	closedir(dir);
	/* Where memory runs out the stream may just be short. */
	return fclose(names) == 0 && group->devices && len == wanted ? 0 : -ENOMEM;
}
