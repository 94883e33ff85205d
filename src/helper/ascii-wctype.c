/* The helper's wide character classes: ASCII's, so that musl's 12 KiB of Unicode tables stay out of it.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Their one user is the fnmatch(3) by which libkmod matches module names; those are ASCII, and no name has a class such
 * as [:alpha:].
 */
#include <wctype.h>

#ifndef __GLIBC__ /* wctype.h told */

wint_t towlower(wint_t c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

wint_t towupper(wint_t c)
{
	return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
}

wctype_t wctype(const char *name)
{
	(void)name;
	return 0;
}

int iswctype(wint_t c, wctype_t type)
{
	(void)c;
	(void)type;
	return 0;
}
#endif
