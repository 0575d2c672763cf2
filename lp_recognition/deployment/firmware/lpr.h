/*
 * License plates on a microcontroller: a crop to the network's input, the network's output to text.
 *
 * C99, no dependencies, no heap, no floating point. What runs the network in between (TFLite-Micro, or what NNTool
 * makes for GAP8) is yours: see README.md.
 */
#ifndef LPR_H
#define LPR_H

#include <stddef.h>
#include <stdint.h>

#include "lpr_config.h"

#if LPR_SIGNED
typedef int8_t lpr_value; /* a number of the network's input or output */
#else
typedef uint8_t lpr_value;
#endif

/* A probability of 1. */
#define LPR_ONE 32768u

/* A text is never longer than the output has time steps. */
#define LPR_MAX_LENGTH LPR_STEPS

typedef struct {
    uint16_t length;                      /* symbols that were read */
    uint16_t symbols[LPR_MAX_LENGTH];     /* their places in lpr_alphabet */
    uint16_t confidences[LPR_MAX_LENGTH]; /* how sure each is, of LPR_ONE */
    uint16_t confidence;                  /* how sure the whole text is, of LPR_ONE */
} lpr_reading;

/* The symbols of the classes, UTF-8; the blank, class LPR_BLANK, has none. */
extern const char *const lpr_alphabet[LPR_CLASSES - 1];

/* What the network takes for each pixel value: range and zero point of its input. */
extern const lpr_value lpr_pixel_values[256];

/* exp(-d * scale of the output) * 2^24, for differences d of two outputs. */
extern const uint32_t lpr_exponentials[256];

/* The .tflite. */
extern const unsigned char lpr_model[];
extern const size_t lpr_model_size;

/*
 * Turns a crop of a plate into the network's input: gray where the network wants it, resized by area where it shrinks
 * and linearly where it grows, normalized.
 *
 * pixels    rows of pixels, each 1 byte of gray or 3 bytes in the order blue, green, red
 * height, width, channels (1 or 3)
 * row_bytes bytes from one row to the next
 * input     LPR_HEIGHT * LPR_WIDTH * LPR_CHANNELS numbers
 *
 * Returns 0, or -1 where there is no such image.
 */
int lpr_prepare(const uint8_t *pixels, int height, int width, int channels, size_t row_bytes, lpr_value *input);

/*
 * Reads the network's output: CTC's best path (Graves et al. 2006), which drops repeats, then blanks.
 *
 * logits    LPR_STEPS * LPR_CLASSES numbers, time by time
 */
void lpr_decode(const lpr_value *logits, lpr_reading *reading);

/*
 * Writes a reading as UTF-8 with a terminating zero, as many whole symbols as fit into size bytes.
 *
 * Returns the bytes of the whole text, without the zero: less than size where it fitted.
 */
size_t lpr_text(const lpr_reading *reading, char *text, size_t size);

#endif
