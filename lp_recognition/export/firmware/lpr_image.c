/* A crop to the network's input, in integers: every output pixel is a quotient that is rounded once. */
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

/* The mean over the area that an output pixel covers: lengths are in 1/LPR_WIDTH and 1/LPR_HEIGHT of a source pixel. */
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

/* Where an output pixel's centre lies between two source pixels: the first, and 1/(2 * out) parts towards the next. */
static uint32_t centre(int place, int in, uint32_t out, uint32_t *part)
{
    const int64_t position = (2 * (int64_t)place + 1) * in - (int64_t)out;
    uint32_t first;

    if (position < 0) {
        *part = 0;
        return 0;
    }
    first = (uint32_t)(position / (2 * (int64_t)out));
    *part = (uint32_t)(position % (2 * (int64_t)out));
    if (first >= (uint32_t)in - 1) {
        *part = 0;
        return (uint32_t)in - 1;
    }
    return first;
}

static uint32_t linear(const uint8_t *pixels, int height, int width, int channels, size_t row_bytes, int y, int x, int c)
{
    uint32_t down, across;
    const uint32_t row = centre(y, height, LPR_HEIGHT, &down), column = centre(x, width, LPR_WIDTH, &across);
    const uint8_t *upper = pixels + row * row_bytes, *lower = down ? upper + row_bytes : upper;
    const uint32_t left = column * (uint32_t)channels, right = across ? left + (uint32_t)channels : left;
    const uint32_t above = (2 * LPR_WIDTH - across) * sample(upper + left, channels, c)
        + across * sample(upper + right, channels, c);
    const uint32_t below = (2 * LPR_WIDTH - across) * sample(lower + left, channels, c)
        + across * sample(lower + right, channels, c);
    const uint64_t sum = (uint64_t)(2 * LPR_HEIGHT - down) * above + (uint64_t)down * below;
    const uint32_t whole = 4u * LPR_HEIGHT * LPR_WIDTH;

    return (uint32_t)((sum + whole / 2) / whole);
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
