/* What a signal does to a change; see interrupt.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

#include "base/run.h"
#include "system/message.h"

/* timeout(1) and a terminal that closes send one signal twice, or two, at the same time. */
enum { SECOND_AFTER_S = 1 };

#define SECOND "; a second signal ends this at once, and then 'iommu-install resume' has to finish it"

static const struct {
	const char *told;
	bool stops; /* what runs at the moment: its failure is no news then */
} stages[] = {
	[STAGE_PLAN] = { "interrupted: ending before anything is changed", false },
	[STAGE_CHANGE] = { "interrupted: stopping what runs now and putting everything back, which takes as long as "
			   "the disk takes to write it" SECOND, true },
	[STAGE_UNDO] = { "interrupted: everything is being put back already" SECOND, false },
	[STAGE_SEAL] = { "interrupted: the change is made and stays; stopping what runs now, which 'iommu-install "
			 "resume' finishes", true },
	[STAGE_DONE] = { "interrupted: the change is made and stays", false },
};

static volatile sig_atomic_t came, stage_now;
static struct timespec first;

static void end_now(int number)
{
	fail_because(stage_now == STAGE_CHANGE || stage_now == STAGE_UNDO || stage_now == STAGE_SEAL ?
		     "ended in the middle of it: run 'iommu-install resume'" : "ended", false);
	run_stop(SIGKILL);
	signal(number, SIG_DFL);
	raise(number); /* which comes when this handler returns */
}

static void note_signal(int number)
{
	int kept = errno;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!came) {
		came = number;
		first = now;
		fail_because(stages[stage_now].told, stages[stage_now].stops);
		if (stages[stage_now].stops)
			run_stop(number == SIGINT ? SIGINT : SIGTERM);
	} else if (number != SIGHUP && now.tv_sec - first.tv_sec > SECOND_AFTER_S) {
		end_now(number);
	}
	errno = kept;
}

static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };

static void all_of_them(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(set, numbers[i]);
}

void interrupt_listen(void)
{
	struct sigaction note = { .sa_handler = note_signal, .sa_flags = SA_RESTART };
	const struct sigaction ignore = { .sa_handler = SIG_IGN };

	all_of_them(&note.sa_mask);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &note, NULL);
	sigaction(SIGPIPE, &ignore, NULL); /* a reader that has gone stops nothing */
	run_apart();
}

bool interrupted(void)
{
	return came;
}

void interrupt_stage(enum change_stage stage)
{
	stage_now = stage;
	if (stages[stage].stops)
		return;
	run_anew();
	fail_again();
}

bool interrupt_stage_unless(enum change_stage stage)
{
	sigset_t all, before;

	all_of_them(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	bool entered = !came;
	if (entered)
		interrupt_stage(stage);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return entered;
}
