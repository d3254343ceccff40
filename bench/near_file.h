/* near_file.h - the geometries that near_data.py wrote for the programs in C: 4 bytes of size and the WKB, one after the other. */
#ifndef NEAR_FILE_H
#define NEAR_FILE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct wkb_file {
    unsigned char *data;
    size_t n;
    const unsigned char **wkb; /* n */
    uint32_t *size;            /* n */
} wkb_file;

static void wkb_file_free(wkb_file *file)
{
    free(file->data);
    free(file->wkb);
    free(file->size);
}

/* Ends the program if the file cannot be read. */
static wkb_file wkb_file_load(const char *path)
{
    wkb_file all = {0};
    FILE *file = fopen(path, "rb");
    long bytes = -1;
    if (file && fseek(file, 0, SEEK_END) == 0 && (bytes = ftell(file)) > 0 && fseek(file, 0, SEEK_SET) == 0) {
        all.data = malloc((size_t)bytes);
        if (all.data && fread(all.data, 1, (size_t)bytes, file) != (size_t)bytes)
            bytes = -1;
    }
    if (file)
        fclose(file);
    for (int pass = 0; all.data && pass < 2; ++pass) { /* counts, then fills in */
        size_t n = 0;
        for (long at = 0; at + 4 <= bytes; ++n) {
            uint32_t size;
            memcpy(&size, all.data + at, 4);
            if (pass) {
                all.wkb[n] = all.data + at + 4;
                all.size[n] = size;
            }
            at += 4 + (long)size;
        }
        if (pass == 0) {
            all.wkb = malloc((n + 1) * sizeof *all.wkb);
            all.size = malloc((n + 1) * sizeof *all.size);
            if (!all.wkb || !all.size)
                break;
        }
        all.n = n;
    }
    if (bytes <= 0 || !all.n || !all.size) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    return all;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
#endif
