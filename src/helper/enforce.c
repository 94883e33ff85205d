/* What --enforce does with a verdict; see enforce.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "helper/enforce.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/paths.h"
#include "helper/consoles.h"
#include "helper/last-stop.h"
#include "helper/stop-message.h"
#include "helper/systemd-journal.h"
#include "helper/systemd.h"
#include "model/reason.h"
#include "verdict/report.h"

/* Kernel log levels (include/linux/kern_levels.h). "quiet" shows what is below 4. */
enum { LEVEL_ERR = 3, LEVEL_WARNING = 4, LEVEL_INFO = 6 };

#define PRINTK "/proc/sys/kernel/printk" /* begins with console_loglevel */
#define SYSRQ "/proc/sys/kernel/sysrq"   /* which keys are obeyed (Documentation/admin-guide/sysrq.rst) */

struct log {
	int kmsg;
	bool shown; /* what is wrong reaches the consoles without us */
};

/* A log that fails must not keep us from what comes after it. */
static void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return;
	write_some(fd, text, strlen(text));
	close(fd);
}

/* console_loglevel above err, and /dev/kmsg not switched off by printk.devkmsg=off? */
static bool kernel_shows_errors(void)
{
	const struct root live = { .fd = AT_FDCWD, .live = true };
	char text[64];

	if (root_read_line(&live, "/proc/sys/kernel/printk_devkmsg", text, sizeof(text)) > 0 &&
	    strcmp(text, "off") == 0)
		return false;
	return root_read_line(&live, PRINTK, text, sizeof(text)) > 0 &&
	       strtol(text, NULL, 10) > LEVEL_ERR;
}

static struct log log_open(void)
{
	struct log log = { .kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY) };

	log.shown = log.kmsg >= 0 && kernel_shows_errors();
	return log;
}

/* Of a stop the consoles are told by stop_message() alone: the kernel keeps quiet there from then on, but for its own
 * last words, so that nothing scrolls that away. Nor do their keys end what tells it and waits (sysrq's SAK, kill):
 * those that restart the machine are left. */
static void own_consoles(struct log *log)
{
	put_file(SYSRQ, "128");
	if (consoles_all_have_terminals())
		put_file(PRINTK, "1");
	log->shown = true;
}

static __attribute__((format(printf, 3, 4))) void log_line(const struct log *log, int level, const char *format, ...)
{
	char text[640], line[sizeof(text) + 32];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* One write is one record; a control character would be escaped, a newline would start another record. */
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';

	int len = snprintf(line, sizeof(line), "<%d>iommu-verify: %s\n", level, text);
	if (log->kmsg >= 0)
		write_some(log->kmsg, line, (size_t)len);
	if (level > LEVEL_ERR)
		return;
	if (!log->shown)
		consoles_write(line + 3);
	put_file("/dev/pmsg0", line + 3);
}

static void log_findings(const struct log *log, int level, const struct findings *findings)
{
	/* The kernel takes ten messages in five seconds from one writer (printk.devkmsg=ratelimit). */
	for (unsigned i = 0; i < findings->count && i < 3; i++) {
		const struct finding *finding = &findings->list[i];
		log_line(log, level, "%s: %s. What to do: %s", reason_code(finding->reason), finding->message,
			 finding->hint);
	}
}

static bool fine(const struct judgement *j, const struct decision *d)
{
	return j->verdict == VERDICT_MATCH || (j->verdict == VERDICT_NO_TARGET && d->policy == POLICY_WARN);
}

static const char *target_word(const struct facts *f)
{
	return f->target_status == 0 ? mode_name(f->target.mode) : f->target_status == -ENOENT ? "none" : "invalid";
}

