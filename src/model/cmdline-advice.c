/* What to change on a kernel command line by hand; see cmdline-advice.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "model/cmdline-advice.h"

#include <stdio.h>
#include <string.h>

#include "model/cmdline-words.h"
#include "model/kernel-parameters.h"

#define BIT(effect) (1ull << (effect))
_Static_assert(EFFECTS <= 64, "an effect has its bit");
#define KEPT_OFF (BIT(EFFECT_OFF) | BIT(EFFECT_OFF_STICKY) | BIT(EFFECT_SWIOTLB) | BIT(EFFECT_NO_ACPI))

/* What stands against each mode. */
static const unsigned long long contrary[MODES_WANTED] = {
	[MODE_OFF_FOR_UIO] = BIT(EFFECT_ON) | BIT(EFFECT_NOIOMMU),
	[MODE_OFF_FOR_VFIO] = BIT(EFFECT_ON) | BIT(EFFECT_NO_NOIOMMU),
	[MODE_STRICT] = KEPT_OFF | BIT(EFFECT_PT) | BIT(EFFECT_NOIOMMU),
	[MODE_PT] = KEPT_OFF | BIT(EFFECT_NOPT) | BIT(EFFECT_NOIOMMU),
};

struct search {
	const struct cmdline_wish *wish;
	struct cmdline_advice *advice;
	unsigned long long seen; /* BIT() of each effect that stays on the line */
	unsigned besides;   /* bit i: the word i of the wish's besides is there */
	char word[256];     /* the one whose items are looked at */
	bool bad;           /* some of them are contrary */
	char rest[256];     /* the others */
};

/* Appends a word to a list that does not have it yet. */
static void append(struct cmdline_advice *advice, char list[256], const char *word, char separator)
{
	size_t len = strlen(list), n = strlen(word);

	for (const char *p = list; separator == ' ' && (p = strstr(p, word)); p += n)
		if ((p == list || p[-1] == ' ') && (p[n] == ' ' || !p[n]))
			return;
	if (len + n + 2 > sizeof(advice->add)) {
		advice->cut = true;
		return;
	}
	if (len)
		list[len++] = separator;
	memcpy(list + len, word, n + 1);
}

static void finish_word(struct search *s)
{
	char left[sizeof(s->word) + sizeof(s->rest)];

	if (s->bad) {
		append(s->advice, s->advice->take_out, s->word, ' ');
		snprintf(left, sizeof(left), "%.*s=%s", (int)strcspn(s->word, "="), s->word, s->rest);
		if (s->rest[0])
			append(s->advice, s->advice->add, left, ' ');
	}
	s->word[0] = s->rest[0] = '\0';
	s->bad = false;
}

/* Whether the word says something else than one of those wished for besides. */
static bool against_besides(struct search *s, const struct mention *m)
{
	const struct kernel_parameter *p = kernel_parameter_find(m->word);

	for (unsigned i = 0; p && s->wish->besides && s->wish->besides[i]; i++) {
		const char *other = s->wish->besides[i];
		const struct kernel_parameter *q = kernel_parameter_find(other);
		if (q == p && p->reader != READ_LIST) {
			bool same = strcmp(strchr(other, '=') + 1, m->item) == 0;
			s->besides |= same ? 1u << i : 0;
			return !same;
		}
		/* Older words for the flush policy. */
		if (q && q->reader == READ_FLUSH && p->reader == READ_LIST &&
		    parameter_is_ours(p, m->item, true) && !parameter_is_ours(p, m->item, false))
			return true;
	}
	return false;
}

static void look(void *context, const struct mention *m)
{
	struct search *s = context;

	/* What the kernel does not take for a parameter is nothing to take out, and no item of its word. */
	if (m->effect == EFFECT_INIT || m->effect == EFFECT_FOREIGN || m->miss != MISS_NOT)
		return;
	if (strncmp(m->word, s->word, sizeof(s->word) - 1) != 0) {
		finish_word(s);
		snprintf(s->word, sizeof(s->word), "%s", m->word);
	}
	if (against_besides(s, m) || contrary[s->wish->mode] & BIT(m->effect)) {
		s->bad = true;
		return;
	}
	s->seen |= BIT(m->effect);
	append(s->advice, s->rest, m->item, ',');
}

static void note_effect(void *context, const struct mention *m)
{
	*(enum effect *)context = m->effect;
}

/* A word is not needed where what it does is done, it is another vendor's, or no kernel knows it. */
static void add_word(struct search *s, const char *word)
{
	enum effect effect = EFFECT_FOREIGN;

	cmdline_walk(word, s->wish->vendor, s->wish->kernel, note_effect, &effect);
	if (effect != EFFECT_FOREIGN && effect != EFFECT_WISH_ON && !(s->seen & BIT(effect)))
		append(s->advice, s->advice->add, word, ' ');
}

void cmdline_advise(const char *line, const struct cmdline_wish *wish, struct cmdline_advice *advice)
{
	struct search s = { .wish = wish, .advice = advice };
	const char *words = mode_tokens(wish->mode);
	char word[64];

	*advice = (struct cmdline_advice){ 0 };
	cmdline_walk(line, wish->vendor, wish->kernel, look, &s);
	finish_word(&s);
	while (cmdline_word(&words, word, sizeof(word)))
		add_word(&s, word);
	for (unsigned i = 0; wish->besides && wish->besides[i]; i++)
		if (kernel_parameter_find(wish->besides[i])->reader == READ_LIST)
			add_word(&s, wish->besides[i]);
		else if (!(s.besides & 1u << i))
			append(advice, advice->add, wish->besides[i], ' ');
}
