/* The network's output to plates, in integers: thresholds on the numbers as they are, corners by a table. */
#include "lpd.h"

#define LOWEST (LPD_SIGNED ? -128 : 0)

typedef struct {
    int32_t left;
    int32_t top;
    int32_t right;
    int32_t bottom;
} box;

/* The corners that a cell speaks of, x and y in turn. */
static void corners_of(const lpd_value *output, unsigned cell, int32_t corners[8])
{
    const lpd_value *values = output + (size_t)cell * LPD_VALUES + 1;
    const lpd_grid *grid = lpd_grids;
    const int16_t *offsets = lpd_offsets[0];
    int32_t middle[2];

    while (cell >= grid->cells) {
        cell -= grid->cells;
        grid++;
        offsets += 256;
    }
    middle[0] = (int32_t)(2 * (cell % grid->columns) + 1) * grid->stride * (LPD_PIXEL / 2);
    middle[1] = (int32_t)(2 * (cell / grid->columns) + 1) * grid->stride * (LPD_PIXEL / 2);
    for (int i = 0; i < 8; i++) {
        corners[i] = middle[i & 1] + offsets[values[i] - LOWEST];
    }
}

/* The upright box around corners. */
static box box_around(const int32_t corners[8])
{
    box found = {corners[0], corners[1], corners[0], corners[1]};

    for (int i = 2; i < 8; i += 2) {
        found.left = corners[i] < found.left ? corners[i] : found.left;
        found.right = corners[i] > found.right ? corners[i] : found.right;
        found.top = corners[i + 1] < found.top ? corners[i + 1] : found.top;
        found.bottom = corners[i + 1] > found.bottom ? corners[i + 1] : found.bottom;
    }
    return found;
}

static uint64_t area(box of)
{
    if (of.right <= of.left || of.bottom <= of.top) {
        return 0;
    }
    return (uint64_t)(of.right - of.left) * (uint64_t)(of.bottom - of.top);
}

/* The area that two boxes share. */
static uint64_t shared_area(box one, box other)
{
    one.left = other.left > one.left ? other.left : one.left;
    one.top = other.top > one.top ? other.top : one.top;
    one.right = other.right < one.right ? other.right : one.right;
    one.bottom = other.bottom < one.bottom ? other.bottom : one.bottom;
    return area(one);
}

/* A quotient rounded to the nearest, halves up. */
static int32_t rounded(int64_t numerator, int64_t denominator)
{
    const int64_t twice = 2 * numerator + denominator;
    const int64_t quotient = twice / (2 * denominator);

    return (int32_t)(twice % (2 * denominator) < 0 ? quotient - 1 : quotient); /* C rounds towards zero */
}

/* The cells that are sure enough, the surest first and of equal ones the first; of too many the surest. */
static int find_cells(const lpd_value *output, uint16_t cells[LPD_MOST_CELLS])
{
    int count = 0;

    for (unsigned cell = 0; cell < LPD_CELLS; cell++) {
        const int score = output[cell * LPD_VALUES];
        int place = count;

        if (score < LPD_SCORE_THRESHOLD) {
            continue;
        }
        while (place > 0 && output[cells[place - 1] * LPD_VALUES] < score) {
            place--;
        }
        if (place == LPD_MOST_CELLS) {
            continue;
        }
        count += count < LPD_MOST_CELLS;
        for (int i = count - 1; i > place; i--) {
            cells[i] = cells[i - 1];
        }
        cells[place] = (uint16_t)cell;
    }
    return count;
}

/* Makes a plate of the surest cell and those that overlap with it, and leaves the others; returns how many there are. */
static int take_plate(const lpd_value *output, uint16_t *cells, int count, lpd_plate *plate)
{
    int32_t corners[8];
    int64_t sums[8] = {0}, weights = 0;
    uint64_t surest_area = 0;
    box surest = {0, 0, 0, 0};
    int left = 0;

    for (int i = 0; i < count; i++) {
        const int64_t score = lpd_scores[output[cells[i] * LPD_VALUES] - LOWEST];
        box around;

        corners_of(output, cells[i], corners);
        around = box_around(corners);
        if (i == 0) {
            surest = around;
            surest_area = area(surest);
            plate->score = (uint16_t)score;
        } else {
            const uint64_t shared = shared_area(surest, around);
            const uint64_t either = surest_area + area(around) - shared;

            if (shared * 1000u <= either * LPD_IOU_THRESHOLD) {
                cells[left++] = cells[i];
                continue;
            }
            if (shared * 1000u < either * LPD_IOU_ALIKE) { /* the same plate, but corners too far off to help */
                continue;
            }
        }
        weights += score * score;
        for (int k = 0; k < 8; k++) {
            sums[k] += score * score * corners[k];
        }
    }
    for (int k = 0; k < 8; k++) {
        plate->corners[k >> 1][k & 1] = rounded(sums[k], weights);
    }
    return left;
}

int lpd_decode(const lpd_value *output, lpd_plate *plates, int most)
{
    uint16_t cells[LPD_MOST_CELLS];
    int count = find_cells(output, cells), found = 0;

    while (count > 0 && found < most) {
        count = take_plate(output, cells, count, &plates[found++]);
    }
    return found;
}
