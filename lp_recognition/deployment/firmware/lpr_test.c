/* Holds this firmware's C against what Python computed: see lpr_vectors.c. Status 0 where all is the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lpr.h"
#include "lpr_vectors.h"

static int failures;

static void check(int good, const char *what, int number)
{
    if (!good) {
        printf("FAILED: %s, vector %d\n", what, number);
        failures++;
    }
}

static int near(int left, int right, int tolerance)
{
    return abs(left - right) <= tolerance;
}

static void check_decoding(int number)
{
    static lpr_reading reading;
    static char text[8 * LPR_MAX_LENGTH + 1];
    const lpr_text_vector *vector = &lpr_text_vectors[number];
    char short_text[8];

    lpr_decode(vector->logits, &reading);
    lpr_text(&reading, text, sizeof text);
    check(strcmp(text, vector->text) == 0, "text", number);
    check(near(reading.confidence, vector->confidence, 8), "confidence of the text", number);
    check(reading.length == vector->length, "length", number);
    for (int i = 0; i < reading.length && i < vector->length; i++) {
        check(near(reading.confidences[i], vector->confidences[i], 4), "confidence of a symbol", number);
    }
    check(lpr_text(&reading, short_text, sizeof short_text) == strlen(vector->text), "bytes of a text cut short", number);
    check(strncmp(short_text, vector->text, strlen(short_text)) == 0, "text cut short", number);
    printf("vector %d reads %s, confidence %u of %u\n", number, text, (unsigned)reading.confidence, LPR_ONE);
}

static void check_image(int number)
{
    static lpr_value input[LPR_HEIGHT * LPR_WIDTH * LPR_CHANNELS];
    const lpr_image_vector *vector = &lpr_image_vectors[number];
    int largest = 0;

    check(lpr_prepare(vector->pixels, vector->height, vector->width, vector->channels,
                      (size_t)(vector->width * vector->channels), input) == 0, "image", number);
    for (int i = 0; i < LPR_HEIGHT * LPR_WIDTH * LPR_CHANNELS; i++) {
        const int difference = abs(input[i] - vector->input[i]);

        largest = difference > largest ? difference : largest;
    }
    check(largest <= LPR_IMAGE_TOLERANCE, "pixels of the input", number);
    printf("image %d of %dx%d: largest difference %d\n", number, vector->width, vector->height, largest);
}

int main(void)
{
    static lpr_value input[LPR_HEIGHT * LPR_WIDTH * LPR_CHANNELS];

    for (int i = 0; i < lpr_text_vector_count; i++) {
        check_decoding(i);
    }
    for (int i = 0; i < lpr_image_vector_count; i++) {
        check_image(i);
    }
    check(lpr_prepare(NULL, 24, 94, 3, 282, input) == -1, "no image is refused", 0);
    check(lpr_prepare(lpr_image_vectors[0].pixels, 24, 94, 2, 188, input) == -1, "two channels are refused", 0);
    check((uintptr_t)lpr_model % 16 == 0, "alignment of the model", 0);
    check(lpr_model_size > 8 && memcmp(lpr_model + 4, "TFL3", 4) == 0, "model", 0);
    if (failures) {
        printf("FAILED: %d\n", failures);
        return 1;
    }
    puts("passed");
    return 0;
}