static void log_verdict(const struct log *log, const struct facts *f, const struct judgement *j,
			const struct decision *d)
{
	const char *target = target_word(f);
	int level = fine(j, d) ? LEVEL_INFO : LEVEL_ERR;
	char effective[256];

	report_effective(f, effective, sizeof(effective));
	if (f->phase == PHASE_LATE) {
		char message[400];
		snprintf(message, sizeof(message), "%s: target %s, effective %s", verdict_name(j->verdict), target,
			 effective);
		journald_send(level, message, f,
			      j); /* where there is none, the kernel log is read by whatever there is */
	}
	log_line(log, level, "%s: target %s, effective %s", verdict_name(j->verdict), target, effective);
	log_findings(log, level, &j->reasons);
	log_findings(log, LEVEL_WARNING, &j->notes);
	if (d->override_ignored)
		log_line(log, LEVEL_WARNING,
			 "rd.iommu.verify=warn ignored: the target does not say allow-override=yes");
}

/* Why what is wrong stops nothing. */
static void log_going_on(const struct log *log, const struct facts *f, const struct judgement *j,
			 const struct decision *d)
{
	int level = LEVEL_ERR;

	if (fine(j, d))
		return;
	if (f->evidence.platform.kdump)
		log_line(log, level, "going on: this is a kdump kernel");
	else if (d->rescue)
		log_line(log, level, "going on: a rescue boot, or the machine goes down");
	else if (d->override)
		log_line(log, level, "going on: rd.iommu.verify=warn is on the kernel command line");
	else if (!d->give_up)
		log_line(log, level, "going on: %s=warn", d->orderly ? "on-late-mismatch" : "on-mismatch");
}

