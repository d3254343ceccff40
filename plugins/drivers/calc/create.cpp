#include "create.h"

#include <algorithm>
#include <cctype>
#include <cstring>

#include "creation_options.h"
#include "dataset.h"
#include "deleted_files.h"
#include "fishnet/grid_options.h"
#include "fishnet/recipe.h"
#include "input_lists.h"
#include "input_watch.h"
#include "open_options.h"
#include "source_name.h"
#include "task_log.h"

namespace fishnet
{

bool CheckOutput(const Creation &creation, const std::string &folder)
{
    InputFiles inputs(InputFiles::Reach::Disk);
    inputs.AddDataset(GDALDataset::ToHandle(creation.source));
    inputs.AddName(creation.connection, creation.openOptions.List());
    return fishnet::CheckOutput("FISHNET", inputs, creation.output, folder);
}

/* GDAL has deleted what had the name of the output. The input that this was, which is there again; or empty. */
static std::string PutBackInput(const Creation &creation, CSLConstList options)
{
    const std::string watched = InputWatch::PutBack(creation.output);
    if (!watched.empty())
        return watched;
    const auto addInputs = [&](InputFiles &inputs) {
        inputs.AddDataset(GDALDataset::ToHandle(creation.source));
        inputs.AddName(creation.source->GetDescription());
        for (CSLConstList option = options; option && *option; option++) {
            if (isalpha(static_cast<unsigned char>((*option)[0])) && (*option)[1] == '=')
                inputs.AddName(*option + 2);
            const std::string text = *option, key = text.substr(0, text.find('='));
            if (fn_grid_names_file(key.c_str(), *option + std::min(text.size(), key.size() + 1)))
                inputs.AddName(*option + key.size() + 1);
            if (STARTS_WITH_CI(*option, "INPUT=") && IsDatasetOf(*option + strlen("INPUT="), creation.output))
                inputs.AddName(creation.output);
        }
    };
    bool keeps = false; /* what there is goes when it may */
    for (const char *key : {"PARTITION", "ASSEMBLE", "RESUME"})
        keeps = keeps || CSLFetchNameValue(options, key);
    return PutBackDeletedFiles(creation.output, addInputs, keeps);
}

static bool GivesA(CSLConstList options)
{
    for (CSLConstList option = options; option && *option; option++)
        if (STARTS_WITH_CI(*option, "A=") || (STARTS_WITH_CI(*option, "INPUT=") && STARTS_WITH(*option + 6, "A=")))
            return true;
    return false;
}

/* Ours as an open option of a source that has none such: GDAL only warns of it, and would copy the source as it is. */
static bool CheckSourceOptions(GDALDataset &source)
{
    const char *list = source.GetDriver() ? source.GetDriver()->GetMetadataItem(GDAL_DMD_OPENOPTIONLIST) : nullptr;
    const std::string has = list ? list : "";
    for (CSLConstList option = source.GetOpenOptions(); option && *option; option++) {
        const std::string text = *option, key = CPLString(text.substr(0, text.find('='))).toupper();
        const bool isOurs = key.size() > 1 && (fn_option_find(fn_recipe_option_table(), key.c_str(), key.size()) ||
                                               fn_option_find(fn_grid_option_table(), key.c_str(), key.size()));
        const auto isThere = [&](char quote) { return has.find(quote + key + quote) != std::string::npos; };
        if (!isOurs || isThere('\'') || isThere('"'))
            continue;
        CPLError(CE_Failure, CPLE_IllegalArg,
                 "FISHNET: %s is no open option of %.300s: it is given with -co %s=..., or with -oo behind "
                 "FISHNET:<name>",
                 key.c_str(), WithoutSecrets(source.GetDescription()).c_str(), key.c_str());
        return false;
    }
    return true;
}

/* Reads all options and looks at all inputs, before anything is written. False after CPLError. */
static bool Prepare(Creation &creation, CSLConstList options, bool &single)
{
    const std::string input = PutBackInput(creation, options);
    if (!input.empty()) {
        CPLError(CE_Failure, CPLE_IllegalArg, "FISHNET: the output %s is an input: %s", creation.output.c_str(),
                 input.c_str());
        return false;
    }
    if (!CheckSourceOptions(*creation.source))
        return false;
    creation.workers = fn_worker_options_default();
    for (CSLConstList option = options; option && *option; option++)
        if (!TakeOption(*option, creation, &creation.own))
            return false;
    creation.openOptions = SplitInputs(creation.openOptions.List());
    if (!ExpandInputs("FISHNET", creation.openOptions))
        return false;
    if (GivesA(creation.openOptions.List())) {
        CPLError(CE_Failure, CPLE_IllegalArg, "FISHNET: A is the source that is copied, and cannot be given");
        return false;
    }
    fn_option_value output;
    if (!CreationOptions().Read(creation.own.List(), "OUTPUT", output))
        return false;
    single = output.whole == 1;
    if (creation.source->GetRasterCount() == 0) {
        CPLError(CE_Failure, CPLE_NotSupported, "FISHNET: the source %.300s has no raster bands",
                 WithoutSecrets(creation.source->GetDescription()).c_str());
        return false;
    }
    if (!CheckOwnOptions(creation, single) ||
        !CheckOptionNames("FISHNET", GDAL_DMD_CREATIONOPTIONLIST, creation.own.List(), single ? "GTiff" : nullptr) ||
        !NameSource(creation) || !CheckOutput(creation, std::string()))
        return false;
    ResolveWorkers("FISHNET", creation.workers);
    return CheckConnection(creation);
}

static Creation NewCreation(const std::string &output, GDALDataset *source)
{
    Creation creation;
    creation.output = output;
    creation.source = source;
    creation.reports = FindReportFiles();
    creation.folder = CurrentFolder();
    return creation;
}

bool PlanCopy(const std::string &output, GDALDataset *source, CSLConstList options, JobSize &size)
{
    bool single = false;
    Creation creation = NewCreation(output, source);
    if (!Prepare(creation, options, single))
        return false;
    size.canShare = !single;
    return PlanTiles(creation, size);
}

static GDALDataset *Create(Creation &creation, CSLConstList options)
{
    bool single = false;
    {
        const LackOfMemory lack; /* for an option: GDAL's lists go on without it */
        if (!Prepare(creation, options, single) || lack.IsMet())
            return nullptr;
    }
    fn_error err;
    if (CheckLog(creation.reports.log, &err) != FN_OK) {
        CPLError(CE_Failure, CPLE_FileIO, "FISHNET: %s", err.text);
        return nullptr;
    }
    return single ? CreateSingle(creation) : CreateTiles(creation);
}

GDALDataset *CreateCopy(const char *output, GDALDataset *source, int, FN_CSL options, GDALProgressFunc progress,
                        void *progressData)
{
    return Guarded<GDALDataset *>("FISHNET", nullptr, [&] {
        /* GDAL has advised it that all will be read, and so it would be, twice: workers have handles of their own. */
        if (auto *own = dynamic_cast<Dataset *>(source))
            own->Reader().ForgetAdvice();
        Creation creation = NewCreation(output, source);
        creation.progress = progress ? progress : GDALDummyProgress;
        creation.progressData = progressData;
        return Create(creation, options);
    });
}

} // namespace fishnet
