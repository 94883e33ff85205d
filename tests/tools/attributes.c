/* Gives a file an extended attribute and an access list, or prints both: attr(1) and acl(1) for systems that have
 * neither.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * usage: attributes set FILE | attributes show FILE...
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#define ACL "system.posix_acl_access"

/* include/uapi/linux/posix_acl_xattr.h: version 2, then tag, permissions and id of each entry, in this order. */
static const unsigned char list[] = {
	2, 0, 0, 0,
	0x01, 0, 6, 0, 0xff, 0xff, 0xff, 0xff, /* owner: rw */
	0x02, 0, 4, 0, 0xe9, 0x03, 0, 0,       /* user 1001: r */
	0x04, 0, 4, 0, 0xff, 0xff, 0xff, 0xff, /* group: r */
	0x10, 0, 4, 0, 0xff, 0xff, 0xff, 0xff, /* mask: r */
	0x20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, /* others: nothing */
};

static int set(const char *path)
{
	if (setxattr(path, "user.note", "kept", 4, 0) == 0 && setxattr(path, ACL, list, sizeof(list), 0) == 0)
		return 0;
	perror(path);
	return 1;
}

static void show(const char *path, const char *name)
{
	unsigned char value[256];

	ssize_t len = lgetxattr(path, name, value, sizeof(value));
	for (ssize_t i = 0; i < len; i++)
		printf("%s%02x", i ? "" : name, value[i]);
}

int main(int argc, char *argv[])
{
	if (argc == 3 && strcmp(argv[1], "set") == 0)
		return set(argv[2]);
	for (int i = 2; i < argc; i++) {
		printf("%s ", argv[i]);
		show(argv[i], "user.note");
		show(argv[i], ACL);
		puts("");
	}
	return argc < 3 || strcmp(argv[1], "show") != 0;
}
