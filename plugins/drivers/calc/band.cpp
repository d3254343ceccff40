#include "dataset.h"

#include <algorithm>
#include <cstring>

#include <gdal_rat.h>

#include "pixels.h"

namespace fishnet
{

Band::Band(Dataset *dataset, int number, size_t output) : m_output(output)
{
    const fn_grid &grid = dataset->GetPlan().grid;
    poDS = dataset;
    nBand = number;
    eDataType = ToGDAL(GetOutput().type);
    eAccess = GA_ReadOnly;
    nRasterXSize = static_cast<int>(grid.width);
    nRasterYSize = static_cast<int>(grid.height);
    nBlockXSize = grid.tile_width;
    nBlockYSize = dataset->GetPlan().blockHeight;
    if (GetOutput().isMask || dataset->GetPlan().expr)
        return;
    /* Passed through: is there a mask for this band, its own or the dataset's? */
    const std::vector<Output> &outputs = dataset->GetPlan().outputs;
    const auto shared = [dataset](int band) {
        const int flags = GDALGetMaskFlags(dataset->SourceBand(band));
        return (flags & GMF_PER_DATASET) && !(flags & GMF_ALPHA);
    };
    for (size_t i = static_cast<size_t>(dataset->GetPlan().bandCount); i < outputs.size() && !m_mask; i++)
        if (outputs[i].band == number || (shared(number) && shared(outputs[i].band)))
            m_mask.reset(new Band(dataset, number, i));
}

Band::~Band() = default;

const Output &Band::GetOutput() const
{
    return Owner()->GetPlan().outputs[m_output];
}

GDALRasterBandH Band::SourceBand() const
{
    return GetOutput().isMask ? nullptr : Owner()->SourceBand(nBand);
}

/* ---- what the source says of itself, or the plan of a computed band ---- */

static bool SayNone(int *success)
{
    if (success)
        *success = FALSE;
    return true;
}

double Band::GetNoDataValue(int *success)
{
    if (Owner()->HidesNoData() && SayNone(success))
        return GDALRasterBand::GetNoDataValue(nullptr);
    if (GDALRasterBandH source = SourceBand())
        return GDALGetRasterNoDataValue(source, success);
    const Output &output = GetOutput();
    if (success)
        *success = output.nodata.set;
    return output.nodata.set ? fn_nodata_as_double(output.nodata, output.type)
                             : GDALRasterBand::GetNoDataValue(nullptr);
}

int64_t Band::GetNoDataValueAsInt64(int *success)
{
    if (Owner()->HidesNoData() && SayNone(success))
        return 0;
    if (GDALRasterBandH source = SourceBand())
        return GDALGetRasterNoDataValueAsInt64(source, success);
    const bool set = GetOutput().type == FN_INT64 && GetOutput().nodata.set;
    if (success)
        *success = set;
    return set ? GetOutput().nodata.value.i : 0;
}

uint64_t Band::GetNoDataValueAsUInt64(int *success)
{
    if (Owner()->HidesNoData() && SayNone(success))
        return 0;
    if (GDALRasterBandH source = SourceBand())
        return GDALGetRasterNoDataValueAsUInt64(source, success);
    const bool set = GetOutput().type == FN_UINT64 && GetOutput().nodata.set;
    if (success)
        *success = set;
    return set ? GetOutput().nodata.value.u : 0;
}

double Band::GetOffset(int *success)
{
    GDALRasterBandH source = SourceBand();
    return source ? GDALGetRasterOffset(source, success) : GDALRasterBand::GetOffset(success);
}

double Band::GetScale(int *success)
{
    GDALRasterBandH source = SourceBand();
    return source ? GDALGetRasterScale(source, success) : GDALRasterBand::GetScale(success);
}

const char *Band::GetUnitType()
{
    GDALRasterBandH source = SourceBand();
    return source ? GDALGetRasterUnitType(source) : GDALRasterBand::GetUnitType();
}

GDALColorInterp Band::GetColorInterpretation()
{
    GDALRasterBandH source = SourceBand();
    return source ? GDALGetRasterColorInterpretation(source) : GCI_Undefined;
}

GDALColorTable *Band::GetColorTable()
{
    GDALRasterBandH source = SourceBand();
    return source ? GDALColorTable::FromHandle(GDALGetRasterColorTable(source)) : nullptr;
}

char **Band::GetCategoryNames()
{
    GDALRasterBandH source = SourceBand();
    return source ? GDALGetRasterCategoryNames(source) : nullptr;
}

GDALRasterAttributeTable *Band::GetDefaultRAT()
{
    GDALRasterBandH source = SourceBand();
    return source ? GDALRasterAttributeTable::FromHandle(GDALGetDefaultRAT(source)) : nullptr;
}

/* ---- masks and overviews ---- */

int Band::GetMaskFlags()
{
    return m_mask ? GDALGetMaskFlags(SourceBand()) : GDALRasterBand::GetMaskFlags();
}

GDALRasterBand *Band::GetMaskBand()
{
    return m_mask ? m_mask.get() : GDALRasterBand::GetMaskBand();
}

bool Band::IsMaskBand() const
{
    return GetOutput().isMask || GDALRasterBand::IsMaskBand();
}

int Band::GetOverviewCount()
{
    return Owner()->OverviewCount();
}

/* In the place of an overview that cannot be opened, though it was counted: GDAL takes for granted that what is
 * counted is there. */
class LostOverview final : public GDALRasterBand
{
  public:
    LostOverview(int width, int height, GDALDataType type)
    {
        eDataType = type;
        eAccess = GA_ReadOnly;
        nRasterXSize = nBlockXSize = width;
        nRasterYSize = height;
        nBlockYSize = 1;
    }

