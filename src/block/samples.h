/* Rows of samples: differences added up, bytes put back into values, samples taken apart. */
#ifndef FN_BLOCK_SAMPLES_H
#define FN_BLOCK_SAMPLES_H

#include <stddef.h>

/* All for samples of `size` bytes: 1, 2, 4 or 8. */

/* One sample of each of n pixels of `samples` samples each; `from` points at the first. */
void fn_take_sample(void *to, const void *from, size_t n, size_t samples, size_t size);

/* The same, where each sample is stored as what it has more than the one of the pixel before, beyond the largest value
 * from zero again. */
void fn_add_up(void *to, const void *from, size_t n, size_t samples, size_t size);

/* Floating point numbers of TIFF's predictor 3. n: of the row, all samples of its pixels. `bytes`, n x size of them,
 * are changed. */
void fn_add_up_bytes(void *to, void *bytes, size_t n, size_t samples, size_t size);

#endif
