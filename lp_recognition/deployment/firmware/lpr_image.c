/* A crop to the network's input, in integers, rounded where and as the desk rounds. */
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

/* The mean over the area that an output pixel covers; lengths are in 1/LPR_WIDTH and 1/LPR_HEIGHT of a source pixel. */
static uint32_t area(const uint8_t *pixels, int height, int width, int channels, size_t row_bytes, int y, int x, int c)
{
    const uint32_t top = (uint32_t)y * (uint32_t)height, bottom = top + (uint32_t)height;
    const uint32_t left = (uint32_t)x * (uint32_t)width, right = left + (uint32_t)width;
    const uint64_t whole = (uint64_t)height * (uint64_t)width;
    uint64_t sum = 0;

    for (uint32_t row = top / LPR_HEIGHT; row * LPR_HEIGHT < bottom; row++) {
        const uint32_t begin = row * LPR_HEIGHT > top ? row * LPR_HEIGHT : top;
        const uint32_t end = (row + 1) * LPR_HEIGHT < bottom ? (row + 1) * LPR_HEIGHT : bottom;
        const uint8_t *line = pixels + row * row_bytes;
        uint32_t row_sum = 0;
        for (uint32_t column = left / LPR_WIDTH; column * LPR_WIDTH < right; column++) {
            const uint32_t from = column * LPR_WIDTH > left ? column * LPR_WIDTH : left;
            const uint32_t to = (column + 1) * LPR_WIDTH < right ? (column + 1) * LPR_WIDTH : right;
            row_sum += (to - from) * sample(line + column * (uint32_t)channels, channels, c);
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

static uint32_t linear(const uint8_t *pixels, int height, int width, int channels, size_t row_bytes, int y, int x, int c)
{
    const place down = place_of(y, height, LPR_HEIGHT), across = place_of(x, width, LPR_WIDTH);
    const uint8_t *upper = pixels + down.first * row_bytes, *lower = pixels + down.second * row_bytes;
    const size_t left = (size_t)across.first * (size_t)channels, right = (size_t)across.second * (size_t)channels;
    uint32_t above, below;

    if (left == right) { /* at the edges */
        above = 2048 * sample(upper + left, channels, c);
        below = 2048 * sample(lower + left, channels, c);
    } else {
        above = across.weight_first * sample(upper + left, channels, c)
            + across.weight_second * sample(upper + right, channels, c);
        below = across.weight_first * sample(lower + left, channels, c)
            + across.weight_second * sample(lower + right, channels, c);
    }
    return (((down.weight_first * (above >> 4)) >> 16) + ((down.weight_second * (below >> 4)) >> 16) + 2) >> 2;
}

int lpr_prepare(const uint8_t *pixels, int height, int width, int channels, size_t row_bytes, lpr_value *input)
{
    const int shrinks = height >= LPR_HEIGHT && width >= LPR_WIDTH;

    /* Larger images would overflow 32 bits on the way; they are no crops of plates. */
    if (pixels == NULL || height < 1 || width < 1 || height > 8192 || width > 8192 || (channels != 1 && channels != 3)) {
        return -1;
    }
    for (int y = 0; y < LPR_HEIGHT; y++) {
        for (int x = 0; x < LPR_WIDTH; x++) {
            for (int c = 0; c < LPR_CHANNELS; c++) {
                const uint32_t pixel = shrinks ? area(pixels, height, width, channels, row_bytes, y, x, c)
                                               : linear(pixels, height, width, channels, row_bytes, y, x, c);
                *input++ = lpr_pixel_values[pixel];
            }
        }
    }
    return 0;
}
