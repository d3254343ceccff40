#include "fishnet/create.h"

namespace fishnet
{

GDALDataset *CreateTiles(const Creation &creation)
{
    CPLError(CE_Failure, CPLE_NotSupported, "FISHNET: %s: OUTPUT=TILES is not there yet", creation.output.c_str());
    return nullptr;
}

} // namespace fishnet
