/* Images made anew after an upgrade of the programs, by the target that is there.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef RENEW_H
#define RENEW_H

#include "change/transaction.h"

/* After an upgrade of the programs: makes anew, by the target there is, each image that holds another helper than the
 * one installed. One that can't be made stays as it was, and ends it. Uses kernels, generator, backend (which may be
 * NULL unless loader is true), no journal. Returns an exit code, having said what happened. */
int transaction_images(struct transaction *transaction);

#endif
