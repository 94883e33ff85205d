/* An allocator that fails at one call: preloaded into iommu-install, linked into a helper of the tests' own.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * MALLOC_FAILS_AT is the number of that call, from 1 on. A failure is told by a byte on descriptor 9, so that a test
 * knows when there is no such call any more. With 0 none fails, and their number is told there at the end. Nothing is
 * ever given back.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ALIGN = 16, ARENA = 256 << 20 };

static _Alignas(ALIGN) unsigned char arena[ARENA];
static size_t used;
static unsigned long calls, fails_at;
static int known; /* what fails_at is */

extern char **environ;

static void read_number(void)
{
	static const char name[] = "MALLOC_FAILS_AT=";

	known = 1;
	fails_at = ~0ul;
	for (char **entry = environ; entry && *entry; entry++)
		if (strncmp(*entry, name, sizeof(name) - 1) == 0) {
			fails_at = 0;
			for (const char *digit = *entry + sizeof(name) - 1; *digit; digit++)
				fails_at = fails_at * 10 + (unsigned long)(*digit - '0');
		}
}

static void *take(size_t align, size_t size)
{
	if (!known && environ)
		read_number();
	if (++calls == fails_at) {
		(void)!write(9, "x", 1);
		errno = ENOMEM;
		return NULL;
	}
	if (size > ARENA / 2) {
		errno = ENOMEM;
		return NULL;
	}
	size_t at = (used + sizeof(size_t) + align - 1) & ~(align - 1);
	if (at + size > ARENA) {
		errno = ENOMEM;
		return NULL;
	}
	used = at + size;
	memcpy(arena + at - sizeof(size_t), &size, sizeof(size_t));
	return arena + at;
}

static __attribute__((destructor)) void tell_calls(void)
{
	char digits[24];
	size_t at = sizeof(digits);

	if (fails_at != 0)
		return;
	do
		digits[--at] = (char)('0' + calls % 10);
	while (calls /= 10);
	(void)!write(9, digits + at, sizeof(digits) - at);
}

void *malloc(size_t size)
{
	return take(ALIGN, size);
}

void *calloc(size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size) {
		errno = ENOMEM;
		return NULL;
	}
	return take(ALIGN, count * size); /* fresh memory is zero */
}

void *realloc(void *old, size_t size)
{
	size_t had = 0;
	void *fresh = take(ALIGN, size);

	if (old)
		memcpy(&had, (unsigned char *)old - sizeof(size_t), sizeof(size_t));
	if (fresh && old)
		memcpy(fresh, old, had < size ? had : size);
	return fresh;
}

void *aligned_alloc(size_t align, size_t size)
{
	return take(align < ALIGN ? ALIGN : align, size);
}

void *memalign(size_t align, size_t size)
{
	return aligned_alloc(align, size);
}

int posix_memalign(void **out, size_t align, size_t size)
{
	*out = aligned_alloc(align, size);
	return *out ? 0 : ENOMEM;
}

void free(void *old)
{
	(void)old;
}
