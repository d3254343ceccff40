/* gdal fishnet calc: raster math, as `gdal raster calc` writes it. */
#include "commands.h"

#ifdef FN_HAS_COMMANDS

#include <algorithm>
#include <cctype>
#include <map>

#include <cpl_vsi.h>

#include "capability.h"
#include "fishnet/recipe.h"
#include "handles.h"
#include "input_lists.h"
#include "workers.h"

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
    struct Given {
        std::string name, dataset;
    };
    bool AddInput(const std::string &text);
    bool AddList(const std::string &file);
    bool ReadInputs();
    std::string ValueOf(const Given &input) const;
    static bool IsStack(const Given &input);

    std::vector<GDALArgDatasetValue> m_inputs;
    std::vector<Given> m_given;
};
} // namespace

Calc::Calc() : RasterCommand("calc", "Compute rasters by an expression, in parallel.")
{
    AddInputDatasetArg(&m_inputs, GDAL_OF_RASTER, true,
                       "Input raster datasets, as red=<dataset>; a stack of them as S=<wildcards> or S=@<list>")
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

/* "red=dem.tif", or "dem.tif", also where that has a '=' in its name: then it has no name. False after CPLError. */
bool Calc::AddInput(const std::string &text)
{
    Given &input = m_given.emplace_back();
    input.dataset = text;
    const size_t equal = text.find('=');
    VSIStatBufL stat;
    if (equal == std::string::npos || VSIStatL(text.c_str(), &stat) == 0)
        return true;
    for (size_t i = 0; i < equal; i++)
        if (!isalnum(static_cast<unsigned char>(text[i])) && text[i] != '_')
            return true; /* vrt://x?bands=1 */
    if (!fn_recipe_is_input_name(text.c_str(), equal))
        return Fail(CPLE_IllegalArg, "Argument 'input': '" + text +
                                         "': the name of an input begins with a letter, goes on with letters, digits "
                                         "and _, and is not NODATA, as in red=<dataset>");
    input.name = text.substr(0, equal);
    input.dataset = text.substr(equal + 1);
    return true;
}

/* "@list.txt" has an input on each line. False after CPLError. */
bool Calc::AddList(const std::string &file)
{
    std::string cause;
    const std::vector<std::string> lines = LinesOf(NameOf("input", file), cause);
    if (!cause.empty())
        return Fail(CPLE_OpenFailed, "Argument 'input': '@" + file + "': " + cause);
    return std::all_of(lines.begin(), lines.end(), [this](const std::string &line) { return AddInput(line); });
}

/* What INPUT holds for it. Names are absolute, as the output may be a VRT that lies elsewhere. */
std::string Calc::ValueOf(const Given &input) const
{
    const std::string &folder = GetReferencePathForRelativePaths();
    return IsStack(input) ? InputValueIn(folder.empty() ? CurrentFolder() : folder, input.name + "=" + input.dataset)
                          : InputValue(input.name, {AbsoluteName(NameOf("input", input.dataset))}, false);
}

/* Whether it is more than one name. */
bool Calc::IsStack(const Given &input)
{
    VSIStatBufL stat;
    return input.dataset[0] == '@' || ((HasWildcards(input.dataset) || input.dataset.find(';') != std::string::npos) &&
                                       VSIStatL(input.dataset.c_str(), &stat) != 0);
}

/* All inputs, each with a name that no other has. False after CPLError. */
bool Calc::ReadInputs()
{
    m_given.clear();
    for (GDALArgDatasetValue &value : m_inputs) {
        const std::string text = value.GetDatasetRef() ? NameOf("input", value) : value.GetName();
        if (value.GetDatasetRef())
            m_given.push_back({"", text});
        else if (text.size() > 1 && text[0] == '@' ? !AddList(text.substr(1)) : !AddInput(text))
            return false;
    }
    std::map<std::string, std::string> known;
    for (Given &input : m_given) {
        if (input.dataset.empty())
            return !NameOf("input", input.dataset).empty();
        if (input.name.empty() && IsStack(input))
            return Fail(CPLE_IllegalArg,
                        "Argument 'input': '" + input.dataset + "': a stack needs a name, as in S=" + input.dataset);
        if (input.name.empty())
            input.name = "A";
        const auto [other, isNew] = known.emplace(input.name, input.dataset);
        if (!isNew)
            return Fail(CPLE_IllegalArg, "Argument 'input': " + input.name + " is both '" + other->second + "' and '" +
                                             input.dataset + "'");
    }
    return !m_given.empty() || Fail(CPLE_IllegalArg, "Argument 'input': there is no input");
}

Source Calc::Open()
{
    if (!ReadInputs())
        return nullptr;
    CPLStringList options;
    std::string connection;
    for (const Given &input : m_given) {
        const bool isLetter = input.name.size() == 1 && isupper(static_cast<unsigned char>(input.name[0]));
        if (input.name == "A" && !IsStack(input))
            connection = NameOf("input", input.dataset);
        else if (isLetter && !IsStack(input))
            options.AddString((input.name + "=" + AbsoluteName(NameOf("input", input.dataset))).c_str());
        else
            options.AddString(("INPUT=" + ValueOf(input)).c_str());
        AddOpenOptions(input.name, options);
    }
    const CPLStringList given = DriverOptions();
    for (int i = 0; i < given.size(); i++)
        options.AddString(given[i]);
    return OpenDataset(FN_RECIPE_PREFIX, connection, options, GDAL_OF_RASTER);
}

static Capability capability(nullptr, [] { DeclareCommand("calc", MakeCommand<Calc>); });

} // namespace fishnet::commands
#endif
