/* Bands of an input as GDAL's warper is to resample them: in which type, what is no value, and with which options. */
#ifndef FN_FISHNET_WARPED_BANDS_H
#define FN_FISHNET_WARPED_BANDS_H

#include <gdalwarper.h>

#include "resampling_choice.h"
#include "warped_input.h"

namespace fishnet
{

struct FreeWarpOptions {
    void operator()(GDALWarpOptions *options) const { GDALDestroyWarpOptions(options); }
};
using WarpOptions = std::unique_ptr<GDALWarpOptions, FreeWarpOptions>;

/* Bands that are resampled together, in their order. */
struct Warped {
    const InputOnGrid &own;
    const Warping &warping;
    std::vector<BandFacts> bands = {};
    std::vector<int> numbers = {}; /* in the source */
    int alpha = 0;                 /* which of them is opaqueness, from 1 */
    int validity = 0;              /* a band that the VRT has more: where a cell has values */
    bool becomesReal = false;      /* the bands */
    GDALDataType working = GDT_Unknown;
    bool keepsNoData = false; /* NoData values are copied as others are */
    bool isJoined = false;    /* one band, as joined_validity.h has it: its mask says which cells are valid */
    std::string text = {};    /* of what the warper reads, where that is a VRT over the input */

    bool Plan(GDALDatasetH source, int only = 0);
    bool CheckKinds() const;
    bool AllHaveNoData() const;
    bool AnyHasNoData() const;
    /* What is NoData in one band is not seen in others: one alone has NoData where the nearest cell is, several have
     * what is around it. */
    bool MustPart() const
    {
        return isJoined || (bands.size() > 1 && AnyHasNoData() && !keepsNoData && alpha == 0 &&
                            warping.method != FN_RESAMPLING_NEAR);
    }
    /* Where a number is outside, near copies NoData and opaqueness as other values. */
    bool KeepsAll() const { return own.outside && warping.method == FN_RESAMPLING_NEAR; }
    /* It says for each cell what the others' masks have said already: that of the centre, where they need it to be
     * valid, or the most that a cell has. */
    bool IsAlphaAlone() const { return isJoined && bands.size() == 1 && bands[0].isAlpha; }
    fn_resampling Method() const
    {
        const bool isOfCentre = warping.method == FN_RESAMPLING_NEAR || HasKernel(warping.method);
        return !IsAlphaAlone() ? warping.method : isOfCentre ? FN_RESAMPLING_NEAR : FN_RESAMPLING_MAX;
    }
    bool IsAlpha(size_t i) const { return static_cast<int>(i) + 1 == alpha; }
    /* Where nothing is, and whether that says so: opaqueness does it else, and NaN is no value to mix with. */
    bool BeginsWithNaN() const { return becomesReal && !IsAlphaAlone() && (alpha == 0 || AnyHasNoData()); }
    std::string InitialValues() const;
    WarpOptions Options(GDALDatasetH source) const;
    std::string Text(WarpSource &source, bool isAll) const;
    fn_type TypeOf(size_t i) const; /* in the VRT */
    void SayBand(CPLXMLNode *band, size_t i) const;
    void SayWarp(const XMLTree &tree, const WarpSource &source) const;
};

/* Numbers that a double does not always hold. */
inline bool Is64Bits(fn_type type)
{
    return type == FN_INT64 || type == FN_UINT64;
}

/* Outside of a raster is a number, which is no NoData: GDAL's warper leaves what it begins with where a cell has no
 * values, whether it lies outside or has NoData cells only. Which of the two it is a raster that is valid all over
 * says, unless NoData is copied as other values are. */
bool NeedsCover(const InputOnGrid &own, const std::vector<BandFacts> &bands, fn_resampling method);

} // namespace fishnet

#endif
