/* The options about the grid of a result: what is taken, what a value names, and who is resampled how. */
#include "check.h"

#include <string.h>
#include <strings.h>

#include "fishnet/recipe.h"

static fn_status take(fn_grid_options *o, const char *key, const char *value, fn_error *err)
{
    bool known = false;
    memset(err, 0, sizeof *err);
    const fn_status status = fn_grid_options_take(o, key, strlen(key), value, &known, err);
    EXPECT(known, "%s", key);
    return status;
}

static void texts(void)
{
    fn_grid_options o = {0};
    fn_error err;
    bool known = true;
    EXPECT(!fn_grid_options_asked(&o), "nothing was given");
    EXPECT(fn_grid_options_take(&o, "TILE_SIZE", 9, "1", &known, &err) == FN_OK && !known, "another option");
    EXPECT(take(&o, "ACCURACY", "0.125", &err) == FN_OK && o.accuracy == 0.125, "%s", err.text);
    EXPECT(!fn_grid_options_asked(&o), "an accuracy of nothing");
    EXPECT(take(&o, "extent", "A", &err) == FN_OK && take(&o, "EXTENT", "UNION", &err) == FN_OK, "%s", err.text);
    EXPECT(strcmp(o.extent, "UNION") == 0, "the last one counts: %s", o.extent);
    EXPECT(fn_grid_options_asked(&o), "an extent");
    EXPECT(take(&o, "CELL_SIZE", "30", &err) == FN_OK && strcmp(o.cell_size, "30") == 0, "%s", err.text);
    EXPECT(take(&o, "SNAP", "TAP", &err) == FN_OK && strcmp(o.snap, "TAP") == 0, "%s", err.text);
    EXPECT(take(&o, "CRS", "EPSG:3857", &err) == FN_OK && strcmp(o.crs, "EPSG:3857") == 0, "%s", err.text);
    EXPECT(take(&o, "OUTSIDE", "-1e3", &err) == FN_OK && strcmp(o.outside, "-1e3") == 0, "%s", err.text);
    EXPECT(take(&o, "OUTSIDE", "nodata", &err) == FN_OK && o.outside == NULL, "%s", err.text);
    EXPECT(take(&o, "LIKE", "B", &err) == FN_OK && strcmp(o.like, "B") == 0, "%s", err.text);
    fn_grid_options_clear(&o);
    EXPECT(!o.extent && !o.cell_size && !o.snap && !o.crs && o.n_own == 0, "empty");
    static const char *const bad[][2] = {{"EXTENT", ""},
                                         {"CELL_SIZE", ""},
                                         {"SNAP", ""},
                                         {"CRS", ""},
                                         {"OUTSIDE", ""},
                                         {"OUTSIDE", "none"},
                                         {"ACCURACY", "-1"},
                                         {"ACCURACY", "inf"},
                                         {"ACCURACY", "x"},
                                         {"RESAMPLING", "x"},
                                         {"RESAMPLING", ""},
                                         {"B_RESAMPLING", "NEARER"},
                                         {"INPUT_RESAMPLING", "red"},
                                         {"LIKE", ""},
                                         {"B_OUTSIDE", "x"},
                                         {"INPUT_OUTSIDE", "red"},
                                         {"INPUT_OUTSIDE", "red=x"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        EXPECT(take(&o, bad[i][0], bad[i][1], &err) == FN_ERR_ARGUMENT, "%s=%s", bad[i][0], bad[i][1]);
        EXPECT(strstr(err.text, bad[i][0]) == err.text && strstr(err.text, "expected"), "%s", err.text);
    }
    EXPECT(!fn_grid_options_asked(&o) || o.resampling_given, "nothing was taken");
    fn_grid_options_clear(&o);
}

static void outside(void)
{
    fn_grid_options o = {0};
    fn_error err;
    EXPECT(take(&o, "b_outside", "5", &err) == FN_OK && fn_grid_options_asked(&o), "%s", err.text);
    EXPECT(fn_grid_options_outside(&o, "A") == NULL, "NoData");
    EXPECT(strcmp(fn_grid_options_outside(&o, "B"), "5") == 0, "its own");
    EXPECT(take(&o, "OUTSIDE", "7", &err) == FN_OK && take(&o, "INPUT_OUTSIDE", "red=nodata", &err) == FN_OK, "%s",
           err.text);
    EXPECT(strcmp(fn_grid_options_outside(&o, "A"), "7") == 0, "that of all");
    EXPECT(fn_grid_options_outside(&o, "red") == NULL, "its own is NoData");
    EXPECT(take(&o, "B_RESAMPLING", "CUBIC", &err) == FN_OK && o.n_own == 2, "%d", o.n_own);
    EXPECT(strcmp(fn_grid_options_outside(&o, "B"), "5") == 0, "beside a method");
    EXPECT(fn_grid_options_has_method(&o, "B") && !fn_grid_options_has_method(&o, "red"), "methods");
    EXPECT(take(&o, "INPUT_OUTSIDE", "B=-1", &err) == FN_OK && strcmp(fn_grid_options_outside(&o, "B"), "-1") == 0,
           "the last one counts");
    fn_grid_options_clear(&o);
    EXPECT(strcmp(fn_grid_option_of_others("tr", 2), "CELL_SIZE") == 0, "gdalwarp's");
    EXPECT(strcmp(fn_grid_option_of_others("T_SRS=", 5), "CRS") == 0, "gdalwarp's");
    EXPECT(fn_grid_option_of_others("TRA", 3) == NULL && fn_grid_option_of_others("T", 1) == NULL, "nobody's");
    EXPECT(fn_grid_names_method("Bilinear") && !fn_grid_names_method("b.tif"), "methods");
}

static void resampling(void)
{
    fn_grid_options o = {0};
    fn_error err;
    EXPECT(fn_grid_options_resampling(&o, "A") == FN_RESAMPLING_AUTO, "by itself");
    EXPECT(take(&o, "b_resampling", "cubic", &err) == FN_OK && fn_grid_options_asked(&o), "%s", err.text);
    EXPECT(take(&o, "INPUT_RESAMPLING", "red=Mode", &err) == FN_OK, "%s", err.text);
    EXPECT(fn_grid_options_resampling(&o, "B") == FN_RESAMPLING_CUBIC, "its own");
    EXPECT(fn_grid_options_resampling(&o, "b") == FN_RESAMPLING_AUTO, "another name");
    EXPECT(fn_grid_options_resampling(&o, "red") == FN_RESAMPLING_MODE, "its own");
    EXPECT(take(&o, "RESAMPLING", "Q3", &err) == FN_OK && o.resampling_given, "%s", err.text);
    EXPECT(fn_grid_options_resampling(&o, "A") == FN_RESAMPLING_Q3, "that of all");
    EXPECT(fn_grid_options_resampling(&o, "B") == FN_RESAMPLING_CUBIC, "its own");
    EXPECT(take(&o, "INPUT_RESAMPLING", "B=NEAR", &err) == FN_OK && o.n_own == 2, "%d", o.n_own);
    EXPECT(fn_grid_options_resampling(&o, "B") == FN_RESAMPLING_NEAR, "the last one counts");
    fn_grid_options_clear(&o);
    const fn_option *row = fn_option_find(fn_grid_option_table(), "RESAMPLING", strlen("RESAMPLING"));
    const char *word = row->words;
    for (int m = FN_RESAMPLING_AUTO; m <= FN_RESAMPLING_SUM; m++) {
        const char *name = fn_resampling_name((fn_resampling)m);
        const size_t n = strcspn(word, "|");
        EXPECT(n == strlen(name) && strncasecmp(word, name, n) == 0, "%.*s and %s", (int)n, word, name);
        word += n + (word[n] == '|');
    }
    EXPECT(*word == '\0', "%s is left", word);
}

static void names(void)
{
    static const struct {
        const char *option, *value;
        bool is_file;
    } cases[] = {
        {"EXTENT", "A", false},
        {"EXTENT", "red", false},
        {"EXTENT", "INTERSECTION", false},
        {"extent", "a.tif", true},
        {"EXTENT", "./red", true},
        {"EXTENT", "/data/x", true},
        {"EXTENT", "FISHNET:a.tif", true},
        {"EXTENT", "1,2,3,4", false},
        {"EXTENT", "1 , 2", false},
        {"EXTENT", "-1e3,x", false},
        {"EXTENT", "7", false},
        {"EXTENT", "7.tif", true},
        {"EXTENT", "2020_dem.tif", true},
        {"EXTENT", "NODATA", true},
        {"EXTENT", "", false},
        {"SNAP", "TAP", false},
        {"SNAP", "a.tif", true},
        {"LIKE", "B", false},
        {"LIKE", "./B", true},
        {"like", "a.tif", true},
        {"CRS", "EPSG:3857", false},
        {"CRS", "WGS84", false},
        {"CRS", "A", false},
        {"CRS", "utm.prj", true},
        {"CRS", "../crs/utm.wkt", true},
        {"CRS", "+proj=utm +zone=32.a", false},
        {"CRS", "LOCAL_CS[\"a.b\"]", false},
        {"CRS", "IGNF:x.y", false},
        {"CRS", "2.5", false},
        {"CELL_SIZE", "a.tif", false},
        {"CALC", "a.tif", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        EXPECT(fn_grid_names_file(cases[i].option, cases[i].value) == cases[i].is_file, "%s=%s", cases[i].option,
               cases[i].value);
}

static fn_status parse(const char *const *options, fn_error *err)
{
    fn_recipe recipe;
    memset(err, 0, sizeof *err);
    const fn_status status = fn_recipe_parse("FISHNET:a.tif", options, &recipe, err);
    fn_recipe_clear(&recipe);
    return status;
}

static void together(void)
{
    fn_error err;
    const char *const good[] = {"B=b.tif",
                                "INPUT=red=c.tif",
                                "CALC=A+B+red",
                                "B_RESAMPLING=NEAR",
                                "INPUT_RESAMPLING=red=MAX",
                                "A_RESAMPLING=MIN",
                                "CHECK_CRS=KNOWN",
                                NULL};
    EXPECT(parse(good, &err) == FN_OK, "%s", err.text);
    const char *const letter[] = {"B=b.tif", "CALC=A+B", "C_RESAMPLING=NEAR", NULL};
    EXPECT(parse(letter, &err) == FN_ERR_ARGUMENT && strstr(err.text, "C_RESAMPLING") == err.text &&
               strstr(err.text, "no input C"),
           "%s", err.text);
    const char *const named[] = {"CALC=A", "INPUT_RESAMPLING=red=NEAR", NULL};
    EXPECT(parse(named, &err) == FN_ERR_ARGUMENT && strstr(err.text, "INPUT_RESAMPLING=red=near") == err.text &&
               strstr(err.text, "no input red"),
           "%s", err.text);
    const char *const extent[] = {"EXTENT=A", "CHECK_EXTENT=NO", NULL};
    EXPECT(parse(extent, &err) == FN_ERR_ARGUMENT && strstr(err.text, "CHECK_EXTENT=NO") == err.text, "%s", err.text);
    const char *const crs[] = {"CRS=A", "CHECK_CRS=NO", NULL};
    EXPECT(parse(crs, &err) == FN_ERR_ARGUMENT && strstr(err.text, "CHECK_CRS=NO") == err.text, "%s", err.text);
    const char *const alone[] = {"CHECK_EXTENT=NO", "CHECK_CRS=NO", "ACCURACY=0.1", NULL};
    EXPECT(parse(alone, &err) == FN_OK, "%s", err.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {UNIT(texts), UNIT(outside), UNIT(resampling), UNIT(names), UNIT(together)};
    return check_main(tests);
}
