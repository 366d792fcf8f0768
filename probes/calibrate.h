/* What one probe hit costs, measured here and now on this process itself. */
#ifndef GILSCOPE_PROBES_CALIBRATE_H
#define GILSCOPE_PROBES_CALIBRATE_H

#include <stdbool.h>
#include <stdint.h>

struct recorder;

struct calibration {
	int64_t probe_ns;           /* of one hit to the thread that runs into it */
	int64_t hold_correction_ns; /* by how much a hold appears longer than it was */
};

/* Before any target is added: it uses the same programs and maps and leaves them empty. 0, or a
 * negative errno where it cannot be done (then the costs are unknown, not 0). */
int calibrate(struct recorder *recorder, bool is_exact, struct calibration *ret_calibration);

#endif
