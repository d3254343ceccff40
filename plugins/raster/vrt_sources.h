/* What a VRT is a mosaic of: pixels of files as they are, each at its place, one painted over the other. */
#ifndef FN_FISHNET_VRT_SOURCES_H
#define FN_FISHNET_VRT_SOURCES_H

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <cpl_minixml.h>
#include <gdal.h>

#include "fishnet/base.h"
#include "fishnet/grid.h"

namespace fishnet
{

class VrtSources
{
  public:
    /* Which of a source's pixels leave what was there before, as GDAL has it. */
    enum class Skip {
        kNone,
        kEqual, /* to `nodata` */
        kClose, /* that are equal to it but for rounding */
        kNaN
    };
    struct Source {
        fn_window place; /* in the VRT; it may end beyond it */
        int64_t x, y;    /* of its first pixel in the file */
        uint32_t file;
        int band; /* of the file */
        Skip skip = Skip::kNone;
        double nodata = 0;
    };
    struct Band {
        fn_type type = FN_TYPE_COUNT;
        std::array<char, sizeof(double)> fill = {}; /* a pixel where no source is */
        std::vector<Source> sources;                /* in the order in which they are painted */
        /* Which sources have pixels in a cell of a grid. */
        fn_grid cells = {};
        std::vector<size_t> begin;
        std::vector<uint32_t> inCell;

        /* The sources that have pixels in a window, in their order. */
        std::vector<uint32_t> Touching(const fn_window &window) const;
    };

    /* NULL: it is not certain that its pixels are these; GDAL is to read it. root: VRTDataset. dataset, path: of the
     * VRT. */
    static std::shared_ptr<const VrtSources> Of(const CPLXMLNode *root, GDALDatasetH dataset, const std::string &path);

    const Band &BandOf(int number) const { return m_bands[static_cast<size_t>(number) - 1]; }
    int BandCount() const { return static_cast<int>(m_bands.size()); }
    /* Do all bands have the same sources, but for the files' bands? */
    bool AreAlike() const { return m_alike; }
    const std::string &FileName(uint32_t file) const { return m_files[file]; }
    /* The blocks of a file as they are decoded at a time, where a window does not have all of a block. */
    static fn_grid UnitsOf(const fn_grid &blocks);
    /* Such of the first file: others are like it, most likely. */
    const fn_grid &Units() const { return m_units; }

  private:
    bool Take(const CPLXMLNode *root, GDALDatasetH dataset, const std::string &folder);
    bool TakeBand(const CPLXMLNode *tree, GDALDatasetH dataset, const std::string &folder);
    bool LooksPlain();
    void Compare();

    std::vector<Band> m_bands;
    std::vector<std::string> m_files;
    bool m_alike = true;
    fn_grid m_units = {};
};

} // namespace fishnet

#endif
