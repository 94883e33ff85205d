/* The kernel on which this machine was last seen in the wanted mode: /var/lib/iommu/matched.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * It is written by what writes there anyway, and by the hook that runs when a kernel has been installed: then the one
 * that has matched so far still runs. A command that only looks reads it.
 */
#ifndef MATCHED_H
#define MATCHED_H

#include <stdbool.h>

#include "base/root.h"
#include "model/mode.h"
#include "verdict/facts.h"

struct matched {
	char kernel[65]; /* its release, or "": nothing is known */
	char here[65];   /* the release that was compared with it */
	enum mode mode;
};

/* Notes the running kernel, if the running machine matches its target and iommu-install has changed it before. What
 * can't be written is told. */
void matched_note(const struct facts *now);

/* The last match, if it was in that mode by these parameters, as far as they are about the IOMMU, and under another
 * kernel; else, or if it can't be read, one without a kernel. */
struct matched matched_elsewhere(const struct root *root, enum mode mode, const char *line, const char *kernel);

#endif
