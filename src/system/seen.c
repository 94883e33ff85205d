/* What files were when they were read; see seen.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "system/seen.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MILLISECOND 1000000LL /* in nanoseconds */
#define SECOND (1000 * MILLISECOND)

/* The kernel's clock for files has steps of 10 ms at most. FAT keeps even seconds, old ext4 whole ones. */
static long long step(const struct stat *st)
{
	return st->st_ctim.tv_nsec || st->st_mtim.tv_nsec ? 20 * MILLISECOND : 2 * SECOND;
}

long long seen_settles(const struct stat *st)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (st->st_ctim.tv_sec - now.tv_sec) * SECOND + st->st_ctim.tv_nsec - now.tv_nsec + step(st);
}

void seen_wait(long long nanoseconds)
{
	if (nanoseconds <= 0 || nanoseconds > 2 * SECOND)
		return;
	struct timespec time = { .tv_sec = (time_t)(nanoseconds / SECOND), .tv_nsec = nanoseconds % SECOND };
	nanosleep(&time, NULL);
}

static int grow(struct seen *seen, size_t more)
{
	struct seen_file *list = reallocarray(seen->list, seen->count + more, sizeof(*list));

	if (!list)
		return -ENOMEM;
	seen->list = list;
	return 0;
}

int seen_add(struct seen *seen, const char *path, const struct stat *st)
{
	char *name = strdup(path);

	if (!name || grow(seen, 1) < 0) {
		free(name);
		return -ENOMEM;
	}
	seen->list[seen->count++] = (struct seen_file){
		.path = name, .there = st != NULL, .st = st ? *st : (struct stat){ 0 }
	};
	seen->hasty = seen->hasty || (st && seen_settles(st) > 0);
	return 0;
}

int seen_move(struct seen *seen, struct seen *other)
{
	if (other->count && grow(seen, other->count) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < other->count; i++)
		seen->list[seen->count++] = other->list[i];
	seen->hasty = seen->hasty || other->hasty;
	free(other->list);
	*other = (struct seen){ 0 };
	return 0;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool seen_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       same_time(a->st_mtim, b->st_mtim) && same_time(a->st_ctim, b->st_ctim);
}

static bool same(const struct seen_file *f)
{
	struct stat now;

	return stat(f->path, &now) < 0 ? !f->there : f->there && seen_same_file(&f->st, &now);
}

bool seen_same(const struct seen *seen)
{
	bool all = !seen->hasty;

	for (size_t i = 0; i < seen->count && all; i++)
		all = same(&seen->list[i]);
	return all;
}

void seen_print(const struct seen *seen, FILE *out)
{
	for (size_t i = 0; i < seen->count; i++) {
		const struct seen_file *f = &seen->list[i];
		const struct stat *st = &f->st;

		if (f->there)
			fprintf(out, "%s %ju %ju %jd %jd.%09ld %jd.%09ld\n", f->path, (uintmax_t)st->st_dev,
				(uintmax_t)st->st_ino, (intmax_t)st->st_size, (intmax_t)st->st_mtim.tv_sec,
				st->st_mtim.tv_nsec, (intmax_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
		else
			fprintf(out, "%s absent\n", f->path);
	}
}

void seen_free(struct seen *seen)
{
	for (size_t i = 0; i < seen->count; i++)
		free(seen->list[i].path);
	free(seen->list);
	*seen = (struct seen){ 0 };
}
