/* Recipes of rasters: their prefix, their type and the open options. */
#ifndef FN_RASTER_RECIPES_H
#define FN_RASTER_RECIPES_H

#include "recipe_file.h"

namespace fishnet
{

const RecipeKind &RasterRecipes(); /* in driver.cpp */

} // namespace fishnet

#endif
