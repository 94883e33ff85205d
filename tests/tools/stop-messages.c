/* What the helper tells a person for every reason, policy and way back; and what a line becomes by its advice.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * stop-messages: each message behind a line "== REASON POLICY WAY LINE".
 * stop-messages advice: for each line "MODE VENDOR LINE" of standard input what to add, what to take out, and the mode
 * of the line then.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper/stop-message.h"
#include "model/cmdline-advice.h"
#include "model/cmdline-words.h"

/* Nothing to do, one word, and more than there is room for. */
static const char *const lines[] = {
	"ro quiet",
	"ro intel_iommu=off",
	"intel_iommu=off,sm_on amd_iommu=off,force_isolation iommu=soft,off,nopt iommu.passthrough=0 "
	"iommu=pt,nopt vfio.enable_unsafe_noiommu_mode=1 iommu=noforce,off,merge acpi=off iommu.strict=0 "
	"amd_iommu=fullflush vfio_iommu_type1.allow_unsafe_interrupts=1 "
	"iommufd.allow_unsafe_interrupts=1",
};

static const char *const sentences[] = {
	"a short sentence",
	"a sentence that nobody could call a short one, as it goes on and on with what was seen on this machine, such "
	"as group 17 (0000:00:1f.0 0000:00:1f.2), and it ends here",
};

static void print(enum reason reason, enum policy policy, enum way_back way, unsigned line, unsigned variant)
{
	static const char *const ways[] = { "unknown", "menu", "locked-menu", "entry" };
	static struct facts f;
	static struct judgement j;
	struct decision d = { .stop = true, .policy = policy, .delay = policy == POLICY_HALT ? 0 : 300 };
	char text[STOP_MESSAGE_MAX];

	f = (struct facts){ .phase = PHASE_EARLY, .image.way_back = way };
	f.target.mode = variant & 1 ? MODE_OFF_FOR_VFIO : MODE_STRICT;
	f.target.on_mismatch = policy;
	f.target.flush = FLUSH_SYNC;
	f.target.allow_override = variant & 2;
	f.target_status = reason == TARGET_MISSING ? -ENOENT : reason == TARGET_INVALID ? -EINVAL : 0;
	f.evidence.effective = variant & 1 ? MODE_OFF_FOR_UIO : MODE_PT;
	f.evidence.params.state[PARAM_TYPE1].value = f.evidence.params.state[PARAM_IOMMUFD].value = 1;
	snprintf(f.evidence.cmdline, sizeof(f.evidence.cmdline), "%s", lines[line]);
	cmdline_read(lines[line], VENDOR_UNKNOWN, 0, &f.line);
	j = (struct judgement){ .verdict = reason == TARGET_MISSING ? VERDICT_NO_TARGET : VERDICT_MISMATCH };
	j.reasons.count = 1;
	j.reasons.list[0].reason = reason;
	snprintf(j.reasons.list[0].message, sizeof(j.reasons.list[0].message), "%s", sentences[variant & 1]);
	snprintf(j.reasons.list[0].hint, sizeof(j.reasons.list[0].hint), "%s", reason_hint(reason));
	stop_message(&f, &j, &d, text);
	printf("== %s %s %s %u %s%s\n%s", reason_code(reason), policy_name(policy), ways[way], line,
	       variant & 1 ? "long" : "short", variant & 2 ? " override" : "", text);
}

/* Whether the list has that word. */
static int listed(const char *list, const char *word)
{
	char other[256];

	while (cmdline_word(&list, other, sizeof(other)))
		if (strcmp(other, word) == 0)
			return 1;
	return 0;
}

static int advise(const char *mode, const char *vendor, const char *line)
{
	struct cmdline_wish wish = { .vendor = vendor[0] == 'i' ? VENDOR_INTEL : VENDOR_AMD };
	struct cmdline_advice advice;
	char word[256], result[CMDLINE_MAX] = "";
	const char *rest = line;

	if (!mode_parse(mode, &wish.mode))
		return 1;
	cmdline_advise(line, &wish, &advice);
	while (cmdline_word(&rest, word, sizeof(word))) {
		if (strcmp(word, "--") == 0)
			break;
		if (!listed(advice.take_out, word))
			snprintf(result + strlen(result), sizeof(result) - strlen(result), "%s ", word);
	}
	snprintf(result + strlen(result), sizeof(result) - strlen(result), "%s", advice.add);
	printf("%s|%s|%s\n", advice.add, advice.take_out, mode_name(cmdline_mode(result, wish.vendor, 0)));
	return advice.cut;
}

int main(int argc, char **argv)
{
	char mode[32], vendor[16], line[1024];

	if (argc == 2 && strcmp(argv[1], "advice") == 0) {
		while (scanf("%31s %15s %1023[^\n]", mode, vendor, line) == 3)
			if (advise(mode, vendor, line) != 0)
				return 1;
		return 0;
	}
	for (int reason = 0; reason < VIRTIO_IOMMU; reason++)
		for (int policy = POLICY_HALT; policy <= POLICY_REBOOT; policy++)
			for (int way = WAY_UNKNOWN; way <= WAY_ENTRY; way++)
				for (unsigned line = 0; line < 3; line++)
					for (unsigned variant = 0; variant < 4; variant++)
						print((enum reason)reason, (enum policy)policy, (enum way_back)way,
						      line, variant);
	return 0;
}
