/* What somebody else does to the files of a change, between the plan and the write, or while it is cut short.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Nothing is written over a text that this change has neither read nor written. What has become of such a file is
 * planned again from what is there; where that can't be done the change is undone, and the file stays as it is.
 */
#ifndef OTHERS_H
#define OTHERS_H

#include "change/transaction.h"

/* Follows entries that have another name since: a boot that counts its tries renames them (x+3.conf, x+2-1.conf).
 * Returns whether there was one. */
bool others_follow(struct edits *edits);

/* Plans every file again that somebody else has changed, added or taken away, and writes down what it is to be, and
 * what a rollback brings back: the edit with nothing of ours in it. A file that went with its kernel goes from the
 * change. Returns 0; 1 if one of them can't be planned again, which transaction->other names then; or -1 with one line
 * told. */
int others_take_in(struct transaction *transaction);

/* Puts the target back that was there before the change, with what somebody has changed in it since. Returns 0; 1 if it
 * can't be told what that is, and it stays as it is; or -1 with one line told. */
int others_put_back_target(const struct edits *edits, size_t number);

/* Whether the file of the edit of that number is somebody else's by now; it can't be told of one that can't be read. */
bool others_hold(const struct edits *edits, size_t number);

#endif
