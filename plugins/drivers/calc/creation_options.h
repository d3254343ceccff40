/* Creation options of `-of FISHNET`: those of the recipe, of the workers, of tiles and of a single GeoTIFF. */
#ifndef FN_CREATION_OPTIONS_H
#define FN_CREATION_OPTIONS_H

#include "create.h"
#include "open_options.h"

namespace fishnet
{

const OptionTable &CreationOptions();

/* Takes an option of the recipe, or about workers, to where it belongs; any other one to `other`, or if that is NULL
 * among those of the recipe. False after CPLError. */
bool TakeOption(const char *option, Creation &creation, CPLStringList *other);

/* Whether some bring inputs onto a grid. */
bool HasGridOptions(CSLConstList options);

/* Options that the kind of output does not know would be passed over in silence. False after CPLError. */
bool CheckOwnOptions(const Creation &creation, bool single);

} // namespace fishnet

#endif
