/* A kind of table, said once: what its driver is called and may be asked for. Everything else about the driver is in
 * this folder. */
#ifndef FN_TABLE_KIND_H
#define FN_TABLE_KIND_H

#include <memory>

#include "recipe_file.h"
#include "table_options.h"
#include "table_plan.h"

namespace fishnet
{

struct TableKind {
    const char *driver;           /* "NEARTABLE" */
    const char *longName;         /* for GDAL_DMD_LONGNAME */
    const char *prefix;           /* "NEARTABLE:" */
    const char *type;             /* of its recipes: "near_table" */
    const char *layer;            /* the name of the union over its parts: "near_table" */
    fn_option_table (*options)(); /* its own, beside those of all tables */
    std::unique_ptr<TableOptions> (*newOptions)();
    std::shared_ptr<TablePlan> (*newPlan)();
    /* What cannot be done without an option, as a warning or an error; NULL: nothing. Programs open a name without
     * options first, to see what layers it has. */
    void (*sayIncomplete)(CPLErr level);
};

/* Makes known what helpers know of it, and its recipes: see jobs/. The kind lives as long as the module. */
void RegisterTableJobs(const TableKind &kind);
/* NULL: no kind has that driver. */
const TableKind *FindTableKind(const std::string &driver);
/* The recipes of a kind that is known. */
const RecipeKind &TableRecipes(const TableKind &kind);

} // namespace fishnet

#endif
