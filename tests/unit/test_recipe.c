/* Connection strings and open options. */
#include "check.h"

#include <limits.h>

#include "fishnet/recipe.h"

#define MAX_OPTIONS 8
#define OPTIONS(...) ((const char *const[MAX_OPTIONS + 1]){__VA_ARGS__})

static bool same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Blanks around an expression mean nothing. */
static bool same_trimmed(const char *got, const char *want)
{
    if (got == NULL)
        return false;
    got += strspn(got, " \t");
    size_t n = strlen(got);
    while (n > 0 && got[n - 1] == ' ')
        n--;
    return n == strlen(want) && strncmp(got, want, n) == 0;
}

static void expect_empty(const fn_recipe *recipe, const char *what)
{
    EXPECT(recipe->inputs == NULL && recipe->n_inputs == 0, "%s: inputs", what);
    EXPECT(recipe->calcs == NULL && recipe->n_calcs == 0, "%s: calcs", what);
    EXPECT(recipe->nodata == NULL, "%s: nodata", what);
}

/* The dataset of a letter, from 0; NULL: there is no such input. */
static const char *dataset_of(const fn_recipe *recipe, int letter)
{
    for (int i = 0; i < recipe->n_inputs; i++)
        if (strlen(recipe->inputs[i].name) == 1 && recipe->inputs[i].name[0] == 'A' + letter)
            return recipe->inputs[i].n_datasets == 1 ? recipe->inputs[i].datasets[0].name : NULL;
    return NULL;
}

static fn_recipe parsed(const char *connection, const char *const *options)
{
    fn_recipe recipe;
    fn_error err;
    memset(&recipe, 0xA5, sizeof recipe);
    memset(&err, 0, sizeof err);
    fn_status status = fn_recipe_parse(connection, options, &recipe, &err);
    REQUIRE(status == FN_OK, "%s %s: %s", connection, options != NULL && options[0] != NULL ? options[0] : "",
            err.text);
    EXPECT((recipe.n_calcs == 0) == (recipe.calcs == NULL || recipe.n_calcs == 0), "%s", connection);
    for (int i = 0; i < recipe.n_calcs; i++)
        EXPECT(recipe.calcs[i] != NULL && recipe.calcs[i][0] != '\0', "calc %d of %s", i, connection);
    return recipe;
}

static void cleared(fn_recipe *recipe)
{
    fn_recipe_clear(recipe);
    expect_empty(recipe, "after clear");
    fn_recipe_clear(recipe);
    expect_empty(recipe, "after a second clear");
}

/* The options are refused, and the message names `name`. */
static void refused(const char *connection, const char *const *options, const char *name)
{
    fn_recipe recipe;
    fn_error err;
    memset(&recipe, 0xA5, sizeof recipe);
    memset(&err, 0, sizeof err);
    char what[300] = "";
    snprintf(what, sizeof what, "%s", connection);
    for (int i = 0; options != NULL && options[i] != NULL; i++)
        snprintf(what + strlen(what), sizeof what - strlen(what), " %.60s", options[i]);
    fn_status status = fn_recipe_parse(connection, options, &recipe, &err);
    EXPECT(status == FN_ERR_ARGUMENT, "%s gives status %d", what, status);
    if (status == FN_OK) {
        fn_recipe_clear(&recipe);
        return;
    }
    EXPECT(err.status == status, "%s", what);
    EXPECT_ERROR_TEXT(err, "%s: \"%s\"", what, err.text);
    EXPECT(name == NULL || strstr(err.text, name) != NULL, "%s: \"%s\" does not name %s", what, err.text, name);
    expect_empty(&recipe, what);
    EXPECT(fn_recipe_parse(connection, options, &recipe, NULL) == status, "%s without err", what);
}

static void names(void)
{
    EXPECT(fn_recipe_is_name("FISHNET:dem.tif"), "upper case");
    EXPECT(fn_recipe_is_name("fishnet:dem.tif"), "lower case");
    EXPECT(fn_recipe_is_name("FishNet:"), "mixed case, no dataset");
    static const char *const others[] = {"",
                                         "FISHNET",
                                         "FISHNE",
                                         " FISHNET:a.tif",
                                         "FISHNETS:a.tif",
                                         "dem.tif",
                                         "/data/FISHNET:a.tif",
                                         "GTIFF_DIR:1:a.tif",
                                         "FISHNET a.tif",
                                         ":"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        EXPECT(!fn_recipe_is_name(others[i]), "%s", others[i]);
        refused(others[i], NULL, NULL);
    }
}

