/* What is written down about a change; see journal.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/keyval.h"
#include "base/paths.h"
#include "change/first-format.h"
#include "change/lock.h"
#include "system/boot-count.h"
#include "system/files.h"
#include "system/memstream.h"

#define CHANGE STATE_DIR "/change"
#define SPARE STATE_DIR "/change.other" /* one that is being prepared, then the one before */
#define JOURNAL "journal"
#define DONE "done"
#define IMAGES CHANGE "/images"

enum { FORMAT = 2 };

static const char *const progress_words[] = {
	[PROGRESS_OPEN] = "open", [PROGRESS_BOOT] = "boot", [PROGRESS_SEALING] = "sealing",
};
static const char *const side_words[] = { [BEFORE] = "before", [AFTER] = "after", [PUT] = "put",
					  [MEANT] = "meant" };

static void copy_path(char path[static 128], const char *dir, enum side side, size_t number)
{
	snprintf(path, 128, "%s/%s.%zu", dir, side_words[side], number);
}

/* Where path is a link it is kept as one, beside the copy of the file that it leads to. */
static int keep_link(const char *path, const char *copy)
{
	char link[160];

	snprintf(link, sizeof(link), "%s.link", copy);
	int r = file_copy_link(path, link);
	return r == -EINVAL || r == -ENOENT || r == -ENOTDIR ? 0 : r;
}

/* Makes path the link again that it was, if it is none now, and what it leads to the file that is kept as copy.
 * Returns 1, 0 if it was no link or can be none any more, or -errno. */
static int link_again(const char *copy, const char *path)
{
	char link[160], new[PATH_MAX + 16];
	struct stat st;

	snprintf(link, sizeof(link), "%s.link", copy);
	if (lstat(link, &st) < 0 || (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)))
		return 0;
	snprintf(new, sizeof(new), "%s.iommu-link", path);
	int r = file_copy_link(link, new);
	if (r == 0)
		r = file_copy(copy, new);
	if (r == 0 && rename(new, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(new);
	/* What it led to is gone, or not to be trusted. */
	return r == -ELOOP ? 0 : r < 0 ? r : file_sync_dir(path) < 0 ? -EIO : 1;
}

/* Removes a directory of ours, which has no directories in it, or what somebody has put in its place. None there is
 * fine. */
static int remove_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOTDIR) /* a link too */
		return unlink(path) < 0 ? -errno : 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir && fd >= 0)
		close(fd);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;

	for (const struct dirent *entry; (entry = readdir(dir));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	return rmdir(path) < 0 ? -errno : 0;
}

static int write_journal(const char *dir, const struct journal *j, const struct edits *edits)
{
	struct text made;
	char path[128];
	size_t len;

	FILE *out = text_open(&made);
	if (!out)
		return -ENOMEM;
	fprintf(out, "# What iommu-install is doing or did last; 'iommu-install resume' and 'rollback' read it.\n");
	if (j->format != JOURNAL_FIRST)
		fprintf(out, "format=%d\n", FORMAT);
	fprintf(out, "command=%s\nprogress=%s\ncommit=%s\nbackend=%s\ngenerator=%s\n", j->command,
		progress_words[j->progress], j->after_boot ? "after-boot" : "now", j->backend, j->generator);
	if (j->known)
		fprintf(out, "words=%s\n", j->words);
	if (j->had_known)
		fprintf(out, "had=%s\n", j->had);
	fprintf(out, "flush=%s\nboot_id=%s\n", j->flush ? "yes" : "no", j->boot_id);
	if (j->pending[0])
		fprintf(out, "pending=%s\n", j->pending);
	if (j->over)
		fputs("over=yes\n", out);
	for (size_t i = 0; i < edits->count; i++)
		fprintf(out, "file=%s %s\n", role_name(edits->list[i].role), edits->list[i].path);
	char *text = text_close(&made, &len);
	if (!text)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/" JOURNAL, dir);
	int r = file_write(path, text, len, 0600);
	free(text);
	return r;
}

