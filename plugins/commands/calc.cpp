/* gdal fishnet calc: raster math, as `gdal raster calc` writes it. */
#include "commands.h"

#ifdef FN_HAS_COMMANDS

#include <cctype>

#include <cpl_vsi.h>

#include "capability.h"
#include "fishnet/recipe.h"
#include "handles.h"

namespace fishnet::commands
{

namespace
{
class Calc final : public RasterCommand
{
  public:
    Calc();

  private:
    Source Open() override;
    bool SplitInput(const std::string &input, char &letter, std::string &name) const;

    std::vector<GDALArgDatasetValue> m_inputs;
};
} // namespace

Calc::Calc() : RasterCommand("calc", "Compute rasters by an expression, in parallel.")
{
    AddInputDatasetArg(&m_inputs, GDAL_OF_RASTER, true,
                       "Input raster datasets, as A=<dataset>; one without a letter is A")
        .SetMinCount(1)
        .SetAutoOpenDataset(false)
        .SetPackedValuesAllowed(false)
        .SetMetaVar("INPUTS");
    AddOutput(GDAL_OF_RASTER, GDAL_DCAP_CREATECOPY);
    AddOption(m_options, "calc", "CALC").SetRequired();
    AddOption(m_options, "output-data-type", "OT")
        .AddAlias("ot")
        .SetChoices("Byte", "UInt8", "Int8", "UInt16", "Int16", "UInt32", "Int32", "UInt64", "Int64", "Float16",
                    "Float32", "Float64");
    AddOption(m_options, "nodata", "NODATA");
    AddOption(m_options, "alpha", "ALPHA");
    AddOption(m_options, "tile-size", "TILE_SIZE").SetCategory(GAAC_ADVANCED);
    AddRasterOptions();
    AddWorkerOptions();
}

/* "A=dem.tif", or "dem.tif", also where that has a '=' in its name. */
bool Calc::SplitInput(const std::string &input, char &letter, std::string &name) const
{
    const size_t equal = input.find('=');
    VSIStatBufL stat;
    letter = 'A';
    name = input;
    if (equal == std::string::npos || VSIStatL(input.c_str(), &stat) == 0)
        return true;
    for (size_t i = 0; i < equal; i++)
        if (!isalnum(static_cast<unsigned char>(input[i])) && input[i] != '_')
            return true; /* vrt://x?bands=1 */
    if (equal != 1 || input[0] < 'A' || input[0] > 'Z')
        return Fail(CPLE_IllegalArg, "Argument 'input': '" + input + "': inputs are called A to Z, as in A=<dataset>");
    letter = input[0];
    name = input.substr(2);
    return true;
}

Source Calc::Open()
{
    CPLStringList options;
    std::string names[FN_INPUTS];
    for (GDALArgDatasetValue &input : m_inputs) {
        char letter = 'A';
        std::string name = input.GetName();
        if (!input.GetDatasetRef() && !SplitInput(name, letter, name))
            return nullptr;
        name = input.GetDatasetRef() ? NameOf("input", input) : NameOf("input", name);
        if (name.empty())
            return nullptr;
        std::string &known = names[letter - 'A'];
        if (!known.empty()) {
            Fail(CPLE_IllegalArg,
                 std::string("Argument 'input': ") + letter + " is both '" + known + "' and '" + name + "'");
            return nullptr;
        }
        known = letter == 'A' ? name : AbsoluteName(name); /* the output may be a VRT that lies elsewhere */
        if (letter != 'A')
            options.AddString((std::string(1, letter) + "=" + known).c_str());
        AddOpenOptions(letter, options);
    }
    const CPLStringList given = DriverOptions();
    for (int i = 0; i < given.size(); i++)
        options.AddString(given[i]);
    if (names[0].empty()) {
        Fail(CPLE_IllegalArg, "Argument 'input': there is no A");
        return nullptr;
    }
    return OpenDataset(FN_RECIPE_PREFIX, names[0], options, GDAL_OF_RASTER);
}

static Capability capability(nullptr, [] { DeclareCommand("calc", MakeCommand<Calc>); });

} // namespace fishnet::commands
#endif
