/* The late check and the running system; see systemd.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "helper/systemd.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/paths.h"
#include "base/run.h"

enum { ANSWER_MS = 5000, ORDERLY_SECONDS = 90 };

#define A_YEAR "31536000000000" /* in microseconds */

bool late_checked_before(void)
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

/* The word that systemctl answers with, or none. */
static void ask_state(char *word, size_t size)
{
	static const char *const argv[] = { "systemctl", "is-system-running", NULL };
	struct pollfd answer = { .events = POLLIN };
	ssize_t n = 0;

	pid_t pid = run_detached(argv, &answer.fd);
	if (pid > 0) {
		if (poll(&answer, 1, ANSWER_MS) > 0)
			n = read(answer.fd, word, size - 1);
		close(answer.fd);
		kill(pid, SIGKILL);
	}
	word[n > 0 ? n : 0] = '\0';
	word[strcspn(word, "\n")] = '\0';
}

enum stage late_stage(bool first)
{
	static const struct {
		const char *state;
		enum stage stage;
	} states[] = {
		{ "initializing", STAGE_BOOTING }, { "starting", STAGE_BOOTING },   { "running", STAGE_FINISHED },
		{ "degraded", STAGE_FINISHED },    { "maintenance", STAGE_RESCUE }, { "stopping", STAGE_STOPPING },
	};
	char word[32];

	/* sd_booted(3) */
	if (access("/run/systemd/system", F_OK) < 0)
		return STAGE_FINISHED;
	ask_state(word, sizeof(word));
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(word, states[i].state) == 0)
			return states[i].stage;
	return first ? STAGE_BOOTING : STAGE_FINISHED;
}

void late_hold(void)
{
	static const char text[] = "EXTEND_TIMEOUT_USEC=" A_YEAR;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");

	if (!path || strlen(path) >= sizeof(address.sun_path))
		return;
	strcpy(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	sendto(fd, text, sizeof(text) - 1, MSG_NOSIGNAL, (const struct sockaddr *)&address, sizeof(address));
	close(fd);
}

void late_shutdown(enum policy policy)
{
	const char *const argv[] = { "systemctl", "--no-block", policy_name(policy), NULL };
	struct timespec left = { .tv_sec = ORDERLY_SECONDS };
	int out;

	if (access("/run/systemd/system", F_OK) == 0)
		run_detached(argv, &out);
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}
