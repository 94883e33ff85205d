/* Messages for systemd's journal; see systemd-journal.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The protocol is systemd.io/JOURNAL_NATIVE_PROTOCOL: one datagram of FIELD=value lines.
 */
#include "helper/systemd-journal.h"
#include "model/reason.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int journald_send(int priority, const char *message, const struct facts *f, const struct judgement *j)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket" };
	char text[2048];

	int len =
		snprintf(text, sizeof(text),
			 "MESSAGE=%s\nMESSAGE_ID=" JOURNAL_MESSAGE_ID "\nPRIORITY=%d\nSYSLOG_IDENTIFIER=iommu-verify\n"
			 "IOMMU_VERDICT=%s\nIOMMU_TARGET=%s\nIOMMU_EFFECTIVE=%s\n",
			 message, priority, verdict_name(j->verdict),
			 f->target_status == 0 ? mode_name(f->target.mode) : "", mode_name(f->evidence.effective));
	for (unsigned i = 0; i < j->reasons.count && len < (int)sizeof(text); i++)
		len += snprintf(text + len, sizeof(text) - (size_t)len, "IOMMU_REASON=%s\n",
				reason_code(j->reasons.list[i].reason));
	if (len >= (int)sizeof(text))
		return -EMSGSIZE;

	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int r = sendto(fd, text, (size_t)len, MSG_NOSIGNAL, (const struct sockaddr *)&address, sizeof(address)) < 0
			? -errno
			: 0;
	close(fd);
	return r;
}
