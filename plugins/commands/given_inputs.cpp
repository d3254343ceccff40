/* Inputs with names, and stacks of them, as arguments give them. */
#include "commands.h"

#ifdef FN_HAS_COMMANDS

#include <algorithm>
#include <cctype>

#include "calc_inputs.h"
#include "file_names.h"
#include "fishnet/recipe.h"
#include "handles.h"
#include "input_lists.h"
#include "recipe_file.h"
#include "workers.h"

namespace fishnet::commands
{

/* "red=dem.tif", or "dem.tif", also where that has a '=' in its name: then it has no name. False after CPLError. */
bool Command::ReadInput(const std::string &text, std::vector<GivenInput> &inputs) const
{
    GivenInput &input = inputs.emplace_back();
    input.dataset = text;
    const size_t equal = text.find('=');
    if (equal == std::string::npos || IsPipeline(text) || Exists(text))
        return true;
    const bool isDataset = Exists(text.substr(equal + 1));
    for (size_t i = 0; i < equal && !isDataset; i++)
        if (!isalnum(static_cast<unsigned char>(text[i])) && text[i] != '_')
            return true; /* vrt://x?bands=1 */
    if (!fn_recipe_is_input_name(text.c_str(), equal))
        return Fail(CPLE_IllegalArg, "Argument 'input': '" + text +
                                         "': the name of an input begins with a letter, goes on with letters, digits "
                                         "and _, and is not NODATA or not, as in red=<dataset>");
    input.name = text.substr(0, equal);
    input.dataset = text.substr(equal + 1);
    return true;
}

/* "@list.txt" has an input on each line. False after CPLError. */
bool Command::ReadInputList(const std::string &file, std::vector<GivenInput> &inputs) const
{
    std::string cause;
    const std::vector<std::string> lines = LinesOf(NameOf("input", file), cause);
    if (!cause.empty())
        return Fail(CPLE_OpenFailed, "Argument 'input': '@" + file + "': " + cause);
    return std::all_of(lines.begin(), lines.end(),
                       [this, &inputs](const std::string &line) { return ReadInput(line, inputs); });
}

bool Command::ReadInputs(std::vector<GDALArgDatasetValue> &values, std::vector<GivenInput> &inputs) const
{
    inputs.clear();
    for (GDALArgDatasetValue &value : values) {
        const std::string text = value.GetDatasetRef() ? NameOf("input", value) : value.GetName();
        if (value.GetDatasetRef())
            inputs.push_back({"", text});
        else if (text.size() > 1 && text[0] == '@' ? !ReadInputList(text.substr(1), inputs) : !ReadInput(text, inputs))
            return false;
    }
    for (const GivenInput &input : inputs) {
        if (input.dataset.empty())
            return !NameOf("input", input.dataset).empty();
        if (IsUnclosedPipeline(input.dataset))
            return Fail(CPLE_IllegalArg,
                        "Argument 'input': '" + input.dataset +
                            "': the ']' that closes the pipeline is missing, with white space before it");
        if (input.name.empty() && IsStack(input))
            return Fail(CPLE_IllegalArg,
                        "Argument 'input': '" + input.dataset + "': a stack needs a name, as in S=" + input.dataset);
    }
    return !inputs.empty() || Fail(CPLE_IllegalArg, "Argument 'input': there is no input");
}

std::string Command::DatasetOf(const GivenInput &input) const
{
    if (input.isOpened)
        return input.dataset;
    if (IsPipeline(input.dataset))
        return PipelineDataset(PipelineIn(GetReferencePathForRelativePaths(), input.dataset));
    return AbsoluteName(NameOf("input", input.dataset));
}

/* Names are absolute, as the output may be a VRT that lies elsewhere. */
std::string Command::InputOption(const GivenInput &input) const
{
    const std::string &folder = GetReferencePathForRelativePaths();
    return "INPUT=" + (IsStack(input)
                           ? InputValueIn(folder.empty() ? CurrentFolder() : folder, input.name + "=" + input.dataset)
                           : InputValue(input.name, {DatasetOf(input)}, false));
}

static std::string MovedName(const std::string &folder, const std::string &name)
{
    return NameFrom(folder, AbsoluteName(name));
}

/* As a .gdalg.json in that folder has it. */
std::string Command::MovedInput(const std::string &folder, const GivenInput &input)
{
    const std::string name = input.name.empty() ? "" : input.name + "=";
    if (IsPipeline(input.dataset))
        return name + PipelineIn("", input.dataset, folder);
    if (IsStack(input))
        return InputValueFrom(folder, InputValueIn(CurrentFolder(), name + input.dataset));
    return name + MovedName(folder, input.dataset);
}

/* "@list.txt" becomes the inputs in it, whose names begin at the current folder. False after CPLError. */
bool Command::MoveInputs(const std::string &folder, std::vector<GDALArgDatasetValue> &values) const
{
    std::vector<GivenInput> inputs;
    if (!ReadInputs(values, inputs))
        return false;
    values.clear();
    for (const GivenInput &input : inputs)
        values.emplace_back(MovedInput(folder, input));
    return true;
}

bool Command::MoveNames(const std::string &folder)
{
    bool good = true;
    for (auto &arg : GetArgs()) {
        const std::string name = arg->GetName();
        if (name == "output" || !arg->IsExplicitlySet())
            continue;
        if (name == "input" && arg->GetType() == GAAT_DATASET_LIST)
            good = good && MoveInputs(folder, arg->Get<std::vector<GDALArgDatasetValue>>());
        else
            ForEachName(*arg, [&folder](GDALArgDatasetValue &value) { value.Set(MovedName(folder, value.GetName())); });
    }
    for (Option &option : m_grid.given)
        if (fn_grid_names_file(option.option.name, option.text.c_str()))
            option.text = NameFrom(folder, AbsoluteName(option.text), option.option.name);
    return good;
}

bool Command::IsStack(const GivenInput &input)
{
    if (input.isOpened || IsPipeline(input.dataset))
        return false;
    return input.dataset[0] == '@' ||
           ((HasWildcards(input.dataset) || input.dataset.find(';') != std::string::npos) && !Exists(input.dataset));
}

} // namespace fishnet::commands
#endif
