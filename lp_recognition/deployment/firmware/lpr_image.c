/* A picture to the network's input, in integers, rounded where and as the desk rounds. */
#include "lpr.h"

/* One channel of one pixel as the network sees it: gray is what ITU-R BT.601 says, in 15 bits. */
static uint32_t sample(const uint8_t *pixel, int channels, int channel)
{
    if (channels == 1) {
        return pixel[0];
    }
#if LPR_GRAY
    (void)channel;
    return (3735u * pixel[0] + 19235u * pixel[1] + 9798u * pixel[2] + 16384u) >> 15;
#else
    return pixel[channel];
#endif
}

/* A quotient rounded to the nearest, halves to even, as OpenCV rounds. */
static uint64_t rounded(uint64_t numerator, uint64_t denominator)
{
    const uint64_t quotient = numerator / denominator, twice = 2 * (numerator % denominator);

    return quotient + (twice > denominator || (twice == denominator && (quotient & 1u)));
}

/* Pixels to resize. */
typedef struct {
    const uint8_t *pixels;
    int height;
    int width;
    int channels;
    size_t row_bytes;
} picture;

/* What a picture is resized to. */
typedef struct {
    uint32_t height;
    uint32_t width;
} size;

/* The mean over the area that an output pixel covers; lengths are in 1/to.width and 1/to.height of a source pixel. */
static uint32_t area(picture from, size to, int y, int x, int c)
{
    const uint32_t height = (uint32_t)from.height, width = (uint32_t)from.width;
    const uint32_t top = (uint32_t)y * height, bottom = top + height;
    const uint32_t left = (uint32_t)x * width, right = left + width;
    const uint64_t whole = (uint64_t)height * width;
    uint64_t sum = 0;

    for (uint32_t row = top / to.height; row * to.height < bottom; row++) {
        const uint32_t begin = row * to.height > top ? row * to.height : top;
        const uint32_t end = (row + 1) * to.height < bottom ? (row + 1) * to.height : bottom;
        const uint8_t *line = from.pixels + row * from.row_bytes;
        uint32_t row_sum = 0;

        for (uint32_t column = left / to.width; column * to.width < right; column++) {
            const uint32_t first = column * to.width > left ? column * to.width : left;
            const uint32_t last = (column + 1) * to.width < right ? (column + 1) * to.width : right;

            row_sum += (last - first) * sample(line + column * (uint32_t)from.channels, from.channels, c);
        }
        sum += (uint64_t)(end - begin) * row_sum;
    }
    return (uint32_t)((sum + whole / 2) / whole);
}

/* Between which two source pixels an output pixel's centre lies, and the weights of both, of 2048. */
typedef struct {
    uint32_t first;
    uint32_t second;
    uint32_t weight_first;
    uint32_t weight_second;
} place;

/*
 * OpenCV computes the place as a 32-bit float, and its weights from that: so it is rounded to 24 bits here. Beyond the
 * image its edge goes on.
 */
static place place_of(int number, int in, int out)
{
    const int64_t position = (2 * (int64_t)number + 1) * in - out; /* in 1/(2 * out) */
    const uint64_t unit = 2 * (uint64_t)out;
    place found;
    uint64_t fraction; /* of 2^bits */
    int bits = 24;

    if (position < 0) {
        found.first = found.second = 0;
        fraction = rounded((uint64_t)(position + (int64_t)unit) << bits, unit);
    } else {
        const uint64_t whole = (uint64_t)position / unit;

        if (whole == 0) {
            while (position != 0 && ((uint64_t)position << (bits - 23)) < unit) { /* as many more as it has zeros */
                bits++;
            }
        } else {
            bits = 23;
            while ((whole >> (24 - bits)) != 0) {
                bits--;
            }
        }
        fraction = rounded((uint64_t)position << bits, unit) - (whole << bits);
        found.first = (uint32_t)whole;
        found.second = found.first + 1;
    }
    if (found.first >= (uint32_t)in) {
        found.first = (uint32_t)in - 1;
    }
    if (found.second >= (uint32_t)in) {
        found.second = (uint32_t)in - 1;
    }
    found.weight_second = (uint32_t)rounded(fraction, UINT64_C(1) << (bits - 11));
    found.weight_first = (uint32_t)rounded((UINT64_C(1) << bits) - fraction, UINT64_C(1) << (bits - 11));
    return found;
}

