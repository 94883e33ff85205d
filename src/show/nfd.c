/* What Node Feature Discovery takes from a host; see nfd.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The format of its local source (features.d, source/local/local.go of v0.14 and later): NAME=VALUE, a line each, which
 * become labels of the node, and a time from which on it takes the lines for none.
 */
#include "show/nfd.h"

#include <time.h>

enum { LIFETIME = 3 * 5 * 60 }; /* seconds: three periods of iommu-prometheus.timer, which has it written */

/* Every name of a mode and of a verdict is a label's value as it is. */
static void feature(FILE *out, const char *name, const char *value)
{
	fprintf(out, "feature.node.kubernetes.io/iommu-%s=%s\n", name, value);
}

void nfd_print(FILE *out, const struct survey *s)
{
	const struct facts *f = s->facts;
	char expires[sizeof("2026-11-30T08:15:00Z") + 8] = "";
	time_t then = time(NULL) + LIFETIME;
	struct tm utc;

	/* Without it the lines would be there for ever: then they end when they begin. */
	if (!gmtime_r(&then, &utc) || strftime(expires, sizeof(expires), "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
		snprintf(expires, sizeof(expires), "1970-01-01T00:00:00Z");
	fprintf(out, "# +expiry-time=%s\n", expires);
	feature(out, "mode", mode_name(f->evidence.effective));
	feature(out, "verdict", verdict_name(s->judgement.verdict));
	feature(out, "target", f->target_status == 0 ? mode_name(f->target.mode) : "none");
	feature(out, "next-boot", mode_name(s->next_boot));
}