/* Going back, the texts are those before the last change, whose copies have owner and mode. */
static int keep_after(const struct edit *edit, size_t number, bool back)
{
	char path[128], from[140];

	copy_path(path, SPARE, AFTER, number);
	if (edit->role == ROLE_MADE && !edit->after)
		return 0; /* its tool makes it anew */
	if (!back)
		return edit->after ? file_write(path, edit->after, strlen(edit->after), 0600) : 0;
	copy_path(from, CHANGE, BEFORE, number);
	int r = edit->after ? file_copy(from, path) : 0; /* one that does not come back has a copy too */
	if (r == 0) {
		strcat(from, ".link");
		r = keep_link(from, path);
	}
	/* A target that waited for its boot is to be what it was meant to become. */
	if (r == 0 && edit->after && edit->role != ROLE_MADE)
		r = file_put(path, edit->after, strlen(edit->after), 0600);
	return r == -ENOENT || r > 0 ? 0 : r;
}

/* The file as it is, and where it is a link, that too. None is fine. */
static int keep_file(const char *path, const char *copy)
{
	int r = file_copy(path, copy);

	if (r == 0)
		r = keep_link(path, copy);
	return r == -ENOENT || r == -ENOTDIR ? 0 : r;
}

static int prepare(const struct journal *j, const struct edits *edits, bool back)
{
	char path[128];

	for (size_t i = 0; i < edits->count; i++) {
		copy_path(path, SPARE, BEFORE, i);
		int r = keep_file(edits->list[i].path, path);
		if (r == 0)
			r = keep_after(&edits->list[i], i, back);
		if (r < 0)
			return r;
	}
	return write_journal(SPARE, j, edits);
}

int journal_update(const struct journal *j, const struct edits *edits)
{
	return write_journal(CHANGE, j, edits);
}

static bool word_in(const char *word, const char *const *list, size_t count, size_t *index)
{
	for (*index = 0; *index < count; (*index)++)
		if (strcmp(word, list[*index]) == 0)
			return true;
	return false;
}

/* "ROLE PATH" */
static int parse_file(char *value, struct edits *edits)
{
	char *blank = strchr(value, ' ');
	enum role role;

	if (!blank)
		return -EINVAL;
	*blank = '\0';
	if (!role_parse(value, &role) || blank[1] != '/')
		return -EINVAL;
	return edits_take(edits, role, blank + 1, NULL, NULL);
}

static int parse_format(const char *value, struct journal *j)
{
	size_t digits = strspn(value, "0123456789");

	if (digits == 0 || value[digits])
		return -EINVAL;
	if (digits > 3 || atoi(value) > FORMAT)
		return -ENOTSUP;
	j->format = atoi(value);
	return 0;
}

static int parse(char *text, struct journal *j, struct edits *edits)
{
	bool progress = false;
	struct keyval kv;
	size_t index;

	*j = (struct journal){ .format = JOURNAL_FIRST };
	keyval_init(&kv, text);
	while (keyval_next(&kv)) {
		if (!kv.value)
			return -EINVAL;
		int format = strcmp(kv.key, "format") == 0 ? parse_format(kv.value, j) : 1;
		if (format < 0)
			return format;
		if (format == 0)
			continue;
		if (strcmp(kv.key, "command") == 0)
			snprintf(j->command, sizeof(j->command), "%s", kv.value);
		else if (strcmp(kv.key, "commit") == 0)
			j->after_boot = strcmp(kv.value, "after-boot") == 0;
		else if (strcmp(kv.key, "generator") == 0)
			snprintf(j->generator, sizeof(j->generator), "%s", kv.value);
		else if (strcmp(kv.key, "backend") == 0)
			snprintf(j->backend, sizeof(j->backend), "%s", kv.value);
		else if (strcmp(kv.key, "file") == 0) {
			int r = parse_file(kv.value, edits);
			if (r < 0)
				return r;
		}
		else if (strcmp(kv.key, "words") == 0)
			j->known = snprintf(j->words, sizeof(j->words), "%s", kv.value) < (int)sizeof(j->words);
		else if (strcmp(kv.key, "had") == 0)
			j->had_known = snprintf(j->had, sizeof(j->had), "%s", kv.value) < (int)sizeof(j->had);
		else if (strcmp(kv.key, "flush") == 0)
			j->flush = strcmp(kv.value, "yes") == 0;
		else if (strcmp(kv.key, "over") == 0)
			j->over = strcmp(kv.value, "yes") == 0;
		else if (strcmp(kv.key, "boot_id") == 0)
			snprintf(j->boot_id, sizeof(j->boot_id), "%s", kv.value);
		else if (strcmp(kv.key, "pending") == 0)
			snprintf(j->pending, sizeof(j->pending), "%s", kv.value);
		else if (strcmp(kv.key, "progress") == 0 && word_in(kv.value, progress_words, 3, &index)) {
			j->progress = (enum progress)index;
			progress = true;
		} else
			return -EINVAL;
	}
	return progress && j->command[0] && j->generator[0] ? 0 : -EINVAL;
}

