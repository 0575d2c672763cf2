/* What Python computed, for lpr_test.c. */
#ifndef LPR_VECTORS_H
#define LPR_VECTORS_H

#include "lpr.h"

/* An image is rounded once in C, and once or twice in OpenCV. */
#define LPR_IMAGE_TOLERANCE 1

typedef struct {
    const lpr_value *logits;
    const char *text;
    int length;
    uint16_t confidence;
    const uint16_t *confidences;
} lpr_text_vector;

typedef struct {
    const uint8_t *pixels;
    int height;
    int width;
    int channels;
    const lpr_value *input;
} lpr_image_vector;

extern const lpr_text_vector lpr_text_vectors[];
extern const int lpr_text_vector_count;
extern const lpr_image_vector lpr_image_vectors[];
extern const int lpr_image_vector_count;

#endif
