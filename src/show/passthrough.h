/* What people ask who want to give a device away: who has it, who shares its group, and what stands in the way.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PASSTHROUGH_H
#define PASSTHROUGH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "evidence/pci-device.h"
#include "show/survey.h"

/* What keeps a device from being passed through. */
enum obstacle {
	OBSTACLE_OFF,        /* no IOMMU is active, or vfio has the group without one */
	OBSTACLE_BRIDGE,     /* it is a bridge, which is never given away */
	OBSTACLE_SHARED,     /* another function of its group is bound to a driver of the host's */
	OBSTACLE_NO_RESET,   /* nobody can reset it between its owners */
	OBSTACLE_TYPE,       /* of its group can't be told, or is none that vfio takes */
	OBSTACLE_RESERVED,   /* firmware has reserved memory for it, which vfio refuses */
	OBSTACLE_INTERRUPTS, /* they are not remapped, and unsafe ones are not allowed */
	OBSTACLES,
};

/* Access Control Services: whether what joins the group keeps its devices apart. */
enum acs { ACS_NOT_ASKED, ACS_NEEDS_ROOT, ACS_NONE, ACS_OFF, ACS_ON };

/* What a tree tells of its devices at all: one that was recorded without these files says nothing by their absence. */
struct told_of_devices {
	bool resets, drivers;
};

/* A device and its surroundings. Names are as sysfs has them. */
struct passthrough {
	char address[256];
	struct device device;
	int group;          /* -1: in none */
	bool driver_known;
	char driver[64];    /* that it is bound to now, or "" */
	char physfn[64];    /* the function that it is a virtual one of, or "" */
	bool alone;         /* nothing else is in its group */
	char with[512];     /* what is, separated by blanks */
	char through[64];   /* the bridge that they come together at, or "": they are on one bus, or one device */
	bool functions;     /* all of them are functions of one device */
	enum acs acs;       /* of that bridge, or of the device's own functions */
	bool reset_known;
	char reset[128];    /* ways to reset it, separated by blanks, or ""; "unnamed": the kernel names none */
	unsigned obstacles; /* bit (1 << obstacle) for each */
	char host[256];     /* the functions that OBSTACLE_SHARED is about, as "0000:01:00.1 (snd_hda_intel)" */
};

struct told_of_devices passthrough_told(const struct survey *survey);

/* Reads what is known of devices[which], one of count in that group. group NULL: in none; devices has only it. told is
 * of this survey, for whoever shows several. */
void passthrough_take(const struct survey *survey, const struct group *group, char *const *devices, size_t count,
		      size_t which, struct told_of_devices told, struct passthrough *p);

/* Static words: "shared"; "none", NULL where it was not asked for. */
const char *obstacle_name(enum obstacle obstacle);
const char *acs_name(enum acs acs);

/* Prints what the obstacle is, as a sentence without its dot. */
void obstacle_print(FILE *out, const struct passthrough *p, enum obstacle obstacle);

/* What to do next to give it away, one thing after the other; calls put for each. */
void passthrough_next(const struct survey *survey, const struct passthrough *p,
		      void (*put)(const char *text, void *context), void *context);

/* Writes the address as sysfs has it: "3b:00.0" is 0000:3b:00.0. Returns false if it is none. */
bool pci_address(const char *text, char address[32]);

/* Whether there is such a PCI device, in a group or in none. */
bool pci_device_there(const struct survey *survey, const char *address);

#endif
