/* The late check and the running system; see systemd.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "helper/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/paths.h"
#include "base/run.h"

enum { ORDERLY_SECONDS = 90 };

/* Whether a late check has left its verdict in this boot already. */
static bool checked_before(void)
{
	char line[256];
	bool found = false;

	FILE *status = fopen(RUN_DIR "/" STATUS_FILE, "re");
	while (status && !found && fgets(line, sizeof(line), status))
		found = strstr(line, "\"phase\": \"late\"") != NULL;
	if (status)
		fclose(status);
	return found;
}

enum stage late_stage(void)
{
	static const struct {
		const char *state;
		enum stage stage;
	} states[] = {
		{ "initializing", STAGE_BOOTING }, { "starting", STAGE_BOOTING },   { "running", STAGE_FINISHED },
		{ "degraded", STAGE_FINISHED },    { "maintenance", STAGE_RESCUE }, { "stopping", STAGE_STOPPING },
	};
	static const char *const argv[] = { "systemctl", "is-system-running", NULL };
	char word[32] = "";
	FILE *out;

	/* sd_booted(3) */
	if (access("/run/systemd/system", F_OK) < 0)
		return STAGE_FINISHED;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t pid = run_filter(argv, null, &out);
	if (null >= 0)
		close(null);
	if (pid > 0) {
		if (!fgets(word, sizeof(word), out))
			word[0] = '\0';
		fclose(out);
		run_wait(pid);
	}

	word[strcspn(word, "\n")] = '\0';
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(word, states[i].state) == 0)
			return states[i].stage;
	/* No answer: the first late check is part of the boot, the later ones are not. */
	return checked_before() ? STAGE_FINISHED : STAGE_BOOTING;
}

void late_shutdown(enum policy policy)
{
	const char *const argv[] = { "systemctl", "--no-block", policy_name(policy), NULL };
	struct timespec left = { .tv_sec = ORDERLY_SECONDS };

	if (access("/run/systemd/system", F_OK) == 0)
		run(argv, false);
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}
