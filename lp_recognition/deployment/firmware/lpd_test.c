/* Holds this firmware's C against what Python computed: see lpd_vectors.c. Status 0 where all is the same. */
#include <stdio.h>
#include <string.h>

#include "lpd.h"
#include "lpd_vectors.h"

static int failures;

static void check(int good, const char *what, int number)
{
    if (!good) {
        printf("FAILED: %s, vector %d\n", what, number);
        failures++;
    }
}

static void check_decoding(int number)
{
    static lpd_value output[LPD_CELLS * LPD_VALUES];
    static lpd_plate plates[LPD_MOST_CELLS];
    const lpd_plate_vector *vector = &lpd_plate_vectors[number];
    int found;

    memset(output, LPD_SIGNED ? -128 : 0, sizeof output);
    for (int i = 0; i < vector->cell_count; i++) {
        memcpy(output + vector->cells[i] * LPD_VALUES, vector->values + i * LPD_VALUES, LPD_VALUES);
    }
    found = lpd_decode(output, plates, LPD_MOST_CELLS);
    check(found == vector->plate_count, "number of plates", number);
    for (int i = 0; i < found && i < vector->plate_count; i++) {
        check(plates[i].score == vector->plates[i].score, "score", number);
        check(memcmp(plates[i].corners, vector->plates[i].corners, sizeof plates[i].corners) == 0, "corners", number);
    }
    if (vector->plate_count > 1) {
        check(lpd_decode(output, plates, 1) == 1, "no more plates than there is room for", number);
        check(plates[0].score == vector->plates[0].score, "the surest plate", number);
    }
    printf("vector %d: %d plates in %d cells\n", number, found, vector->cell_count);
}

static void check_image(int number)
{
    static lpd_value input[LPD_HEIGHT * LPD_WIDTH * LPD_CHANNELS];
    static uint8_t pixels[LPD_TEST_HEIGHT * LPD_TEST_WIDTH * 3];
    const lpd_image_vector *vector = &lpd_image_vectors[number];
    const size_t row_bytes = (size_t)(vector->width * vector->channels);
    uint32_t sum = 0;

    for (size_t i = 0; i < sizeof pixels; i++) {
        pixels[i] = LPD_TEST_BYTE(i);
    }
    check(lpd_prepare(pixels, vector->height, vector->width, vector->channels, row_bytes, input) == 0, "image", number);
    for (size_t i = 0; i < sizeof input; i++) {
        sum = sum * 31u + (uint8_t)input[i];
    }
    check(sum == vector->input_sum, "pixels of the input", number);
    check(lpd_prepare(NULL, 24, 94, 3, 282, input) == -1, "no image is refused", number);
    check(lpd_prepare(pixels, 24, 94, 2, 188, input) == -1, "two channels are refused", number);
    printf("image %d of %dx%d\n", number, vector->width, vector->height);
}

int main(void)
{
    for (int i = 0; i < lpd_plate_vector_count; i++) {
        check_decoding(i);
    }
    for (int i = 0; i < lpd_image_vector_count; i++) {
        check_image(i);
    }
    check((uintptr_t)lpd_model % 16 == 0, "alignment of the model", 0);
    check(lpd_model_size > 8 && memcmp(lpd_model + 4, "TFL3", 4) == 0, "model", 0);
    if (failures) {
        printf("FAILED: %d\n", failures);
        return 1;
    }
    puts("passed");
    return 0;
}