/* Opens /run/iommu, made if need be; never through a link. Returns a file descriptor or -errno. */
static int open_run_dir(void)
{
	if (mkdir(RUN_DIR, 0755) < 0 && errno != EEXIST)
		return -errno;
	int fd = open(RUN_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Writes a report to a new file. Returns 0 or -errno. */
static int write_text(int fd, const struct facts *f, const struct judgement *j, bool override, const char *early)
{
	FILE *out = fdopen(fd, "w");
	if (!out) {
		close(fd);
		return -ENOMEM;
	}
	report_json(out, f, j, override, early);
	fputs("}\n", out);
	int r = fchmod(fd, 0644) < 0 ? -errno : fflush(out) != 0 || ferror(out) ? -EIO : 0;
	return fclose(out) == 0 ? r : -EIO;
}

/* Writes dir/name by way of a temporary name. With once, a file that is there already stays. */
static int write_report(int dir, const char *name, const struct facts *f, const struct judgement *j, bool override,
			const char *early, bool once)
{
	char temporary[64];

	snprintf(temporary, sizeof(temporary), ".%s.%ld", name, (long)getpid());
	if (unlinkat(dir, temporary, 0) < 0 && errno != ENOENT)
		return -errno;
	int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	int r = write_text(fd, f, j, override, early);
	/* The first check of a boot is the one that counts. */
	if (r == 0 && once)
		r = linkat(dir, temporary, dir, name, 0) < 0 && errno != EEXIST ? -errno : 0;
	else if (r == 0)
		return renameat(dir, temporary, dir, name) < 0 ? -errno : 0;
	unlinkat(dir, temporary, 0);
	return r;
}

static void record(const struct log *log, const struct facts *f, const struct judgement *j, bool override)
{
	int dir = open_run_dir();
	int r = dir < 0 ? dir : 0;

	const char *early = verdict_name(j->verdict);

	if (f->phase == PHASE_LATE)
		early = f->early_read ? verdict_name(f->early.verdict) : "missing";
	else if (r == 0)
		r = write_report(dir, "early.json", f, j, override, NULL, true);
	if (r == 0)
		r = write_report(dir, STATUS_FILE, f, j, override, early, false);
	if (r < 0)
		log_line(log, LEVEL_ERR, "%s can't be written: %s", RUN_DIR, strerror(-r));
	if (dir >= 0)
		close(dir);
}

static const struct {
	int command;       /* for reboot(2) */
	const char *sysrq; /* for /proc/sysrq-trigger, should reboot(2) come back */
} stops[] = {
	[POLICY_HALT] = { RB_HALT_SYSTEM, "o" },
	[POLICY_POWEROFF] = { RB_POWER_OFF, "o" },
	[POLICY_REBOOT] = { RB_AUTOBOOT, "b" },
};

/* What the next boot is to find of this one, in one line. */
static void keep_for_next_boot(const struct log *log, const struct facts *f, const struct judgement *j,
			       const struct decision *d)
{
	log_line(log, LEVEL_ERR, "%s%s: target %s, effective %s: %s; %s=%s", LAST_STOP_SIGN + sizeof("iommu-verify:"),
		 verdict_name(j->verdict), target_word(f), mode_name(f->evidence.effective),
		 j->reasons.count ? reason_code(j->reasons.list[0].reason) : "no reason",
		 d->orderly ? "on-late-mismatch=same, on-mismatch" : "on-mismatch", policy_name(d->policy));
	last_stop_keep(d->policy);
}

/* What the former boot has kept: told, and left to whoever asks for it later in this one. */
static void tell_last_stop(const struct log *log)
{
	char text[LAST_STOP_MAX];

	last_stop_take(text);
	if (!text[0])
		return;
	log_line(log, LEVEL_WARNING, "the last boot was stopped: %s", text);
	int fd = open(LAST_STOP_PATH, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	write_some(fd, text, strlen(text));
	close(fd);
}

/* Stops the machine by itself: nothing else in an initramfs does so at once and for certain. */
static _Noreturn void stop(const struct log *log, const struct decision *d, bool late)
{
	char doing[STOP_COLUMNS + 1];
	sigset_t all;

	alarm(0);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	if (late)
		late_hold();

	stop_doing(d, doing);
	log_line(log, LEVEL_ERR, "%s", doing);
	if (d->orderly) {
		struct decision at_once = *d;
		late_shutdown(d->policy);
		at_once.orderly = false;
		stop_doing(&at_once, doing);
		log_line(log, LEVEL_ERR, "%s", doing);
	}
	if (d->policy != POLICY_HALT) {
		struct timespec left = { .tv_sec = d->delay };
		while (nanosleep(&left, &left) < 0 && errno == EINTR)
			;
	}
	if (late)
		sync();
	reboot(stops[d->policy].command);
	log_line(&(struct log){ log->kmsg, false }, LEVEL_ERR, "reboot(2): %s; trying sysrq", strerror(errno));
	put_file("/proc/sysrq-trigger", stops[d->policy].sysrq);
	for (;;)
		pause();
}

static void tell_person(const struct facts *f, const struct judgement *j, const struct decision *d)
{
	char text[STOP_MESSAGE_MAX];

	stop_message(f, j, d, text);
	consoles_write(text);
	/* Where the memory of the machine keeps a log over a reset (fs/pstore/pmsg.c). */
	put_file("/dev/pmsg0", text);
}

bool in_initramfs(void)
{
	struct statfs fs;

	if (statfs("/", &fs) == 0 && (fs.f_type == RAMFS_MAGIC || fs.f_type == TMPFS_MAGIC))
		return true;
	return access("/etc/initrd-release", F_OK) == 0;
}

void act(struct facts *f, const struct judgement *j, const struct decision *decision)
{
	struct decision d = *decision;
	bool late = f->phase == PHASE_LATE, first = late && !late_checked_before();
	struct log log = log_open();

	if (d.stop && !late)
		own_consoles(&log);
	log_verdict(&log, f, j, &d);
	record(&log, f, j, d.override);
	if (first)
		tell_last_stop(&log);
	/* Where the machine is in its life matters only to what would be stopped. */
	if (d.stop && late) {
		f->stage = late_stage(first);
		d = decide(f, j);
	}
	if (d.stop) {
		if (late)
			own_consoles(&log);
		tell_person(f, j, &d);
		keep_for_next_boot(&log, f, j, &d);
		stop(&log, &d, late);
	}
	log_going_on(&log, f, j, &d);
	if (log.kmsg >= 0)
		close(log.kmsg);
}