static void dataset_as_it_is(void)
{
    fn_recipe r = parsed("FISHNET:dem.tif", NULL);
    EXPECT(same(dataset_of(&r, 0), "dem.tif"), "%s", dataset_of(&r, 0));
    for (int i = 1; i < 26; i++)
        EXPECT(dataset_of(&r, i) == NULL, "input %c", 'A' + i);
    EXPECT(r.n_calcs == 0, "%d", r.n_calcs);
    EXPECT(r.workers.workers == -1 && r.tile_width == 0 && r.tile_height == 0, "defaults");
    EXPECT(r.type == FN_TYPE_COUNT && !r.nodata_none && r.nodata == NULL, "defaults");
    EXPECT(r.cache_bytes == 0, "defaults");
    cleared(&r);
    r = parsed("fishnet:dem.tif", OPTIONS(NULL));
    EXPECT(same(dataset_of(&r, 0), "dem.tif"), "%s", dataset_of(&r, 0));
    cleared(&r);
}

static void dataset_names(void)
{
    static const char *const plain[] = {
        "dem.tif",
        "/vsizip//data/a.zip/dem.tif",
        "C:\\data\\dem.tif",
        "a b.tif",
        "NETCDF:\"a.nc\":z",
        "\xC3\xA9t\xC3\xA9.tif",
        "FISHNET:inner.tif",
        "a=b;c.tif",
        "<VRTDataset rasterXSize=\"1\"/>",
        "/vsicurl/https://host/x?a=1&b=2",
    };
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        char connection[200];
        snprintf(connection, sizeof connection, "FISHNET:%s", plain[i]);
        fn_recipe r = parsed(connection, NULL);
        EXPECT(same(dataset_of(&r, 0), plain[i]), "%s is read as %s", plain[i], dataset_of(&r, 0));
        cleared(&r);
    }
    fn_recipe r = parsed("FISHNET:\"my dem.tif\"", NULL);
    EXPECT(same(dataset_of(&r, 0), "my dem.tif"), "%s", dataset_of(&r, 0));
    cleared(&r);
    r = parsed("FISHNET:\"/data/a:b.tif\"", NULL);
    EXPECT(same(dataset_of(&r, 0), "/data/a:b.tif"), "%s", dataset_of(&r, 0));
    cleared(&r);
    refused("FISHNET:", NULL, NULL);
    refused("FISHNET:\"\"", NULL, NULL);
    refused("FISHNET:", OPTIONS("CALC=1"), NULL);
}

static void input_a_as_option(void)
{
    fn_recipe r = parsed("FISHNET:", OPTIONS("A=dem.tif"));
    EXPECT(same(dataset_of(&r, 0), "dem.tif"), "%s", dataset_of(&r, 0));
    cleared(&r);
    r = parsed("FISHNET:", OPTIONS("a=dem.tif", "CALC=A+B", "b=other.tif"));
    EXPECT(same(dataset_of(&r, 0), "dem.tif") && same(dataset_of(&r, 1), "other.tif"), "%s %s", dataset_of(&r, 0),
           dataset_of(&r, 1));
    cleared(&r);
    refused("FISHNET:", OPTIONS("A="), "A");
}

static void inputs(void)
{
    char text[26][16];
    const char *options[28];
    for (int i = 1; i < 26; i++) {
        snprintf(text[i], sizeof text[i], "%c=%c.tif", i % 2 != 0 ? 'A' + i : 'a' + i, 'a' + i);
        options[i - 1] = text[i];
    }
    options[25] = "CALC=A+Z";
    options[26] = NULL;
    fn_recipe r = parsed("FISHNET:a.tif", options);
    for (int i = 0; i < 26; i++) {
        char want[16];
        snprintf(want, sizeof want, "%c.tif", 'a' + i);
        EXPECT(same(dataset_of(&r, i), want), "%c is %s", 'A' + i, dataset_of(&r, i));
    }
    cleared(&r);
    refused("FISHNET:a.tif", OPTIONS("B=b.tif"), "B");
    refused("FISHNET:a.tif", OPTIONS("NUM_WORKERS=2", "Q=b.tif"), "Q");
    refused("FISHNET:a.tif", OPTIONS("B=", "CALC=A"), "B");
}

