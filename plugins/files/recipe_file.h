/* What a name stands for that is not a connection string yet: a recipe file, or a connection string behind the
 * folder that its names begin at. Both become a connection string and open options in which all names of files are
 * absolute. */
#ifndef FN_RECIPE_FILE_H
#define FN_RECIPE_FILE_H

#include <cpl_string.h>

#include <string>
#include <vector>

#include "gdal_compat.h"
#include "open_options.h"

namespace fishnet
{

/* The ending of recipe files. */
#define FN_RECIPE_FILE_EXTENSION "fishnet.json"

/* What is different between the drivers. */
struct RecipeKind {
    const char *driver; /* "FISHNET" */
    const char *prefix; /* "FISHNET:" */
    const char *type;   /* "fishnet_raster" */
    const char *first;  /* the key for what is read: "inputs", an object of names by letters; or "input", a name */
    /* Those of two letters and more are keys of a recipe, too, in lower case. Where it has an array for one that is
     * several texts, the option has ';' or ',' between them. */
    OptionTable options;
    /* What is wrong with an option, by itself; empty: nothing. */
    std::string (*check)(const RecipeKind &kind, const char *option);
};
/* Makes a driver's kind known, once, before it opens anything. It lives as long as the module. */
void RegisterRecipes(const RecipeKind &kind);
const std::vector<const RecipeKind *> &RecipeKinds();
/* The kind whose connection strings begin as `name` does, in any case; or NULL. */
const RecipeKind *FindRecipes(const std::string &name);

struct Opening {
    std::string connection;
    CPLStringList options;
    std::string file; /* the recipe; empty: there is none */
    /* Of a job, a recipe that says what is to become of it. */
    std::string output;
    CPLStringList creationOptions;
};

/* For GDALDriver::pfnIdentify: a connection string, one behind a folder, or a recipe file of that kind. */
int IdentifyName(const GDALOpenInfo *info, const RecipeKind &kind);

/* Of a name that was identified. False: it is none of ours, or broken, then after CPLError. */
bool ReadName(const GDALOpenInfo *info, const RecipeKind &kind, Opening &opening);

/* The recipe file that one of our datasets was opened by; empty: none. */
std::string RecipeFile(GDALDataset &dataset);

/* The datasets that an opening reads, as it names them: that of the connection first. */
std::vector<std::string> NamesOf(const Opening &opening, const RecipeKind &kind);

/* For GDALDriver::pfnDelete: a recipe goes, its inputs stay. */
CPLErr DeleteRecipeFile(const char *name, const RecipeKind &kind);

/* A name as a file in that folder has it: relative ones begin there. So do those of files in PREFIX:file and
 * PREFIX:"file":rest. */
std::string NameIn(const std::string &folder, const std::string &name);
/* The reverse: an absolute name that begins with the folder becomes relative to it. */
std::string NameFrom(const std::string &folder, const std::string &name);
/* The same of a file that EXTENT, SNAP or CRS names: what is left is no name that an input could have. */
std::string NameFrom(const std::string &folder, const std::string &name, const std::string &option);

} // namespace fishnet

#endif
