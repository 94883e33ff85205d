/* Tells Debian that a change waits for the reboot; see reboot-required.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Debian Policy, "Signaling that a reboot is required": /run/reboot-required is there, and reboot-required.pkgs
 * names the packages that want it, one a line. Both are shared. They are gone with the boot, as all of /run is.
 */
#include "change/reboot-required.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/paths.h"
#include "bootloader/cmdline-edit.h"
#include "nextboot/prediction.h"
#include "system/files.h"
#include "system/os-release.h"

#define FLAG "/run/reboot-required"
#define NAMES "/run/reboot-required.pkgs"
#define OURS RUN_DIR "/reboot-required" /* the flag as we made it, if we did */
#define NAME "iommu-install\n"

/* As Ubuntu's update-notifier has it, whose login message prints it. */
#define TEXT "*** System restart required ***\n"

static void tell(const char *path, int r)
{
	if (r < 0)
		fprintf(stderr, "iommu-install: %s: %s\n", path, strerror(-r));
}

bool reboot_waits(const char *line, const struct evidence *now)
{
	char *running = NULL, *words = NULL;

	free(words_apply(now->cmdline, "", true, &running));
	free(words_apply(line, "", true, &words));
	bool differs = words && running && strcmp(words, running) != 0;
	free(running);
	free(words);
	return differs;
}

/* Whether what the next boot reads differs from what this one read. */
static bool waits(const struct loader *loader, const struct facts *now)
{
	const struct boot_entries *entries = &loader->entries;
	bool differs = false;

	for (size_t i = 0; i < entries->count && !differs; i++)
		differs = entries->list[i].own && reboot_waits(entries->list[i].words, &now->evidence);
	return differs;
}

/* Nobody is asked for a reboot that would be stopped. */
static bool stops(const struct loader *loader, const struct facts *now)
{
	struct predictions predictions;
	bool found = false;

	if (predictions_make(loader, NULL, &now->evidence, facts_wanted(now), &predictions) < 0)
		return false;
	for (size_t i = 0; i < predictions.count; i++)
		found = found || (prediction_stops(&predictions.list[i]) &&
				  predictions.list[i].by_default != PRESENCE_NO);
	predictions_free(&predictions);
	return found;
}

/* Which flag it is: whoever touches it makes it theirs. */
static bool describe_flag(char text[64])
{
	struct stat st;

	if (lstat(FLAG, &st) < 0)
		return false;
	snprintf(text, 64, "%ju %jd.%09ld\n", (uintmax_t)st.st_ino, (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	return true;
}

/* Our line in names, or NULL. */
static char *find_name(char *names)
{
	for (char *line = names; *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (strncmp(line, NAME, strlen(NAME)) == 0)
			return line;
	return NULL;
}

/* A file of others' that we add to: one write at its end. */
static int add_name(void)
{
	char *names = file_read(NAMES, NULL);
	bool there = names && find_name(names);
	bool newline = names && names[0] && names[strlen(names) - 1] != '\n';

	free(names);
	if (there)
		return 0;
	int fd = open(NAMES, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	const char *line = newline ? "\n" NAME : NAME;
	int r = write_all(fd, line, strlen(line));
	close(fd);
	return r;
}

static void require(void)
{
	char flag[64];

	int fd = open(FLAG, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : write_all(fd, TEXT, strlen(TEXT));
	if (fd >= 0)
		close(fd);
	if (r == 0 && describe_flag(flag))
		r = file_write(OURS, flag, strlen(flag), 0644);
	tell(FLAG, r == -EEXIST ? 0 : r);
	tell(NAMES, add_name());
}

/* The flag stays if anybody else has asked for it: by name, or by touching it. */
static void take_back(void)
{
	char *names = file_read(NAMES, NULL), *ours = file_read(OURS, NULL), *line = names ? find_name(names) : NULL;
	char flag[64];

	if (line)
		memmove(line, line + strlen(NAME), strlen(line + strlen(NAME)) + 1);
	bool last = !names || !names[0];
	if (line && !last)
		tell(NAMES, file_write(NAMES, names, strlen(names), 0644));
	if (line && last)
		tell(NAMES, file_remove(NAMES));
	if (last && ours && describe_flag(flag) && strcmp(flag, ours) == 0)
		tell(FLAG, file_remove(FLAG));
	if (ours)
		tell(OURS, file_remove(OURS));
	free(names);
	free(ours);
}

void reboot_tell(const struct loader *loader, const struct facts *now)
{
	struct root live;

	if (root_init(&live, "/") < 0)
		return;
	bool debian = os_release_debian(&live);
	root_close(&live);
	if (!debian)
		return;
	if (waits(loader, now) && !stops(loader, now))
		require();
	else
		take_back();
}