static uint32_t linear(picture from, size to, int y, int x, int c)
{
    const place down = place_of(y, from.height, (int)to.height), across = place_of(x, from.width, (int)to.width);
    const uint8_t *upper = from.pixels + down.first * from.row_bytes, *lower = from.pixels + down.second * from.row_bytes;
    const size_t left = (size_t)across.first * (size_t)from.channels;
    const size_t right = (size_t)across.second * (size_t)from.channels;
    uint32_t above, below;

    if (left == right) { /* at the edges */
        above = 2048 * sample(upper + left, from.channels, c);
        below = 2048 * sample(lower + left, from.channels, c);
    } else {
        above = across.weight_first * sample(upper + left, from.channels, c)
            + across.weight_second * sample(upper + right, from.channels, c);
        below = across.weight_first * sample(lower + left, from.channels, c)
            + across.weight_second * sample(lower + right, from.channels, c);
    }
    return (((down.weight_first * (above >> 4)) >> 16) + ((down.weight_second * (below >> 4)) >> 16) + 2) >> 2;
}

/* The part of the input that a picture fills: all of it, or what its own proportions leave of it. */
static size fitted(int height, int width)
{
    size found = {LPR_HEIGHT, LPR_WIDTH};

#if LPR_LETTERBOX
    const uint64_t high = (uint64_t)height * LPR_WIDTH, wide = (uint64_t)width * LPR_HEIGHT;

    if (wide < high) {
        found.width = (uint32_t)rounded(wide, (uint64_t)height);
    } else {
        found.height = (uint32_t)rounded(high, (uint64_t)width);
    }
    found.width = found.width > 0 ? found.width : 1;
    found.height = found.height > 0 ? found.height : 1;
#else
    (void)height;
    (void)width;
#endif
    return found;
}

int lpr_prepare(const uint8_t *pixels, int height, int width, int channels, size_t row_bytes, lpr_value *input)
{
    const picture from = {pixels, height, width, channels, row_bytes};
    size to;
    int shrinks;

    /* Larger images would overflow 32 bits on the way. */
    if (pixels == NULL || height < 1 || width < 1 || height > 8192 || width > 8192 || (channels != 1 && channels != 3)) {
        return -1;
    }
    to = fitted(height, width);
    shrinks = (uint32_t)height >= to.height && (uint32_t)width >= to.width;
    for (int y = 0; y < LPR_HEIGHT; y++) {
        for (int x = 0; x < LPR_WIDTH; x++) {
            const int inside = (uint32_t)y < to.height && (uint32_t)x < to.width;

            for (int c = 0; c < LPR_CHANNELS; c++) {
                const uint32_t pixel = !inside ? 128
                                     : shrinks ? area(from, to, y, x, c)
                                               : linear(from, to, y, x, c);
                *input++ = lpr_pixel_values[pixel];
            }
        }
    }
    return 0;
}

#if LPR_LETTERBOX
/* A length of the input in the picture; halves to even, and lengths below zero as above. */
static int32_t stretched(int32_t length, uint64_t whole, uint64_t part)
{
    const uint64_t found = rounded((uint64_t)(length < 0 ? -(int64_t)length : length) * whole, part);

    return length < 0 ? -(int32_t)found : (int32_t)found;
}

void lpr_to_picture(lpr_plate *plate, int height, int width)
{
    const size part = fitted(height, width);

    for (int i = 0; i < 4; i++) {
        plate->corners[i][0] = stretched(plate->corners[i][0], (uint64_t)width, part.width);
        plate->corners[i][1] = stretched(plate->corners[i][1], (uint64_t)height, part.height);
    }
}
#endif
