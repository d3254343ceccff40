/* Runs a fuzz target over the files of the folders (or the files) named as arguments, so that the corpus is a test
 * with any compiler. With no file at all it fails. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static long count;

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    struct stat st;
    if (stat(path, &st) != 0 || st.st_size < 0) {
        perror(path);
        fclose(file);
        return 1;
    }
    size_t size = (size_t)st.st_size;
    uint8_t *data = malloc(size > 0 ? size : 1); /* exactly as long: a sanitizer sees a step beyond */
    if (data == NULL || fread(data, 1, size, file) != size) {
        fprintf(stderr, "%s: cannot read\n", path);
        free(data);
        fclose(file);
        return 1;
    }
    fclose(file);
    printf("%s\n", path);
    fflush(stdout); /* so that the last line names the file of a crash */
    LLVMFuzzerTestOneInput(data, size);
    count++;
    free(data);
    return 0;
}

static int run_path(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        perror(path);
        return 1;
    }
    if (!S_ISDIR(st.st_mode))
        return run_file(path);
    struct dirent **entries = NULL;
    int n = scandir(path, &entries, NULL, alphasort), failed = n < 0;
    if (n < 0)
        perror(path);
    for (int i = 0; i < n; i++) {
        char name[4096];
        int length = snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && (length < 0 || (size_t)length >= sizeof name || run_file(name) != 0))
            failed = 1;
        free(entries[i]);
    }
    free(entries);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= run_path(argv[i]);
    printf("%ld files\n", count);
    return failed != 0 || count == 0;
}
