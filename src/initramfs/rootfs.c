/* An unpacked initramfs image; see rootfs.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * init/initramfs.c of Linux 5.10 and 7.2: do_name(), maybe_link(), clean_path() and do_symlink().
 */
#include "initramfs/rootfs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define KEEP_MAX (1u << 20)        /* bytes of a file that has one name, */
#define KEEP_LINKED_MAX (16u << 20) /* or several, of which a later one may matter */
#define LINKS_MAX 40               /* that a name may lead through, as the kernel has it */

/* A name in a directory. */
struct node {
	char *name;
	struct node *parent, *children, *next; /* children sorted by name */
	struct rootfs_file *file;
};

/* A file of which an archive may have more names. */
struct shared {
	unsigned long id[3];
	mode_t mode;
	char name[PATH_MAX];
	struct shared *next;
};

struct rootfs {
	struct node top;
	struct shared *shared;
	unsigned more; /* who have it, but for the first */
};

static void file_drop(struct rootfs_file *file)
{
	if (--file->names > 0)
		return;
	free((char *)file->data);
	free(file);
}

static void node_free(struct node *node)
{
	while (node->children) {
		struct node *child = node->children;
		node->children = child->next;
		node_free(child);
		free(child);
	}
	if (node->file)
		file_drop(node->file);
	free(node->name);
}

/* Where the child of that name is linked in, or would be. */
static struct node **find_place(struct node *dir, const char *name, size_t len)
{
	struct node **at = &dir->children;

	while (*at && strncmp((*at)->name, name, len) < 0)
		at = &(*at)->next;
	return at;
}

static struct node *find_child(struct node *dir, const char *name, size_t len)
{
	struct node *node = *find_place(dir, name, len);

	return node && strncmp(node->name, name, len) == 0 && node->name[len] == '\0' ? node : NULL;
}

static bool is_dir(const struct node *node)
{
	return !node->file || S_ISDIR(node->file->mode);
}

/* Walks to what name means from dir: the node, or NULL. With last the last component is not looked up: *last is that,
 * and the directory is what is returned. */
static struct node *walk(struct node *top, struct node *dir, const char *name, const char **last, size_t *last_len,
			 bool follow, unsigned *links)
{
	struct node *node = name[0] == '/' ? top : dir;

	while (node) {
		name += strspn(name, "/");
		size_t len = strcspn(name, "/");
		bool ends = name[len + strspn(name + len, "/")] == '\0';
		if (len == 0 && !last)
			return node;
		if (!is_dir(node))
			return NULL;
		if (ends && last) {
			*last = name;
			*last_len = len;
			return node;
		}
		struct node *up = node;
		if (len == 2 && memcmp(name, "..", 2) == 0)
			node = node->parent ? node->parent : node;
		else if (len != 1 || name[0] != '.')
			node = find_child(node, name, len);
		if (node && node->file && S_ISLNK(node->file->mode) && (!ends || follow))
			node = ++*links > LINKS_MAX || !node->file->data
				       ? NULL
				       : walk(top, up, node->file->data, NULL, NULL, true, links);
		name += len;
	}
	return NULL;
}

static struct node *find(const struct rootfs *root, const char *name, bool follow)
{
	struct node *top = (struct node *)&root->top;
	unsigned links = 0;

	return walk(top, top, name, NULL, NULL, follow, &links);
}

/* The directory in which a member would be made, and its name there. NULL if it can't be: the kernel passes over it. */
static struct node *place(struct rootfs *root, const char *path, const char **name, size_t *len)
{
	unsigned links = 0;

	struct node *dir = walk(&root->top, &root->top, path, name, len, false, &links);
	bool dots = dir && (*len == 0 || strncmp(*name, ".", *len) == 0 || strncmp(*name, "..", *len) == 0);
	return dots ? NULL : dir;
}

static void remove_node(struct node *dir, struct node *node)
{
	struct node **at = find_place(dir, node->name, strlen(node->name));

	*at = node->next;
	node_free(node);
	free(node);
}

/* A new name for file, or for a new one. */
static struct node *make(struct node *dir, const char *name, size_t len, struct rootfs_file *file)
{
	struct node *node = calloc(1, sizeof(*node));
	char *copy = strndup(name, len);

	if (!file && (file = calloc(1, sizeof(*file))))
		file->names = 0;
	if (!node || !copy || !file) {
		if (file && file->names == 0)
			free(file);
		free(node);
		free(copy);
		return NULL;
	}
	file->names++;
	struct node **at = find_place(dir, name, len);
	*node = (struct node){ .name = copy, .parent = dir, .next = *at, .file = file };
	*at = node;
	return node;
}

struct rootfs *rootfs_new(void)
{
	return calloc(1, sizeof(struct rootfs));
}

