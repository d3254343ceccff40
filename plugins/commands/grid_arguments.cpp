/* Arguments about the grid of a result: the driver's options, also in the words that GDAL's commands and gdal_calc.py
 * have for them. */
#include "commands.h"

#ifdef FN_HAS_COMMANDS

#include <algorithm>
#include <cctype>
#include <cmath>
#include <iterator>

#include <cpl_conv.h>

#include "fishnet/grid_options.h"
#include "handles.h"

namespace fishnet::commands
{

/* Words of others, and the driver's. NULL: as if it had not been given. */
static constexpr struct {
    const char *option, *word, *own;
} kWords[] = {{"EXTENT", "intersect", "INTERSECTION"}, /* gdal_calc.py */
              {"EXTENT", "fail", nullptr},
              {"CELL_SIZE", "highest", "FINEST"}, /* gdal raster mosaic */
              {"CELL_SIZE", "lowest", "COARSEST"},
              {"CELL_SIZE", "same", nullptr},
              {"RESAMPLING", "nearest", "NEAR"}};

/* Options that its help names are arguments, too. */
std::string Command::GridHelp(const fn_option &option) const
{
    const fn_option_table table = fn_grid_option_table();
    const auto isOfName = [](char c) { return isupper(static_cast<unsigned char>(c)) || c == '_'; };
    const std::string help = Help(option);
    std::string told;
    for (size_t i = 0, end; i < help.size(); i = end) {
        for (end = i; end < help.size() && isOfName(help[end]);)
            end++;
        const bool isOption = end > i && fn_option_find(table, help.c_str() + i, end - i);
        end = std::max(end, i + 1);
        CPLString word(help.substr(i, end - i));
        told += isOption ? "--" + word.tolower().replaceAll('_', '-') : word;
    }
    return told;
}

void Command::AddGridOptions()
{
    AddOption(m_grid, "like", "LIKE").SetMetaVar("INPUT|DATASET");
    AddOption(m_grid, "extent", "EXTENT")
        .AddAlias("bbox")
        .SetMetaVar("INPUT|intersection|union|DATASET|xmin,ymin,xmax,ymax")
        .SetMutualExclusionGroup("extent");
    AddArg("projwin", 0, "Extent of the result, as <ulx> <uly> <lrx> <lry>", &m_projwin)
        .SetMetaVar("ulx uly lrx lry")
        .SetMutualExclusionGroup("extent");
    AddOption(m_grid, "cell-size", "CELL_SIZE").AddAlias("resolution").SetMetaVar("INPUT|finest|coarsest|x[,y]");
    AddOption(m_grid, "snap", "SNAP").SetMetaVar("INPUT|DATASET|tap").SetMutualExclusionGroup("snap");
    AddArg("target-aligned-pixels", 0, "Corners of the result are multiples of the cell size, as --snap tap", &m_isTap)
        .AddAlias("tap")
        .SetMutualExclusionGroup("snap");
    AddOption(m_grid, "crs", "CRS").AddAlias("output-crs").AddAlias("dst-crs").SetMetaVar("<CRS>");
    AddOption(m_grid, "resampling", "RESAMPLING", 'r').SetChoices("nearest");
    AddOption(m_grid, "input-resampling", "INPUT_RESAMPLING").SetMetaVar("INPUT=METHOD");
    AddOption(m_grid, "outside", "OUTSIDE").SetMetaVar("nodata|VALUE");
    AddOption(m_grid, "input-outside", "INPUT_OUTSIDE").SetMetaVar("INPUT=nodata|VALUE");
    AddOption(m_grid, "accuracy", "ACCURACY").SetMetaVar("<PIXELS>").SetCategory(GAAC_ADVANCED);
}

/* Upper left and lower right become xmin,ymin,xmax,ymax. */
bool Command::AddProjwin(CPLStringList &options) const
{
    const CPLStringList numbers(CSLTokenizeString2(m_projwin.c_str(), ",", CSLT_ALLOWEMPTYTOKENS));
    bool good = numbers.size() == 4;
    for (int i = 0; good && i < numbers.size(); i++) {
        char *end = nullptr;
        good = std::isfinite(CPLStrtod(numbers[i], &end)) && end != numbers[i] && !*end;
    }
    if (!good)
        return Fail(CPLE_IllegalArg,
                    "Argument 'projwin': expected four numbers, <ulx> <uly> <lrx> <lry>: '" + m_projwin + "'");
    options.AddString(CPLSPrintf("EXTENT=%s,%s,%s,%s", numbers[0], numbers[3], numbers[2], numbers[1]));
    return true;
}

bool Command::AddGrid(CPLStringList &options) const
{
    const CPLStringList given = Given(m_grid);
    for (int i = 0; i < given.size(); i++) {
        const std::string text = given[i], key = text.substr(0, text.find('=')), value = text.substr(key.size() + 1);
        const auto *const word = std::find_if(std::begin(kWords), std::end(kWords), [&](const auto &row) {
            return EQUAL(key.c_str(), row.option) && EQUAL(value.c_str(), row.word);
        });
        const bool isFile = fn_grid_names_file(key.c_str(), value.c_str());
        if (key == "EXTENT" && EQUAL(value.c_str(), "ignore")) /* gdal_calc.py */
            options.AddString("CHECK_EXTENT=NO");
        else if (word == std::end(kWords))
            options.AddString(
                (key + "=" + (isFile ? AbsoluteName(NameOf(key == "LIKE" ? "like" : "extent", value)) : value))
                    .c_str());
        else if (word->own)
            options.AddString((key + "=" + word->own).c_str());
    }
    if (m_isTap)
        options.AddString("SNAP=TAP");
    return m_projwin.empty() || AddProjwin(options);
}

} // namespace fishnet::commands
#endif
