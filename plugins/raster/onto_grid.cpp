#include "onto_grid.h"

namespace fishnet
{

bool BringOntoGrid(Inputs &, InputHandles &, const OutputGrid &, const fn_grid_options &, bool)
{
    return true;
}

} // namespace fishnet
