/* The inputs of a recipe, while it is read. */
#ifndef FN_RECIPE_INPUTS_H
#define FN_RECIPE_INPUTS_H

#include "fishnet/recipe.h"

/* A=dem.tif: the input of that name is one dataset, whatever its name contains. */
fn_status fn_recipe_add_dataset(fn_recipe *recipe, const char *name, const char *dataset, fn_error *err);
/* INPUT=S=a.tif;b.tif */
fn_status fn_recipe_add_input(fn_recipe *recipe, const char *text, fn_error *err);
/* One more open option of the input whose name has n bytes. The input itself may come later. */
fn_status fn_recipe_add_open_option(fn_recipe *recipe, const char *name, size_t n, const char *option, fn_error *err);
/* INPUT_OO=red=NAME=VALUE */
fn_status fn_recipe_add_input_option(fn_recipe *recipe, const char *text, fn_error *err);
/* Puts first which gives the grid. is_connection: that is the first already. */
void fn_recipe_order_inputs(fn_recipe *recipe, bool is_connection);
/* Has each input a dataset, and do all go with what is computed? */
fn_status fn_recipe_check_inputs(const fn_recipe *recipe, fn_error *err);

#endif
