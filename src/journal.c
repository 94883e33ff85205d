/* What is written down about a change; see journal.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "keyval.h"
#include "lock.h"

#define CHANGE STATE_DIR "/change"
#define SPARE STATE_DIR "/change.other" /* one that is being prepared, then the one before */
#define JOURNAL "journal"
#define DONE "done"
#define GRUB_COPY "grub.cfg"

static const char *const progress_words[] = {
	[PROGRESS_OPEN] = "open", [PROGRESS_BOOT] = "boot", [PROGRESS_SEALING] = "sealing",
};
static const char *const side_words[] = { [BEFORE] = "before", [AFTER] = "after" };

static void copy_path(char path[128], const char *dir, enum side side, enum setting setting)
{
	snprintf(path, 128, "%s/%s.%s", dir, side_words[side], setting_name(setting));
}

/* Removes a directory of ours, which has no directories in it. None there is fine. */
static int remove_dir(const char *path)
{
	DIR *dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;

	for (const struct dirent *entry; (entry = readdir(dir));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	return rmdir(path) < 0 ? -errno : 0;
}

static int write_journal(const char *dir, const struct journal *j)
{
	char path[128], *text = NULL;
	size_t len = 0;

	FILE *out = open_memstream(&text, &len);
	if (!out)
		return -ENOMEM;
	fprintf(out, "# What iommu-install is doing or did last; 'iommu-install resume' and 'rollback' read it.\n");
	fprintf(out, "command=%s\nprogress=%s\ncommit=%s\ngenerator=%s\n", j->command, progress_words[j->progress],
		j->after_boot ? "after-boot" : "now", j->generator);
	if (j->known)
		fprintf(out, "words=%s\n", j->words);
	fprintf(out, "flush=%s\nboot_id=%s\n", j->flush ? "yes" : "no", j->boot_id);
	if (fclose(out) != 0)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/" JOURNAL, dir);
	int r = file_write(path, text, len, 0600);
	free(text);
	return r;
}

/* With after NULL the texts are those before the last change, whose copies have owner and mode. */
static int keep_after(const struct settings *after, enum setting setting)
{
	char path[128], back[128];

	copy_path(path, SPARE, AFTER, setting);
	if (after)
		return after->text[setting] ? file_write(path, after->text[setting], strlen(after->text[setting]), 0600) : 0;
	copy_path(back, CHANGE, BEFORE, setting);
	int r = file_copy(back, path);
	return r == -ENOENT ? 0 : r;
}

static int prepare(const struct journal *j, const struct settings *after, const char *grub_config)
{
	char path[128];

	for (int i = 0; i < SETTINGS; i++) {
		copy_path(path, SPARE, BEFORE, (enum setting)i);
		int r = file_copy(setting_path((enum setting)i), path);
		if (r < 0 && r != -ENOENT && r != -ENOTDIR)
			return r;
		r = keep_after(after, (enum setting)i);
		if (r < 0)
			return r;
	}
	if (grub_config) {
		int r = file_copy(grub_config, SPARE "/" GRUB_COPY);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return write_journal(SPARE, j);
}

/* Puts the spare in the place of the change, which becomes the spare. */
static int exchange(void)
{
	int r = renameat2(AT_FDCWD, SPARE, AT_FDCWD, CHANGE, RENAME_EXCHANGE);

	if (r < 0 && errno == ENOENT)
		r = rename(SPARE, CHANGE);
	/* Few file systems can't exchange: there the older record is given up first. */
	if (r < 0 && errno == EINVAL) {
		r = remove_dir(CHANGE);
		if (r < 0)
			return r;
		r = rename(SPARE, CHANGE);
	}
	return r < 0 ? -errno : file_sync_dir(CHANGE);
}

int journal_open(const struct journal *j, const struct settings *after, const char *grub_config)
{
	int r = remove_dir(SPARE);
	if (r < 0)
		return r;
	if (mkdir(SPARE, 0700) < 0)
		return -errno;
	r = prepare(j, after, grub_config);
	return r < 0 ? r : exchange();
}

int journal_update(const struct journal *j)
{
	return write_journal(CHANGE, j);
}

static bool word_in(const char *word, const char *const *list, size_t count, size_t *index)
{
	for (*index = 0; *index < count; (*index)++)
		if (strcmp(word, list[*index]) == 0)
			return true;
	return false;
}

static int parse(char *text, struct journal *j)
{
	bool progress = false;
	struct keyval kv;
	size_t index;

	*j = (struct journal){ 0 };
	keyval_init(&kv, text);
	while (keyval_next(&kv)) {
		if (!kv.value)
			return -EINVAL;
		if (strcmp(kv.key, "command") == 0)
			snprintf(j->command, sizeof(j->command), "%s", kv.value);
		else if (strcmp(kv.key, "commit") == 0)
			j->after_boot = strcmp(kv.value, "after-boot") == 0;
		else if (strcmp(kv.key, "generator") == 0)
			snprintf(j->generator, sizeof(j->generator), "%s", kv.value);
		else if (strcmp(kv.key, "words") == 0)
			j->known = snprintf(j->words, sizeof(j->words), "%s", kv.value) < (int)sizeof(j->words);
		else if (strcmp(kv.key, "flush") == 0)
			j->flush = strcmp(kv.value, "yes") == 0;
		else if (strcmp(kv.key, "boot_id") == 0)
			snprintf(j->boot_id, sizeof(j->boot_id), "%s", kv.value);
		else if (strcmp(kv.key, "progress") == 0 && word_in(kv.value, progress_words, 3, &index)) {
			j->progress = (enum progress)index;
			progress = true;
		} else
			return -EINVAL;
	}
	return progress && j->command[0] && j->generator[0] ? 0 : -EINVAL;
}

int journal_read(struct journal *j, bool *open)
{
	char *text = file_read(CHANGE "/" JOURNAL, NULL);

	*open = text != NULL;
	if (!text && errno == ENOENT)
		text = file_read(CHANGE "/" DONE, NULL);
	if (!text)
		return -errno;
	int r = parse(text, j);
	free(text);
	return r;
}

int journal_settings(enum side side, struct settings *s)
{
	char path[128];

	*s = (struct settings){ 0 };
	for (int i = 0; i < SETTINGS; i++) {
		copy_path(path, CHANGE, side, (enum setting)i);
		s->text[i] = file_read(path, NULL);
		if (s->text[i] || errno == ENOENT)
			continue;
		int r = -errno;
		settings_free(s);
		return r;
	}
	return 0;
}

int journal_close(void)
{
	if (rename(CHANGE "/" JOURNAL, CHANGE "/" DONE) < 0)
		return -errno;
	int r = file_sync_dir(CHANGE "/" DONE);
	remove_dir(SPARE); /* else the next change does it */
	return r;
}

int journal_cancel(void)
{
	int r;

	if (access(SPARE "/" DONE, F_OK) == 0)
		r = exchange();
	else
		r = remove_dir(SPARE) == 0 && rename(CHANGE, SPARE) == 0 ? file_sync_dir(SPARE) : -errno;
	if (r == 0)
		remove_dir(SPARE);
	return r;
}

int journal_restore(enum side side, enum setting setting)
{
	char path[128];

	copy_path(path, CHANGE, side, setting);
	int r = file_copy(path, setting_path(setting));
	return r == -ENOENT ? file_remove(setting_path(setting)) : r;
}

int journal_restore_grub(const char *path)
{
	size_t len, now_len;
	char *text = file_read(CHANGE "/" GRUB_COPY, &len);
	bool none = !text && errno == ENOENT; /* there was no file */
	char *now = file_read(path, &now_len);
	bool same = text && now && len == now_len && memcmp(text, now, len) == 0;

	free(text);
	free(now);
	return same || none ? 0 : file_copy(CHANGE "/" GRUB_COPY, path);
}