void rootfs_end_archive(struct rootfs *root)
{
	while (root->shared) {
		struct shared *next = root->shared->next;
		free(root->shared);
		root->shared = next;
	}
}

const struct rootfs *rootfs_share(const struct rootfs *root)
{
	((struct rootfs *)root)->more++;
	return root;
}

void rootfs_free(const struct rootfs *shared)
{
	struct rootfs *root = (struct rootfs *)shared;

	if (!root || root->more-- > 0)
		return;
	rootfs_end_archive(root);
	node_free(&root->top);
	free(root);
}

bool rootfs_keeps(const char *name, unsigned long links, size_t len)
{
	if (links > 1)
		return len <= KEEP_LINKED_MAX;
	return len <= KEEP_MAX && !strstr(name, "lib/modules/") && !strstr(name, "lib/firmware/");
}

/* Makes room for a member of that type, 0 for one that replaces whatever is there: what is of another type goes, but
 * for a directory that has something in it. Returns what stays, or NULL. */
static struct node *clean(struct node *dir, const char *name, size_t len, mode_t type)
{
	struct node *node = find_child(dir, name, len);

	if (!node || (type && (node->file->mode & S_IFMT) == type))
		return node;
	if (is_dir(node) && node->children)
		return node;
	remove_node(dir, node);
	return NULL;
}

/* Whether the member is a further name of a file, which it is then. Returns 1 with it in *node, 0 if not, -1 if the
 * kernel would pass over it, or -ENOMEM. */
static int link_to(struct rootfs *root, const struct rootfs_member *member, struct node **node)
{
	const char *name;
	size_t len;

	if (member->links < 2)
		return 0;
	struct shared *s = root->shared;
	while (s && (memcmp(s->id, member->id, sizeof(s->id)) != 0 || ((s->mode ^ member->mode) & S_IFMT)))
		s = s->next;
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return -ENOMEM;
		memcpy(s->id, member->id, sizeof(s->id));
		s->mode = member->mode;
		snprintf(s->name, sizeof(s->name), "%s", member->name);
		s->next = root->shared;
		root->shared = s;
		return 0;
	}
	struct node *dir = place(root, member->name, &name, &len);
	if (!dir || clean(dir, name, len, 0))
		return -1;
	struct node *old = find(root, s->name, false);
	if (!old || !old->file || is_dir(old))
		return -1;
	*node = make(dir, name, len, old->file);
	return *node ? 1 : -ENOMEM;
}

/* Writes into a file what the member has. A further name without data leaves what its file has. */
static void fill(struct rootfs_file *file, struct rootfs_member *member, bool truncates)
{
	if (!truncates && member->len == 0)
		return;
	free((char *)file->data);
	file->data = member->data;
	file->len = member->len;
	member->data = NULL;
}

static int add_file(struct rootfs *root, struct rootfs_member *member)
{
	struct node *node = NULL;
	const char *name;
	size_t len;

	struct node *dir = place(root, member->name, &name, &len);
	if (!dir)
		return 0;
	struct node *there = clean(dir, name, len, member->mode & S_IFMT);
	int linked = S_ISDIR(member->mode) || S_ISLNK(member->mode) ? 0 : link_to(root, member, &node);
	if (linked < 0)
		return linked == -ENOMEM ? linked : 0;
	if (linked == 0) {
		/* A link replaces whatever is there; another type that would not go stays. */
		if (S_ISLNK(member->mode) && there)
			there = clean(dir, name, len, 0);
		if (there && (S_ISLNK(member->mode) || ((there->file->mode ^ member->mode) & S_IFMT)))
			return 0;
		node = there ? there : make(dir, name, len, NULL);
		if (!node)
			return -ENOMEM;
	}
	if (S_ISREG(member->mode) || S_ISLNK(member->mode))
		fill(node->file, member, linked == 0);
	node->file->mode = member->mode;
	return 0;
}

int rootfs_add(struct rootfs *root, struct rootfs_member *member)
{
	int r = add_file(root, member);

	free(member->data);
	member->data = NULL;
	return r;
}

const struct rootfs_file *rootfs_find(const struct rootfs *root, const char *name)
{
	const struct node *node = find(root, name, true);

	return node ? node->file : NULL;
}

const struct rootfs_file *rootfs_find_link(const struct rootfs *root, const char *name)
{
	const struct node *node = find(root, name, false);

	return node ? node->file : NULL;
}

const char *rootfs_entry(const struct rootfs *root, const char *directory, size_t index)
{
	const struct node *node = find(root, directory, true);

	for (node = node && is_dir(node) ? node->children : NULL; node && index > 0; index--)
		node = node->next;
	return node ? node->name : NULL;
}
