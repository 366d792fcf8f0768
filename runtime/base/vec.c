/* The one growth rule of all arrays. */
#include "runtime/base/vec.h"

int vec_grow(void **at, size_t *cap, size_t need, size_t element_bytes)
{
	size_t wanted = *cap ? *cap : 8;
	void *grown;

	if (need <= *cap)
		return 0;
	if (need > VEC_MAX)
		return -E2BIG;
	while (wanted < need)
		wanted *= 2;
	grown = reallocarray(*at, wanted, element_bytes);
	if (!grown)
		return -ENOMEM;
	*at = grown;
	*cap = wanted;
	return 0;
}
