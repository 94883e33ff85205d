/* Names of PCI devices; see pci-names.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * libpci is opened when a name is wanted and not linked: a machine without pciutils is a machine without names, no
 * more, and no other command pays for the loading of it.
 */
#include "show/pci-names.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pci/pci.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libpci.so.3"

struct pci_names {
	void *library;
	__typeof__(pci_alloc) *alloc;
	__typeof__(pci_cleanup) *cleanup;
	__typeof__(pci_lookup_name) *lookup;
	__typeof__(pci_set_name_list_path) *set_path;
	struct pci_access *access;
	int file;      /* a tree's pci.ids, or -1 */
	char path[32]; /* and its name for libpci, which opens it by itself */
	int flags;     /* of every look-up */
	bool told;
};

/* libpci's way to say that pci.ids is damaged, or memory has run out: it must not come back. */
static jmp_buf given_up;

static __attribute__((noreturn)) void give_up(char *format, ...)
{
	(void)format;
	longjmp(given_up, 1);
}

static void ignore(char *format, ...)
{
	(void)format;
}

/* The copy is POSIX's way from dlsym()'s object pointer to a function. */
#define FIND(names, member, symbol) \
	find((names)->library, symbol, &(names)->member, sizeof((names)->member))

static bool find(void *library, const char *symbol, void *function, size_t size)
{
	void *found = dlsym(library, symbol);

	memcpy(function, &found, size);
	return found != NULL;
}

static bool load(struct pci_names *n)
{
	n->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	return n->library && FIND(n, alloc, "pci_alloc") && FIND(n, cleanup, "pci_cleanup") &&
	       FIND(n, lookup, "pci_lookup_name") && FIND(n, set_path, "pci_set_name_list_path");
}

/* Nothing of the host: opened here, where no link leads out of the tree. */
static void use_tree(struct pci_names *n, const struct root *root)
{
	static const char *const places[] = { "/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids" };

	n->flags = PCI_LOOKUP_NO_HWDB;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && n->file < 0; i++)
		n->file = root_open(root, places[i], O_RDONLY);
	if (n->file >= 0)
		snprintf(n->path, sizeof(n->path), "/proc/self/fd/%d", n->file);
	else
		n->flags |= PCI_LOOKUP_SKIP_LOCAL;
	n->set_path(n->access, n->path, 0);
}

struct pci_names *pci_names_open(const struct root *root)
{
	struct pci_names *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->file = -1;
	if (!load(n) || !(n->access = n->alloc())) {
		pci_names_close(n);
		return NULL;
	}
	n->access->error = give_up;
	n->access->warning = n->access->debug = ignore;
	n->access->id_lookup_mode = 0; /* no cache in somebody's home, nothing asked of the network */
	if (!root->live)
		use_tree(n, root);
	return n;
}

void pci_names_close(struct pci_names *n)
{
	if (!n)
		return;
	if (n->access)
		n->cleanup(n->access);
	if (n->library)
		dlclose(n->library);
	if (n->file >= 0)
		close(n->file);
	free(n);
}

/* device is -1 for the name of a class. */
static bool lookup(struct pci_names *n, int id, int device, char *buf, size_t size)
{
	int flags = PCI_LOOKUP_NO_NUMBERS | (device < 0 ? PCI_LOOKUP_CLASS : PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE);
	char name[256];

	if (!n)
		return false;
	if (setjmp(given_up) != 0) {
		if (!n->told)
			fputs("iommu-install: pci.ids can't be read to its end: some devices have no name here\n",
			      stderr);
		n->told = true;
		return false;
	}
	/* A name that is too long is cut by libpci, or is another text. */
	const char *found = n->lookup(n->access, name, sizeof(name), flags | n->flags, id, device);
	if (found != name)
		return false;
	snprintf(buf, size, "%s", name);
	return true;
}

bool pci_names_device(struct pci_names *n, unsigned vendor, unsigned device, char *buf, size_t size)
{
	return lookup(n, (int)(vendor & 0xffff), (int)(device & 0xffff), buf, size);
}

bool pci_names_class(struct pci_names *n, unsigned class, char *buf, size_t size)
{
	return lookup(n, (int)(class & 0xffff), -1, buf, size);
}
