/* What Python computed, for lpd_test.c. */
#ifndef LPD_VECTORS_H
#define LPD_VECTORS_H

#include "lpd.h"

/* Some cells of an output, and the plates in it; the other cells have no plate. */
typedef struct {
    const uint16_t *cells;
    const lpd_value *values; /* LPD_VALUES of each of these cells */
    int cell_count;
    const lpd_plate *plates;
    int plate_count;
} lpd_plate_vector;

extern const lpd_plate_vector lpd_plate_vectors[];
extern const int lpd_plate_vector_count;

#endif
