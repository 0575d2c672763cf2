/*
 * License plates on a microcontroller: a picture to the network's input, its output to plates with four corners.
 *
 * C99, no dependencies, no heap, no floating point. What runs the network in between (TFLite-Micro, or what NNTool
 * makes for GAP8) is yours: see README.md. All names begin with lpd, those of a reader with lpr: one firmware has both.
 */
#ifndef LPD_H
#define LPD_H

#include <stddef.h>
#include <stdint.h>

#include "lpd_config.h"

#if LPD_SIGNED
typedef int8_t lpd_value; /* a number of the network's input or output */
#else
typedef uint8_t lpd_value;
#endif

/* A score of 1. */
#define LPD_ONE 32768u

/* A pixel of the network's input: coordinates are Q4, in 1/16 pixel. */
#define LPD_PIXEL 16

/* What the network says of a cell: the score, and x and y of four corners. */
#define LPD_VALUES 9

typedef struct {
    int32_t corners[4][2]; /* x, y of left-up, right-up, right-bottom, left-bottom, from the outer corner of pixel 0 */
    uint16_t score;        /* how sure the network is, of LPD_ONE */
} lpd_plate;

/* Cells lie over the picture with one every so many pixels; they are counted row by row, one grid after another. */
typedef struct {
    uint16_t cells;
    uint16_t columns;
    uint16_t stride;
} lpd_grid;

extern const lpd_grid lpd_grids[LPD_GRIDS];

/* How far a corner is from the middle of its cell, for each number of the output from the lowest on, of each grid. */
extern const int16_t lpd_offsets[LPD_GRIDS][256];

/* The score of each number of the output from the lowest on, of LPD_ONE; never 0. */
extern const uint16_t lpd_scores[256];

/* What the network takes for each pixel value: range and zero point of its input. */
extern const lpd_value lpd_pixel_values[256];

/* The .tflite. */
extern const unsigned char lpd_model[];
extern const size_t lpd_model_size;

/*
 * Turns a picture into the network's input: gray where the network wants it, resized in its own proportions, by area
 * where it shrinks and linearly where it grows, normalized. What it leaves free, at the right or below, is gray.
 *
 * pixels    rows of pixels, each 1 byte of gray or 3 bytes in the order blue, green, red
 * height, width, channels (1 or 3)
 * row_bytes bytes from one row to the next
 * input     LPD_HEIGHT * LPD_WIDTH * LPD_CHANNELS numbers
 *
 * Returns 0, or -1 where there is no such picture: none, or one of more than 8,192 pixels a side.
 */
int lpd_prepare(const uint8_t *pixels, int height, int width, int channels, size_t row_bytes, lpd_value *input);

/*
 * Reads the network's output: cells that are sure enough, those whose boxes overlap made one plate, its corners the
 * mean of theirs by their squared scores.
 *
 * output    LPD_CELLS * LPD_VALUES numbers, cell by cell
 * plates    room for so many plates as most says
 *
 * Returns how many plates were found, the surest first; others than these are left out. Takes 2 * LPD_MOST_CELLS bytes
 * of the stack and at most 320 more.
 */
int lpd_decode(const lpd_value *output, lpd_plate *plates, int most);

/* Moves the corners of a plate, which are the input's, to the picture of that size that was prepared: 1/16 pixel there. */
void lpd_to_picture(lpd_plate *plate, int height, int width);

#endif
