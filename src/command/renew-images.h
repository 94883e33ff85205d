/* Images after an upgrade of the programs, for the packages.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef RENEW_IMAGES_H
#define RENEW_IMAGES_H

#include "change/request.h"

/* Makes them anew where that is needed; see transaction_images(). Returns an exit code. */
int change_images(const struct request *request);

#endif