static int read_change(struct journal *j, struct edits *edits, bool *open)
{
	char *text = file_read(CHANGE "/" JOURNAL, NULL);

	*edits = (struct edits){ 0 };
	/* What is there and can't be read is not known to be done. */
	*open = text || (errno != ENOENT && errno != EACCES);
	if (!text && errno == ENOENT)
		text = file_read(CHANGE "/" DONE, NULL);
	if (!text)
		return -errno;
	int r = parse(text, j, edits);
	free(text);
	return r;
}

int journal_read(struct journal *j, bool *open)
{
	struct edits edits;

	int r = read_change(j, &edits, open);
	edits_free(&edits);
	return r;
}

bool journal_waits(const struct journal *j, const char *boot_id)
{
	return j->progress == PROGRESS_BOOT && (!boot_id || strcmp(j->boot_id, boot_id) == 0);
}

static int read_copy(enum side side, size_t number, char **text)
{
	char path[128];

	copy_path(path, CHANGE, side, number);
	*text = file_read(path, NULL);
	return *text || errno == ENOENT ? 0 : -errno;
}

int journal_edits(struct edits *edits)
{
	struct journal j;
	bool open;

	int r = read_change(&j, edits, &open);
	for (size_t i = 0; r == 0 && i < edits->count; i++) {
		struct edit *e = &edits->list[i];
		if (e->role != ROLE_MADE)
			r = read_copy(BEFORE, i, &e->before);
		if (r == 0)
			r = read_copy(AFTER, i, &e->after);
		if (r == 0 && e->role != ROLE_MADE)
			r = read_copy(PUT, i, &e->put);
	}
	if (r == 0 && j.format == JOURNAL_FIRST)
		first_format_know(edits);
	if (r < 0)
		edits_free(edits);
	return r;
}

static const struct edit *target_of(const struct edits *edits, size_t *number)
{
	for (*number = 0; *number < edits->count; ++*number)
		if (edits->list[*number].role == ROLE_TARGET)
			return &edits->list[*number];
	return NULL;
}

