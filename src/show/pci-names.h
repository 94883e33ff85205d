/* Names of PCI devices, for people: by libpci (pciutils), where it is.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PCI_NAMES_H
#define PCI_NAMES_H

#include "base/root.h"

struct pci_names;

/* Of the running system as libpci has it: pci.ids and udev's hardware database. Of a tree by its own pci.ids alone.
 * Never fails: NULL is a list without a name in it. */
struct pci_names *pci_names_open(const struct root *root);
void pci_names_close(struct pci_names *names);

/* "Intel Corporation 82574L Gigabit Network Connection"; false, and buf is left alone, if there is no such name. */
bool pci_names_device(struct pci_names *names, unsigned vendor, unsigned device, char *buf, size_t size);

/* "Ethernet controller"; class is base class and subclass: 0x0200. */
bool pci_names_class(struct pci_names *names, unsigned class, char *buf, size_t size);

#endif
