/* The network's output to text: CTC's best path on integers, confidences by a table of exponentials. */
#include "lpr.h"

#include <string.h>

/* One probability of one time step, of 2^24. */
static uint32_t probability(const lpr_value *step, int class_index, int highest, uint32_t sum)
{
    const uint64_t exponential = lpr_exponentials[highest - step[class_index]];

    return (uint32_t)((exponential << 24) / sum);
}

/* The highest output of a time step. */
static int highest_of(const lpr_value *step, int *class_index)
{
    int best = 0;

    for (int i = 1; i < LPR_CLASSES; i++) {
        if (step[i] > step[best]) { /* of equal ones the first */
            best = i;
        }
    }
    *class_index = best;
    return step[best];
}

/* The sum of the exponentials of a time step, at least 2^24; the table is scaled so that it stays in 32 bits. */
static uint32_t sum_of(const lpr_value *step, int highest)
{
    uint32_t sum = 0;

    for (int i = 0; i < LPR_CLASSES; i++) {
        sum += lpr_exponentials[highest - step[i]];
    }
    return sum;
}

/*
 * The probability of a text: all paths that write it, added up (Graves et al. 2006, section 4.1). Numbers are of 2^30
 * and shifted up together after each time step; shifts counts by how much.
 */
static uint16_t text_probability(const lpr_value *logits, const lpr_reading *reading)
{
    uint32_t characters[LPR_MAX_LENGTH + 1]; /* i: written up to character i, which stands at this step */
    uint32_t blanks[LPR_MAX_LENGTH + 1];     /* i: i characters are written, and a blank stands at this step */
    const int length = reading->length;
    int shifts = 0;
    uint64_t total;

    memset(characters, 0, sizeof characters);
    memset(blanks, 0, sizeof blanks);
    blanks[0] = UINT32_C(1) << 30;
    for (int t = 0; t < LPR_STEPS; t++) {
        const lpr_value *step = logits + t * LPR_CLASSES;
        int best;
        const int highest = highest_of(step, &best);
        const uint32_t sum = sum_of(step, highest);
        const uint32_t of_blank = probability(step, LPR_BLANK, highest, sum);
        uint32_t largest = 0;

        for (int i = length; i >= 0; i--) { /* downwards: each needs those before it as they were */
            uint64_t arrived = blanks[i];

            if (i > 0) {
                arrived += characters[i - 1];
            }
            if (i < length) {
                uint64_t begun = (uint64_t)characters[i] + blanks[i];

                if (i > 0 && reading->symbols[i] != reading->symbols[i - 1]) {
                    begun += characters[i - 1];
                }
                characters[i] = (uint32_t)((begun * probability(step, reading->symbols[i], highest, sum)) >> 24);
                largest |= characters[i];
            }
            blanks[i] = (uint32_t)((arrived * of_blank) >> 24);
            largest |= blanks[i];
        }
        while (largest != 0 && largest < (UINT32_C(1) << 29)) {
            for (int i = 0; i <= length; i++) {
                characters[i] <<= 1;
                blanks[i] <<= 1;
            }
            largest <<= 1;
            shifts++;
        }
    }
    total = blanks[length];
    if (length > 0) {
        total += characters[length - 1];
    }
    total = shifts < 49 ? (total >> shifts) : 0;
    total = (total + (UINT32_C(1) << 14)) >> 15;
    return (uint16_t)(total > LPR_ONE ? LPR_ONE : total);
}

void lpr_decode(const lpr_value *logits, lpr_reading *reading)
{
    int last = LPR_BLANK;

    reading->length = 0;
    for (int t = 0; t < LPR_STEPS; t++) {
        const lpr_value *step = logits + t * LPR_CLASSES;
        int best;
        const int highest = highest_of(step, &best);

        if (best != LPR_BLANK) {
            uint32_t sure = (probability(step, best, highest, sum_of(step, highest)) + 256) >> 9;

            if (best != last) {
                reading->symbols[reading->length] = (uint16_t)best;
                reading->confidences[reading->length] = 0;
                reading->length++;
            }
            if (sure > reading->confidences[reading->length - 1]) {
                reading->confidences[reading->length - 1] = (uint16_t)sure;
            }
        }
        last = best; /* a blank too: A, blank, A reads AA */
    }
    reading->confidence = text_probability(logits, reading);
}

size_t lpr_text(const lpr_reading *reading, char *text, size_t size)
{
    size_t bytes = 0, written = 0;

    for (int i = 0; i < reading->length; i++) {
        const char *symbol = lpr_alphabet[reading->symbols[i]];
        const size_t length = strlen(symbol);

        bytes += length;
        if (bytes < size) { /* whole symbols alone, and room for the zero */
            memcpy(text + written, symbol, length);
            written += length;
        } else {
            size = 0;
        }
    }
    if (size > 0 || written > 0) {
        text[written] = '\0';
    }
    return bytes;
}