/* Of a change that waits for its boot: what the target is to be then. */
static int keep_meant(const struct edits *edits)
{
	char from[128], to[128];
	struct edits theirs;
	struct journal last;
	size_t i, k;
	bool open;

	int r = read_change(&last, &theirs, &open);
	bool waits = r == 0 && open && last.progress == PROGRESS_BOOT && target_of(&theirs, &i) && target_of(edits, &k);
	edits_free(&theirs);
	if (!waits)
		return 0;
	copy_path(from, CHANGE, AFTER, i);
	copy_path(to, SPARE, MEANT, k);
	r = file_copy(from, to);
	return r == -ENOENT ? 0 : r;
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

int journal_open(struct journal *j, const struct edits *edits, bool back)
{
	int r = remove_dir(SPARE);
	if (r < 0)
		return r;
	if (mkdir(SPARE, 0700) < 0)
		return -errno;
	j->over = access(CHANGE "/" JOURNAL, F_OK) == 0;
	r = prepare(j, edits, back);
	if (r == 0 && j->over)
		r = keep_meant(edits);
	if (r == 0)
		return exchange();
	remove_dir(SPARE);
	return r;
}

int journal_meant(size_t number, char **text)
{
	return read_copy(MEANT, number, text);
}

int journal_close(void)
{
	if (rename(CHANGE "/" JOURNAL, CHANGE "/" DONE) < 0)
		return -errno;
	/* Where that can't be flushed a power cut may bring the journal back: resume finds that all is done. */
	file_sync_dir(CHANGE "/" DONE);
	remove_dir(SPARE); /* else the next change does it */
	return 0;
}

/* Whether the spare is the change before this one: it is done, or this one says that it lies over it; and not one that
 * was about to begin when it was cut short. */
static bool spare_is_last(void)
{
	struct journal j;
	bool open;

	return access(SPARE "/" DONE, F_OK) == 0 || (journal_read(&j, &open) == 0 && j.over);
}

int journal_cancel(void)
{
	int r;

	if (spare_is_last())
		r = exchange();
	else
		r = remove_dir(SPARE) == 0 && rename(CHANGE, SPARE) == 0 ? file_sync_dir(SPARE) : -errno;
	if (r == 0)
		remove_dir(SPARE);
	return r;
}

static bool same_files(const char *a, const char *b)
{
	size_t len_a, len_b;
	char *text_a = file_read(a, &len_a), *text_b = file_read(b, &len_b);
	bool same = text_a && text_b && len_a == len_b && memcmp(text_a, text_b, len_a) == 0;

	free(text_a);
	free(text_b);
	return same;
}

int journal_restore(enum side side, const struct edits *edits, size_t number)
{
	const struct edit *e = &edits->list[number];
	char path[128];

	copy_path(path, CHANGE, side, number);
	if (e->role == ROLE_MADE && access(path, F_OK) < 0)
		return 0;
	int linked = link_again(path, e->path);
	if (linked)
		return linked < 0 ? linked : 0;
	/* A change keeps owner and mode: a file with the text from before it is as it was, also where nothing can be
	 * written. */
	if ((e->role == ROLE_MADE || side == BEFORE) && same_files(path, e->path))
		return 0;
	int r = file_copy(path, e->path);
	return r == -ENOENT ? file_remove(e->path) : r;
}

int journal_keep_text(enum side side, size_t number, const char *text)
{
	char path[128];

	copy_path(path, CHANGE, side, number);
	return text ? file_write(path, text, strlen(text), 0600) : file_remove(path);
}

int journal_keep_file(enum side side, const struct edits *edits, size_t number)
{
	char path[128], link[160];

	copy_path(path, CHANGE, side, number);
	snprintf(link, sizeof(link), "%s.link", path);
	int r = file_remove(link);
	if (r == 0 && access(edits->list[number].path, F_OK) < 0)
		return file_remove(path);
	return r < 0 ? r : keep_file(edits->list[number].path, path);
}

bool journal_holds(enum side side, const struct edits *edits, size_t number)
{
	char path[128];

	copy_path(path, CHANGE, side, number);
	return same_files(path, edits->list[number].path);
}

void journal_copy_path(char path[static 128], enum side side, size_t number)
{
	copy_path(path, CHANGE, side, number);
}

/* What tells one image from the next at the same path, whatever a boot has counted there since. Not the inode: on FAT
 * it is another one after each mount. */
static int image_line(const char *path, char line[PATH_MAX + 80])
{
	size_t len = boot_count_stem(path);
	const char *end = strrchr(path + len, '.');
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	snprintf(line, PATH_MAX + 80, "\n%lld %lld.%09ld %.*s%s\n", (long long)st.st_size,
		 (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (int)len, path, end ? end : "");
	return 0;
}

/* The lines of images that could not be written down: the undo that follows knows them all the same. */
enum { UNWRITTEN_MAX = 8 }; /* an image and its copies */
static char unwritten[UNWRITTEN_MAX][PATH_MAX + 80];
static unsigned unwritten_count;

static int add_line(const char *line)
{
	char *text = NULL;
	int r = 0;

	char *old = file_read(IMAGES, NULL);
	if (!old && errno != ENOENT)
		return -errno;
	if (!old || !strstr(old, line))
		r = asprintf(&text, "%s%s", old ? old : "", line) < 0 ? -ENOMEM : 0;
	if (text)
		r = file_write(IMAGES, text, strlen(text), 0600);
	free(old);
	free(text);
	return r;
}

int journal_note_image(const char *path)
{
	char line[PATH_MAX + 80];

	int r = image_line(path, line);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = add_line(line);
	if (r < 0 && unwritten_count < UNWRITTEN_MAX)
		strcpy(unwritten[unwritten_count++], line);
	return r;
}

bool journal_made_image(const char *path)
{
	char line[PATH_MAX + 80];
	if (image_line(path, line) < 0)
		return false;
	for (unsigned i = 0; i < unwritten_count; i++)
		if (strcmp(line, unwritten[i]) == 0)
			return true;
	char *text = file_read(IMAGES, NULL);
	bool made = text && strstr(text, line);
	free(text);
	return made;
}
