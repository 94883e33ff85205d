/* Attaches a vfio group to a container, as every user of its device has to, and tells how that went.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * usage: vfio-open GROUP      (its name in /dev/vfio: 7, or noiommu-0)
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

static int failed(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	char path[64];

	if (argc != 2)
		return 2;
	int container = open("/dev/vfio/vfio", O_RDWR);
	if (container < 0)
		return failed("/dev/vfio/vfio");
	snprintf(path, sizeof(path), "/dev/vfio/%s", argv[1]);
	int group = open(path, O_RDWR);
	if (group < 0)
		return failed(path);
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) < 0)
		return failed("VFIO_GROUP_SET_CONTAINER");
	/* Here the kernel asks whether the group's devices can be kept from forging interrupts. */
	if (ioctl(container, VFIO_SET_IOMMU,
		  strncmp(argv[1], "noiommu", 7) ? VFIO_TYPE1_IOMMU : VFIO_NOIOMMU_IOMMU) < 0)
		return failed("VFIO_SET_IOMMU");
	puts("ok");
	return 0;
}
