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

/* Byte i of a picture, and what the input for it adds up to: sum * 31 + a byte, byte by byte, from 0. */
#define LPD_TEST_BYTE(i) ((uint8_t)(((uint32_t)(i) * 2654435761u) >> 24))
#define LPD_TEST_HEIGHT (LPD_HEIGHT + 16)
#define LPD_TEST_WIDTH (LPD_WIDTH + 32)

typedef struct {
    int height; /* at most LPD_TEST_HEIGHT */
    int width;
    int channels;
    uint32_t input_sum;
} lpd_image_vector;

extern const lpd_plate_vector lpd_plate_vectors[];
extern const int lpd_plate_vector_count;
extern const lpd_image_vector lpd_image_vectors[];
extern const int lpd_image_vector_count;

#endif