  protected:
    CPLErr IReadBlock(int, int, void *) override
    {
        CPLError(CE_Failure, CPLE_AppDefined, "FISHNET: an overview cannot be opened");
        return CE_Failure;
    }
};

GDALRasterBand *Band::GetOverview(int level)
{
    if (level < 0 || level >= Owner()->OverviewCount())
        return nullptr;
    if (Dataset *overview = Owner()->Overview(level)) {
        GDALRasterBand *band = overview->GetRasterBand(nBand);
        return GetOutput().isMask ? band->GetMaskBand() : band;
    }
    return Guarded<GDALRasterBand *>("FISHNET", nullptr, [&] {
        const std::pair<int, int> size = Owner()->OverviewSize(level);
        m_lost.push_back(std::make_unique<LostOverview>(size.first, size.second, eDataType));
        return m_lost.back().get();
    });
}

/* ---- reading ---- */

CPLErr Band::IReadBlock(int blockX, int blockY, void *data)
{
    const fn_grid &grid = Owner()->GetPlan().grid;
    const int64_t x = static_cast<int64_t>(blockX) * nBlockXSize, y = static_cast<int64_t>(blockY) * nBlockYSize;
    const fn_window window = {x, y, std::min<int64_t>(nBlockXSize, grid.width - x),
                              std::min<int64_t>(nBlockYSize, grid.height - y)};
    const GSpacing size = GDALGetDataTypeSizeBytes(eDataType);
    if (window.width < nBlockXSize ||
        window.height < nBlockYSize) /* the rest of a cut tile is never looked at, but defined */
        memset(data, 0,
               static_cast<size_t>(size) * static_cast<size_t>(nBlockXSize) * static_cast<size_t>(nBlockYSize));
    return Guarded("FISHNET", CE_Failure, [&] {
        return Owner()->Reader().Read({m_output}, window,
                                      {static_cast<char *>(data), eDataType, size, size * nBlockXSize, 0}, nullptr);
    });
}

CPLErr Band::IRasterIO(GDALRWFlag flag, int x, int y, int width, int height, void *data, int bufWidth, int bufHeight,
                       GDALDataType type, GSpacing pixelSpace, GSpacing lineSpace, GDALRasterIOExtraArg *extra)
{
    if (flag == GF_Write || bufWidth != width || bufHeight != height)
        return GDALRasterBand::IRasterIO(flag, x, y, width, height, data, bufWidth, bufHeight, type, pixelSpace,
                                         lineSpace, extra);
    return Guarded("FISHNET", CE_Failure, [&] {
        return Owner()->Reader().Read({m_output}, {x, y, width, height},
                                      {static_cast<char *>(data), type, pixelSpace, lineSpace, 0}, extra);
    });
}

/* A copy band by band then passes over them; one of all bands at a time does not in all versions of GDAL. */
int Band::IGetDataCoverageStatus(int x, int y, int width, int height, int stopAt, double *percent)
{
    if (!Owner()->Reader().IsHollow() || GetOutput().isMask)
        return GDALRasterBand::IGetDataCoverageStatus(x, y, width, height, stopAt, percent);
    if (percent)
        *percent = 0;
    return GDAL_DATA_COVERAGE_STATUS_EMPTY;
}

CPLErr Band::AdviseRead(int x, int y, int width, int height, int bufWidth, int bufHeight, GDALDataType, FN_CSL)
{
    if (bufWidth != width || bufHeight != height || width < 1 || height < 1)
        return CE_None;
    return Guarded("FISHNET", CE_Failure, [&] { return Owner()->Reader().Advise({m_output}, {x, y, width, height}); });
}

} // namespace fishnet
