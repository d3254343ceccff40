/* VRTs over an input, as text. */
#ifndef FN_FISHNET_VRT_TEXT_H
#define FN_FISHNET_VRT_TEXT_H

#include <memory>
#include <string>

#include <cpl_minixml.h>

#include "fishnet/base.h"
#include "output_grid.h"

namespace fishnet
{

struct DestroyXML {
    void operator()(CPLXMLNode *tree) const { CPLDestroyXMLNode(tree); }
};
using XMLTree = std::unique_ptr<CPLXMLNode, DestroyXML>;

/* An input that is to become a VRT over itself. */
struct InputOnGrid {
    const Input &input;
    GDALDatasetH dataset; /* of the input */
    const OutputGrid &grid;
    const char *outside; /* a number, or NULL: NoData */
    bool computes;       /* its bands are values of an expression */
};

/* What all bands say about which pixels are valid. */
struct BandFacts {
    fn_type type = FN_FLOAT64; /* FN_TYPE_COUNT: complex */
    fn_nodata nodata = {};
    bool isAlpha = false;
    bool hasMask = false; /* of its own or the dataset's; neither alpha nor NoData */
    bool maskIsShared = false;
    bool maskIsNoData = false; /* what it hides the NoData value hides, too */
};
std::vector<BandFacts> FactsOf(GDALDatasetH dataset);

/* All that a dataset and its bands say of themselves, but for what depends on where the pixels lie and how they are
 * stored. Bands that `to` has less or more stay as they are. */
void TakeOver(GDALDatasetH from, GDALDatasetH to);
/* A VRT of the grid's cells without bands; NULL after CPLError. */
DatasetHandle NewVrt(const OutputGrid &grid);
/* The grid of a dataset. */
OutputGrid GridOf(GDALDatasetH dataset);
/* Its text, or that of a warped one, as a tree; with the grid's CRS in words that lose nothing. */
XMLTree TreeOf(GDALDatasetH vrt, const OutputGrid &grid);
std::string TextOf(const XMLTree &tree);
/* NULL after CPLError. */
DatasetHandle OpenText(const std::string &text);
CPLXMLNode *BandNode(const XMLTree &tree, int band);

/* A source of a band. */
struct SourceText {
    std::string name;
    CSLConstList openOptions = nullptr;
    std::string band;
    fn_window from = {}, to = {};
    const char *skipped = nullptr; /* a pixel of that value leaves what was there before */
    bool usesMask = false;         /* so does one that the source's mask hides */
};
void AddOpenOptions(CPLXMLNode *parent, CSLConstList given);
void AddSource(CPLXMLNode *band, const SourceText &source);
/* Adds a mask to a band or a dataset; what it returns takes sources. */
CPLXMLNode *AddMask(CPLXMLNode *parent);
/* A source of a whole grid whose pixels are that number, as an option or an XML file has it. Of 64 bits it is a
 * double. */
SourceText Constant(const OutputGrid &grid, fn_type type, const std::string &number);
void SetNoData(CPLXMLNode *band, const std::string &number);

} // namespace fishnet

#endif