static void calcs(void)
{
    static const struct {
        const char *options[4];
        const char *want[6];
    } cases[] = {
        {{"CALC=sqrt(A)"}, {"sqrt(A)"}},
        {{"calc=A", "Calc=A*2"}, {"A", "A*2"}},
        {{"CALC=A;A*2;A*3"}, {"A", "A*2", "A*3"}},
        {{"CALC=A ; A*2"}, {"A", "A*2"}},
        {{"CALC=A;A*2", "CALC=A*3", "CALC=A*4;A*5"}, {"A", "A*2", "A*3", "A*4", "A*5"}},
        {{"CALC=A==1"}, {"A==1"}},
        {{"CALC=(A>=1)?A:B=2"}, {"(A>=1)?A:B=2"}}, /* nothing is compiled here */
        {{"CALC=A.astype('float32')+\"x\""}, {"A.astype('float32')+\"x\""}},
        {{"CALC=  A  "}, {"A"}},
        {{"CALC=\xC3\xA9"}, {"\xC3\xA9"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fn_recipe r = parsed("FISHNET:a.tif", cases[i].options);
        int n = 0;
        while (n < 6 && cases[i].want[n] != NULL)
            n++;
        EXPECT(r.n_calcs == n, "%s gives %d expressions", cases[i].options[0], r.n_calcs);
        for (int k = 0; k < n && k < r.n_calcs; k++)
            EXPECT(same_trimmed(r.calcs[k], cases[i].want[k]), "\"%s\" is not \"%s\"", r.calcs[k], cases[i].want[k]);
        cleared(&r);
    }
    refused("FISHNET:a.tif", OPTIONS("CALC="), "CALC");
    refused("FISHNET:a.tif", OPTIONS("CALC=   "), "CALC");
    refused("FISHNET:a.tif", OPTIONS("CALC=;"), "CALC");
    refused("FISHNET:a.tif", OPTIONS("CALC=A;;B"), "CALC");
    refused("FISHNET:a.tif", OPTIONS("CALC=;A"), "CALC");
    refused("FISHNET:a.tif", OPTIONS("CALC=A; ;B"), "CALC");
    refused("FISHNET:a.tif", OPTIONS("CALC=A", "calc="), "CALC");
}

static void many_calcs(void)
{
    enum { N = 5000 };
    char *text = malloc(8 + 2 * N + 1);
    REQUIRE(text != NULL, "memory");
    strcpy(text, "CALC=");
    for (int i = 0; i < N; i++)
        strcat(text + 5 + (i > 0 ? 2 * i - 1 : 0), i > 0 ? ";A" : "A");
    fn_recipe r = parsed("FISHNET:a.tif", (const char *[]){text, "CALC=B", NULL});
    EXPECT(r.n_calcs == N + 1, "%d", r.n_calcs);
    EXPECT(r.n_calcs == N + 1 && same(r.calcs[N], "B") && same(r.calcs[N - 1], "A"), "the last ones");
    cleared(&r);
    free(text);
}

static void workers(void)
{
    static const struct {
        const char *text;
        int want; /* -1: refused */
    } cases[] = {
        {"ALL_CPUS", 0},
        {"all_cpus", 0},
        {"1", 1},
        {"2", 2},
        {"16", 16},
        {"1024", 1024},
        {"0", -1},
        {"1025", -1},
        {"-1", -1},
        {"", -1},
        {"two", -1},
        {"4x", -1},
        {"4 2", -1},
        {"1.5", -1},
        {"0x4", -1},
        {"4294967297", -1},
        {"18446744073709551617", -1},
        {"99999999999999999999999", -1},
        {"ALL", -1},
        {"ALL_CPUS2", -1},
        {"NUM", -1},
        {"1e2", -1},
        {"-4294967295", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int n = -5;
        fn_error err;
        memset(&err, 0, sizeof err);
        fn_status status = fn_parse_workers("GDAL_NUM_THREADS", cases[i].text, &n, &err);
        char option[64];
        snprintf(option, sizeof option, "Num_Workers=%s", cases[i].text);
        if (cases[i].want >= 0) {
            EXPECT(status == FN_OK && n == cases[i].want, "\"%s\": %d, %s", cases[i].text, n, err.text);
            fn_recipe r = parsed("FISHNET:a.tif", OPTIONS(option));
            EXPECT(r.workers.workers == cases[i].want, "%s: %d", option, r.workers.workers);
            cleared(&r);
        } else {
            EXPECT(status == FN_ERR_ARGUMENT, "\"%s\" gives status %d, %d workers", cases[i].text, status, n);
            if (status != FN_OK) {
                EXPECT_ERROR_TEXT(err, "\"%s\"", cases[i].text);
                EXPECT(strstr(err.text, "GDAL_NUM_THREADS") != NULL, "\"%s\" does not name the option", err.text);
            }
            refused("FISHNET:a.tif", OPTIONS(option), "NUM_WORKERS");
        }
    }
}

static void kind_of_worker(void)
{
    fn_recipe r = parsed("FISHNET:a.tif", OPTIONS("WORKERS=THREADS"));
    cleared(&r);
    EXPECT(r.workers.processes == -1, "cleared");
    r = parsed("FISHNET:a.tif", OPTIONS("workers=threads"));
    EXPECT(r.workers.processes == 0, "threads");
    cleared(&r);
    r = parsed("FISHNET:a.tif", OPTIONS("WORKERS=Processes"));
    EXPECT(r.workers.processes == 1, "processes");
    cleared(&r);
    refused("FISHNET:a.tif", OPTIONS("WORKERS=4"), "WORKERS");
    refused("FISHNET:a.tif", OPTIONS("WORKERS="), "WORKERS");
}

static void failures(void)
{
    fn_recipe r =
        parsed("FISHNET:a.tif", OPTIONS("ON_ERROR=nodata", "RETRIES=0", "TASK_TIMEOUT=1.5", "THREADS_PER_WORKER=3"));
    EXPECT(r.error_is_nodata && r.workers.retries == 0 && r.workers.timeout == 1.5 && r.workers.threads == 3,
           "options");
    cleared(&r);
    r = parsed("FISHNET:a.tif", OPTIONS("ON_ERROR=FAIL", "RETRIES=100", "TASK_TIMEOUT=0", "READERS=32"));
    EXPECT(!r.error_is_nodata && r.workers.retries == 100 && r.workers.timeout == 0 && r.workers.readers == 32,
           "options");
    cleared(&r);
    static const char *const bad[] = {"ON_ERROR=",        "ON_ERROR=IGNORE",  "RETRIES=-1",
                                      "RETRIES=101",      "RETRIES=",         "RETRIES=2x",
                                      "TASK_TIMEOUT=-1",  "TASK_TIMEOUT=nan", "TASK_TIMEOUT=1 s",
                                      "TASK_TIMEOUT=inf", "TASK_TIMEOUT=",    "THREADS_PER_WORKER=0",
                                      "RETRIES=1e1",      "RETRIES=+1",       "THREADS_PER_WORKER=2000",
                                      "READERS=0",        "READERS=ALL_CPUS"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(bad[i], "="), bad[i]);
        refused("FISHNET:a.tif", OPTIONS(bad[i]), name);
    }
}

static void alpha(void)
{
    fn_recipe r = parsed("FISHNET:a.tif", OPTIONS("CALC=A"));
    EXPECT(!r.ignore_alpha, "not given");
    cleared(&r);
    r = parsed("FISHNET:a.tif", OPTIONS("alpha=ignore", "CALC=A"));
    EXPECT(r.ignore_alpha, "ignored");
    cleared(&r);
    r = parsed("FISHNET:a.tif", OPTIONS("ALPHA=NODATA"));
    EXPECT(!r.ignore_alpha, "as ever, without CALC");
    cleared(&r);
    refused("FISHNET:a.tif", OPTIONS("CALC=A", "ALPHA="), "ALPHA");
    refused("FISHNET:a.tif", OPTIONS("CALC=A", "ALPHA=YES"), "IGNORE");
    refused("FISHNET:a.tif", OPTIONS("ALPHA=IGNORE"), "CALC");
}

static void partitions(void)
{
    fn_recipe r = parsed("FISHNET:a.tif", NULL);
    EXPECT(r.part == 1 && r.parts == 1, "%d/%d", r.part, r.parts);
    cleared(&r);
    r = parsed("FISHNET:a.tif", OPTIONS("PARTITION=2/7"));
    EXPECT(r.part == 2 && r.parts == 7, "%d/%d", r.part, r.parts);
    cleared(&r);
    static const char *const bad[] = {"PARTITION=0/1",
                                      "PARTITION=2/1",
                                      "PARTITION=1",
                                      "PARTITION=1/",
                                      "PARTITION=/2",
                                      "PARTITION=1/2/3",
                                      "PARTITION=1/99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused("FISHNET:a.tif", OPTIONS(bad[i]), "PARTITION");
}

static void tile_sizes(void)
{
    static const struct {
        const char *text;
        int width, height; /* -1: refused */
    } cases[] = {
        {"512", 512, 512},
        {"512x256", 512, 256},
        {"1", 1, 1},
        {"1x65536", 1, 65536},
        {"65536", 65536, 65536},
        {"AUTO", 0, 0},
        {"auto", 0, 0},
        {"100x37", 100, 37},
        {"0", -1, 0},
        {"65537", -1, 0},
        {"1000000000", -1, 0},
        {"-5", -1, 0},
        {"", -1, 0},
        {"512x", -1, 0},
        {"x512", -1, 0},
        {"512x0", -1, 0},
        {"0x512", -1, 0},
        {"512x-1", -1, 0},
        {"512x256x3", -1, 0},
        {"512 256", -1, 0},
        {"512,256", -1, 0},
        {"big", -1, 0},
        {"99999999999999999999", -1, 0},
        {"4294967808", -1, 0},
        {"1x4294967808", -1, 0},
        {"1.5", -1, 0},
        {"AUTOx5", -1, 0},
        {"5xAUTO", -1, 0},
        {"512x65537", -1, 0},
        {"65537x512", -1, 0},
        {"1e2", -1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int w = -5, h = -5;
        fn_error err;
        memset(&err, 0, sizeof err);
        fn_status status = fn_parse_tile_size(cases[i].text, &w, &h, &err);
        char option[64];
        snprintf(option, sizeof option, "TILE_SIZE=%s", cases[i].text);
        if (cases[i].width >= 0) {
            EXPECT(status == FN_OK && w == cases[i].width && h == cases[i].height, "\"%s\": %dx%d, %s", cases[i].text,
                   w, h, err.text);
            fn_recipe r = parsed("FISHNET:a.tif", OPTIONS(option));
            EXPECT(r.tile_width == cases[i].width && r.tile_height == cases[i].height, "%s: %dx%d", option,
                   r.tile_width, r.tile_height);
            cleared(&r);
        } else {
            EXPECT(status == FN_ERR_ARGUMENT, "\"%s\" gives status %d, %dx%d", cases[i].text, status, w, h);
            refused("FISHNET:a.tif", OPTIONS(option), "TILE_SIZE");
        }
    }
}

static void output_type(void)
{
    for (fn_type t = FN_UINT8; t < FN_TYPE_COUNT; t++) {
        char option[64];
        snprintf(option, sizeof option, "OT=%s", fn_type_name(t));
        fn_recipe r = parsed("FISHNET:a.tif", OPTIONS("CALC=A", option));
        EXPECT(r.type == t, "%s gives %d", option, r.type);
        cleared(&r);
    }
    fn_recipe r = parsed("FISHNET:a.tif", OPTIONS("ot=float32", "CALC=A"));
    EXPECT(r.type == FN_FLOAT32, "%d", r.type);
    cleared(&r);
    refused("FISHNET:a.tif", OPTIONS("OT=Float32"), "OT");
    static const char *const bad[] = {"OT=", "OT=Float", "OT=CFloat32", "OT=CInt16", "OT=Unknown", "OT=12", "OT=Byte "};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused("FISHNET:a.tif", OPTIONS("CALC=A", bad[i]), "OT");
}

static void nodata(void)
{
    static const char *const texts[] = {"-9999", "nan", "0", "1e-3", "-inf"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char option[64];
        snprintf(option, sizeof option, "NODATA=%s", texts[i]);
        fn_recipe r = parsed("FISHNET:a.tif", OPTIONS("CALC=A", option));
        EXPECT(same(r.nodata, texts[i]) && !r.nodata_none, "%s gives %s", option, r.nodata);
        cleared(&r);
    }
    static const char *const none[] = {"NODATA=none", "nodata=NONE", "NoData=None"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        fn_recipe r = parsed("FISHNET:a.tif", OPTIONS("CALC=A", none[i]));
        EXPECT(r.nodata_none && r.nodata == NULL, "%s", none[i]);
        cleared(&r);
    }
    refused("FISHNET:a.tif", OPTIONS("NODATA=0"), "NODATA");
    refused("FISHNET:a.tif", OPTIONS("NODATA=none"), "NODATA");
    refused("FISHNET:a.tif", OPTIONS("CALC=A", "NODATA="), "NODATA");
    refused("FISHNET:a.tif", OPTIONS("CALC=A", "NODATA=abc"), "NODATA");
    refused("FISHNET:a.tif", OPTIONS("CALC=A", "NODATA=12abc"), "NODATA");
}

static void cache(void)
{
    fn_recipe r = parsed("FISHNET:a.tif", OPTIONS("CACHE_MB=256"));
    EXPECT(r.cache_bytes == (size_t)256 << 20, "%zu", r.cache_bytes);
    cleared(&r);
    r = parsed("FISHNET:a.tif", OPTIONS("cache_mb=1"));
    EXPECT(r.cache_bytes == (size_t)1 << 20, "%zu", r.cache_bytes);
    cleared(&r);
    static const char *const bad[] = {"CACHE_MB=",
                                      "CACHE_MB=0",
                                      "CACHE_MB=-1",
                                      "CACHE_MB=abc",
                                      "CACHE_MB=5%",
                                      "CACHE_MB=99999999999999999999",
                                      "CACHE_MB=17592186044416",
                                      "CACHE_MB=17592186044417",
                                      "CACHE_MB=18446744073709551615"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused("FISHNET:a.tif", OPTIONS(bad[i]), "CACHE_MB");
}

/* Options stand in files, which would name what is written over. */
static void log_and_trace_are_no_options(void)
{
    static const char *const given[] = {"TRACE=/tmp/trace.json", "Trace=", "trace=a=b.json"};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        refused("FISHNET:a.tif", OPTIONS(given[i]), "FISHNET_TRACE");
    refused("FISHNET:a.tif", OPTIONS("log=a.log"), "FISHNET_LOG, or --log");
}

static void unknown_keys_are_ignored(void)
{
    fn_recipe r = parsed("FISHNET:a.tif",
                         OPTIONS("OVERVIEW_LEVEL=2", "AA=b.tif", "CALCX=1", "@A=z", "=b.tif", "FOO", "[=x", "A=a.tif"));
    EXPECT(same(dataset_of(&r, 0), "a.tif") && r.n_calcs == 0, "%s", dataset_of(&r, 0));
    for (int i = 1; i < 26; i++)
        EXPECT(dataset_of(&r, i) == NULL, "input %c", 'A' + i);
    cleared(&r);
}

static void everything_at_once(void)
{
    fn_recipe r = parsed("FISHNET:\"dem a.tif\"", OPTIONS("CALC=A+B;A-B", "B=b.tif", "NUM_WORKERS=3", "WORKERS=THREADS",
                                                          "TILE_SIZE=64x32", "OT=Int16", "NODATA=-1", "CACHE_MB=2"));
    EXPECT(same(dataset_of(&r, 0), "dem a.tif") && same(dataset_of(&r, 1), "b.tif"), "inputs");
    EXPECT(r.n_calcs == 2 && r.workers.workers == 3 && r.tile_width == 64 && r.tile_height == 32, "numbers");
    EXPECT(r.type == FN_INT16 && same(r.nodata, "-1") && !r.nodata_none && r.cache_bytes == 2 << 20, "more numbers");
    cleared(&r);
}

/* An error late in the list must free what was read before it (a leak checker sees it), and leave nothing behind. */
static void late_errors(void)
{
    static const char *const bad[] = {"NUM_WORKERS=x", "TILE_SIZE=x", "OT=x",   "CACHE_MB=x",
                                      "WORKERS=x",     "CALC=",       "NODATA="};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char name[16];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(bad[i], "="), bad[i]);
        refused("FISHNET:\"a.tif\"", OPTIONS("B=b.tif", "CALC=A;B", "CALC=B", "NODATA=1", "C=c.tif", bad[i]), name);
    }
}

/* ---- names and stacks ---- */

/* The datasets between bars, or NULL where it is refused; a stack ends in a bar. */
static void expect_datasets(const char *text, const char *want)
{
    fn_recipe_input input;
    fn_error err = {0};
    const fn_status status = fn_recipe_input_read(text, &input, &err);
    EXPECT((status == FN_OK) == (want != NULL), "%s: %s", text, err.text);
    fn_recipe_input_clear(&input);
    EXPECT(fn_recipe_input_read(text, &input, NULL) == status, "%s without err", text);
    fn_recipe_input_clear(&input);
    if (fn_recipe_input_read(text, &input, &err) != FN_OK) {
        EXPECT_ERROR_TEXT(err, "%s: \"%s\"", text, err.text);
        EXPECT(input.name == NULL && input.datasets == NULL && input.n_datasets == 0, "%s", text);
        return;
    }
    char got[300] = "";
    for (int i = 0; i < input.n_datasets; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s%s", i > 0 ? "|" : "",
                 input.datasets[i].quoted ? "'" : "", input.datasets[i].name);
    if (input.is_stack)
        strcat(got, "|");
    EXPECT(want != NULL && strcmp(got, want) == 0, "%s is %s, not %s", text, got, want);
    fn_recipe_input_clear(&input);
}

static void datasets(void)
{
    expect_datasets("red=b4.tif", "b4.tif");
    expect_datasets("e= b4.tif ", "b4.tif");
    expect_datasets("S_2=a.tif;b.tif", "a.tif|b.tif|");
    expect_datasets("S=a.tif; b.tif ;", "a.tif|b.tif|");
    expect_datasets("S=a.tif;", "a.tif|");
    expect_datasets("S=\"a;1.tif\"", "'a;1.tif");
    expect_datasets("S=\"a;1.tif\";", "'a;1.tif|");
    expect_datasets("S=\" a\" ;b\"c;d\";\"x\"\"y\"", "' a|b\"c;d\"|'x\"y|");
    expect_datasets("S=NETCDF:\"a;b.nc\":t;@list.txt", "NETCDF:\"a;b.nc\":t|@list.txt|");
    expect_datasets("S=<VRTDataset a=\"&lt;\">;</VRTDataset>", "<VRTDataset a=\"&lt;\">;</VRTDataset>");
    expect_datasets("S={\"a\":1;}", "{\"a\":1;}");
    expect_datasets("a=b=c.tif", "b=c.tif");
    static const char *const bad[] = {"",         "x",          "=a",     "1=a",    "_a=b", "a-b=c",
                                      "NODATA=a", "\xC3\xA9=a", "a=",     "a= ",    "a=;b", "a=b;;c",
                                      "a=\"b",    "a=\"b\"c",   "a=\"\"", "a=b;\"", "a b=c"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_datasets(bad[i], NULL);
}

static void named_inputs(void)
{
    fn_recipe r = parsed("FISHNET:", OPTIONS("INPUT=nir=b5.tif", "input=red=b4.tif", "CALC=nir-red", "INPUT_OO=red=X=1",
                                             "INPUT_OO=red=Y=2"));
    EXPECT(r.n_inputs == 2 && same(r.inputs[0].name, "nir") && same(r.inputs[1].name, "red"), "the order given");
    EXPECT(same(r.inputs[1].open_options, "X=1;Y=2") && r.inputs[0].open_options == NULL, "open options");
    EXPECT(!r.any_name, "it has names");
    cleared(&r);
    r = parsed("FISHNET:", OPTIONS("B=b.tif", "INPUT=S=a.tif;b.tif", "INPUT=A=c.tif", "CALC=1", "S_OO=X=1"));
    EXPECT(same(r.inputs[0].name, "A") && same(r.inputs[1].name, "B") && same(r.inputs[2].name, "S"), "A is first");
    EXPECT(r.inputs[2].is_stack && r.inputs[2].n_datasets == 2 && same(r.inputs[2].open_options, "X=1"), "a stack");
    cleared(&r);
    r = parsed("FISHNET:x.tif", OPTIONS("INPUT=a=b.tif", "a=x.tif", "CALC=1"));
    EXPECT(r.n_inputs == 2 && same(r.inputs[0].datasets[0].name, "x.tif"), "A and a are two");
    cleared(&r);
    r = parsed("FISHNET:x.tif", OPTIONS("CALC=X"));
    EXPECT(r.any_name, "any name will do");
    cleared(&r);
    r = parsed("FISHNET:", OPTIONS("INPUT=red=\"b4.tif\""));
    EXPECT(r.n_inputs == 1 && !r.any_name, "as it is");
    cleared(&r);
    refused("FISHNET:", OPTIONS("INPUT=red=a", "INPUT=red=b", "CALC=1"), "red is given twice, as a and b");
    refused("FISHNET:", OPTIONS("INPUT=S=a;b", "INPUT=S=a;c", "CALC=1"), "S is given twice, as b and c");
    refused("FISHNET:", OPTIONS("INPUT=S=a;b", "INPUT=S=a;b;c", "CALC=1"), "as nothing and c");
    refused("FISHNET:", OPTIONS("INPUT=S=a", "INPUT=S=a;", "CALC=1"), "S is given twice");
    refused("FISHNET:x", OPTIONS("INPUT=A=y", "CALC=1"), "A is given twice");
    refused("FISHNET:x", OPTIONS("INPUT_OO=red=X=1", "CALC=1"), "INPUT_OO=red=X=1: there is no input red");
    refused("FISHNET:x", OPTIONS("INPUT_OO=T=X=1", "CALC=1"), "INPUT_OO=T=X=1: there is no input T");
    refused("FISHNET:x", OPTIONS("INPUT_OO=red=\"X=1", "INPUT=red=y", "CALC=1"), "quotes that are not closed");
    refused("FISHNET:x", OPTIONS("INPUT_OO=red=\"X=1\" Y=2", "INPUT=red=y", "CALC=1"), "text behind them");
    refused("FISHNET:", OPTIONS("INPUT=not=y", "CALC=1"), "not");
    r = parsed("FISHNET:x", OPTIONS("INPUT=red=y", "INPUT_OO=red=\"X=\"\"1\"\";Y=2\"", "INPUT_OO=red=Z=3", "CALC=1"));
    EXPECT(strcmp(r.inputs[1].open_options, "X=\"1\";Y=2;Z=3") == 0, "%s", r.inputs[1].open_options);
    cleared(&r);
    refused("FISHNET:x", OPTIONS("INPUT_OO=X", "CALC=1"), "INPUT_OO=X: expected");
    refused("FISHNET:x", OPTIONS("INPUT=red=y"), "red=y: a second input needs an expression");
    refused("FISHNET:", OPTIONS("INPUT=S=y;z"), "a stack needs an expression");
    refused("FISHNET:", OPTIONS("INPUT=NODATA=y"), "NODATA");
}

/* Random options: never a crash; what is accepted is in range, what is refused is named. */
static void random_options(void)
{
    check_random r = random_for("random_options");
    static const char *const keys[] = {"CALC", "A",      "B",        "Z",     "NUM_WORKERS", "WORKERS", "TILE_SIZE",
                                       "OT",   "NODATA", "CACHE_MB", "TRACE", "x",           "INPUT=S", ""};
    static const char *const values[] = {"",        "1",       "512", "512x256", "AUTO", "ALL_CPUS",
                                         "none",    "nan",     "-1",  "A;B",     ";",    "Byte",
                                         "Float64", "THREADS", "1e9", "\xFF",    "\"",   "99999999999"};
    int accepted = 0, failed = 0;
    for (int round = 0; round < 20000; round++) {
        char text[MAX_OPTIONS][64];
        const char *options[MAX_OPTIONS + 1] = {NULL};
        int n = (int)random_between(&r, 0, MAX_OPTIONS);
        for (int i = 0; i < n; i++) {
            snprintf(text[i], sizeof text[i], "%s%s%s", keys[random_between(&r, 0, 13)],
                     random_between(&r, 0, 20) == 0 ? "" : "=", values[random_between(&r, 0, 17)]);
            options[i] = text[i];
        }
        fn_recipe recipe;
        fn_error err;
        memset(&err, 0, sizeof err);
        memset(&recipe, 0xA5, sizeof recipe);
        fn_status status =
            fn_recipe_parse(random_between(&r, 0, 1) == 0 ? "FISHNET:" : "FISHNET:a", options, &recipe, &err);
        if (status != FN_OK) {
            failed++;
            EXPECT(err.text[0] != '\0', "an error without text");
            expect_empty(&recipe, "after an error");
            continue;
        }
        accepted++;
        EXPECT(recipe.n_inputs > 0 && recipe.inputs[0].n_datasets > 0, "no input");
        EXPECT(recipe.workers.workers >= -1 && recipe.workers.workers <= 1024, "%d workers", recipe.workers.workers);
        EXPECT(recipe.tile_width >= 0 && recipe.tile_width <= 65536, "%d", recipe.tile_width);
        EXPECT((recipe.tile_width == 0) == (recipe.tile_height == 0), "AUTO in one direction");
        EXPECT(recipe.n_calcs > 0 || (recipe.type == FN_TYPE_COUNT && recipe.nodata == NULL && !recipe.nodata_none),
               "OT or NODATA without CALC");
        EXPECT(!(recipe.nodata_none && recipe.nodata != NULL), "none and a number");
        fn_recipe_clear(&recipe);
    }
    EXPECT(accepted > 100 && failed > 100, "%d accepted, %d refused: the test sees one side only", accepted, failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(names),
        UNIT(dataset_as_it_is),
        UNIT(dataset_names),
        UNIT(input_a_as_option),
        UNIT(inputs),
        UNIT(calcs),
        UNIT(many_calcs),
        UNIT(workers),
        UNIT(kind_of_worker),
        UNIT(failures),
        UNIT(alpha),
        UNIT(partitions),
        UNIT(tile_sizes),
        UNIT(output_type),
        UNIT(nodata),
        UNIT(cache),
        UNIT(log_and_trace_are_no_options),
        UNIT(unknown_keys_are_ignored),
        UNIT(everything_at_once),
        UNIT(late_errors),
        UNIT(datasets),
        UNIT(named_inputs),
        UNIT(random_options),
    };
    return check_main(tests);
}
