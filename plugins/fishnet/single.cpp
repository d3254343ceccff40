#include "fishnet/create.h"

namespace fishnet
{

GDALDataset *CreateSingle(const Creation &creation)
{
    CPLError(CE_Failure, CPLE_NotSupported, "FISHNET: %s: OUTPUT=SINGLE is not there yet", creation.output.c_str());
    return nullptr;
}

} // namespace fishnet
