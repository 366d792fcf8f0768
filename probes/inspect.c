/* pid → interpreter, lock, probe sites, and the Python stack of each thread, read from outside
 * while the process runs on. */
#include "probes/inspect.h"

#include <errno.h>
#include <string.h>

static void add_frames(struct inspection *inspection, struct inspect_thread *thread)
{
	struct pycode_frame frames[INSPECT_FRAMES_MAX];
	int count = pycode_walk(&inspection->target, &inspection->layout, thread->tstate, frames,
		INSPECT_FRAMES_MAX);

	if (count < 0)
		thread->lost_frames++;
	for (int i = 0; i < count; i++) {
		struct run_frame frame;

		if (pycode_resolve(inspection->pycode, frames[i], &frame) ||
			vec_push(&thread->frames, frame))
			thread->lost_frames++;
	}
}

static void read_thread(struct inspection *inspection, struct inspect_thread *thread)
{
	uint64_t native_id = 0;

	thread->is_holder =
		inspection->lock.locked == 1 && inspection->lock.last_holder == thread->tstate;
	if (inspection->layout.tstate_native_id != LAYOUT_ABSENT &&
		!target_read(&inspection->target,
			thread->tstate + inspection->layout.tstate_native_id, &native_id,
			sizeof(native_id)))
		thread->native_id = (int64_t)native_id;
	add_frames(inspection, thread);
}

/* Of the main interpreter. Threads come and go meanwhile: a broken chain ends the list. */
static int read_threads(struct inspection *inspection)
{
	const struct layout *layout = &inspection->layout;
	uint64_t interpreter, tstate;
	int rc = layout_main_interpreter(&inspection->target, layout, &interpreter);

	if (!rc)
		rc = target_read(&inspection->target, interpreter + layout->interp_threads_head,
			&tstate, sizeof(tstate));
	for (int i = 0; !rc && tstate && i < INSPECT_THREADS_MAX; i++) {
		struct inspect_thread thread = {.tstate = tstate};

		read_thread(inspection, &thread);
		if (vec_push(&inspection->threads, thread)) {
			vec_fini(&thread.frames);
			return -ENOMEM;
		}
		if (target_read(&inspection->target, tstate + layout->tstate_next, &tstate,
			    sizeof(tstate)))
			break;
	}
	return rc;
}

int inspect(pid_t pid, struct inspection *ret_inspection, struct err *err)
{
	struct inspection *inspection = ret_inspection;
	int rc;

	memset(inspection, 0, sizeof(*inspection));
	rc = target_open(pid, &inspection->target, err);
	if (!rc)
		rc = layout_find(&inspection->target, &inspection->layout,
			&inspection->lock_address, &inspection->how, err);
	if (!rc)
		rc = layout_lock_read(&inspection->target, &inspection->layout,
			inspection->lock_address, &inspection->lock);
	if (!rc)
		rc = pycode_new(&inspection->target, &inspection->layout, &inspection->pycode);
	if (!rc)
		rc = read_threads(inspection);
	if (!rc)
		rc = sites_find(inspection->target.image.path, &inspection->sites, err);
	return rc;
}

void inspection_fini(struct inspection *inspection)
{
	vec_each (thread, &inspection->threads)
		vec_fini(&thread->frames);
	vec_fini(&inspection->threads);
	sites_fini(&inspection->sites);
	pycode_free(inspection->pycode);
	inspection->pycode = NULL;
}
