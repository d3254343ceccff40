/* The commands `gdal fishnet ...`, for GDAL 3.11 and later: arguments become the connection and the open options of
 * one of our drivers, which does the work. */
#ifndef FN_COMMANDS_H
#define FN_COMMANDS_H

#include "argument_words.h"
#include "gdal_compat.h"
#include "open_options.h"

#if FN_GDAL_AT_LEAST(3, 11)
#define FN_HAS_COMMANDS

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include <cpl_string.h>
#include <gdalalgorithm.h>

namespace fishnet::commands
{

/* A VRT that is made of a dataset holds on to it. */
struct ReleaseDataset {
    void operator()(GDALDataset *dataset) const { dataset->ReleaseRef(); }
};
using Source = std::unique_ptr<GDALDataset, ReleaseDataset>;

/* Where the page of a command is, for --help: among the documentation that is installed with the module; empty: it is
 * not there. */
std::string HelpPage(const char *command);
/* A command on each line. */
std::string ExamplesAsHelp(const char *lines);
constexpr const char *kLogHelp = "File for a line on each task, who did what when; - prints them";

/* What the driver is asked for, and an output that GDAL writes: the pattern of most commands. GDAL makes an
 * object of every command for --help and completion, so constructors only list arguments. */
class Command : public GDALAlgorithm
{
  public:
    bool ParseCommandLineArguments(const std::vector<std::string> &words) override;
    bool ValidateArguments() override;
    bool Finalize() override;

  protected:
    /* open: options of the driver that reads; many: creation options of the one that writes many files. */
    Command(const char *name, const char *description, const OptionTable &open, const OptionTable &many);
    /* Lines that --help ends with. */
    void SetExamples(const char *lines) { m_longDescription = ExamplesAsHelp(lines); }

    /* An argument that is an option of a driver. */
    struct Option {
        std::string argument;
        const fn_option &option;
        std::string text;
        std::vector<std::string> texts; /* of one that may be repeated */
        bool yes = false;
    };
    struct Options {
        const OptionTable &table;
        std::list<Option> given; /* GDAL keeps pointers to the values */
    };

    /* Its help, but for Help(), and its choices are those of the option. */
    GDALInConstructionAlgorithmArg &AddOption(Options &options, const char *argument, const char *name,
                                              char letter = 0);
    /* -j and what else all drivers know about workers, --log and --trace. */
    void AddWorkerOptions();
    /* --extent, --cell-size and what else says which grid a result has. */
    void AddGridOptions();
    /* --output, --output-format, --creation-option, --overwrite. */
    void AddOutput(int type, const char *capability);

    /* Options of the arguments that were given, as NAME=value. A share of what many files are made of is none of
     * them. */
    virtual CPLStringList DriverOptions() const;
    /* Creation options of the driver that writes many files: of arguments, --co, and --partition as PARTITION. */
    virtual CPLStringList ManyOptions() const;
    /* Options of the driver for the arguments of AddGridOptions(). False after CPLError. */
    bool AddGrid(CPLStringList &options) const;
    /* The dataset that an argument means, as a name that opens it anywhere; empty after CPLError. Names in a file
     * .gdalg.json begin at its folder. */
    std::string NameOf(const char *argument, const std::string &name) const;
    std::string NameOf(const char *argument, GDALArgDatasetValue &value) const;
    /* An input, perhaps with a name: red=dem.tif, or a stack of several, S=@list.txt. */
    struct GivenInput {
        std::string name, dataset;
        bool isOpened = false; /* dataset is a name that opens it anywhere, with its open options in it */
    };
    /* Those of the argument "input"; "@list.txt" has one on each line. False after CPLError. */
    bool ReadInputs(std::vector<GDALArgDatasetValue> &values, std::vector<GivenInput> &inputs) const;
    /* Whether it is more than one name. */
    static bool IsStack(const GivenInput &input);
    /* A name that opens it, where it is not a stack; empty after CPLError. */
    std::string DatasetOf(const GivenInput &input) const;
    /* The option INPUT for it, which has a name. */
    std::string InputOption(const GivenInput &input) const;
    /* "FISHNET:" or "NEARTABLE:", and what it is to read. */
    static Source OpenDataset(const char *prefix, const std::string &name, const CPLStringList &options,
                              unsigned flags);
    bool Fail(CPLErrorNum number, const std::string &text) const;

    /* What the option means to this command. */
    virtual std::string Help(const fn_option &option) const { return option.help; }
    std::string GridHelp(const fn_option &option) const;
    /* What can be known of the output before an older one is deleted. False after CPLError. */
    virtual bool CheckOutput();
    /* What is written. NULL after CPLError. */
    virtual Source Open() = 0;
    /* Writes it into one file. False after CPLError. */
    virtual bool Write(GDALDataset &source, GDALProgressFunc progress, void *progressData) = 0;
    /* Who writes many files, and what does: not through GDAL, which deletes an older output first. NULL after
     * CPLError. */
    virtual const char *ManyDriver() const = 0;
    virtual GDALDataset *WriteMany(GDALDataset &source, const CPLStringList &options, GDALProgressFunc progress,
                                   void *progressData) = 0;
    virtual bool WritesMany() const { return AsksForMany() || EQUAL(m_format.c_str(), ManyDriver()); }
    /* The argument that asks for many files; NULL: none does. */
    virtual const char *AsksForMany() const { return FirstGiven(m_many); }
    const char *FirstGiven(const Options &options) const;
    /* Takes over an output that is open. False: there is none. */
    bool Take(GDALDataset *written);

    ProcessGDALGOutputRet ProcessGDALGOutput() override;
    bool CheckSafeForStreamOutput() override;

    Options m_options; /* open options */
    Options m_grid;    /* open options about the grid of the result */
    Options m_many;    /* creation options of the driver that writes many files: with one of them given, it writes */
    GDALArgDatasetValue m_output;
    std::string m_format, m_trace, m_log;
    std::vector<std::string> m_creationOptions;
    bool m_overwrite = false;
    bool m_isNew = false; /* the output is of our making, and nobody else's to take away */

  private:
    /* The configuration options for --log and --trace, as long as it lives. */
    class Reports
    {
      public:
        explicit Reports(const Command &command);

      private:
        std::unique_ptr<CPLConfigOptionSetter> m_trace, m_log;
    };

    bool CheckInputs();
    bool ReadInput(const std::string &text, std::vector<GivenInput> &inputs) const;
    bool ReadInputList(const std::string &file, std::vector<GivenInput> &inputs) const;
    bool ResolvePartition();
    CPLStringList Given(const Options &options) const;
    std::vector<std::string> NamePositions(const std::vector<std::string> &words);
    Argument ArgumentOf(const std::string &option);
    std::string Asked() const;
    bool Prepare();
    bool AddProjwin(CPLStringList &options) const;
    bool CheckIsForMany(const std::string &many) const;
    /* Whether this is a share of many files, or goes on with them, or assembles them. */
    bool GoesOn() const;
    bool OpenFirst();
    bool RunImpl(GDALProgressFunc progress, void *progressData) override;
    bool Work(GDALProgressFunc progress, void *progressData);
    static void ForEachName(GDALAlgorithmArg &arg, const std::function<void(GDALArgDatasetValue &)> &use);
    static std::string MovedInput(const std::string &folder, const GivenInput &input);
    bool MoveInputs(const std::string &folder, std::vector<GDALArgDatasetValue> &values) const;
    /* Gives datasets the names that a .gdalg.json in that folder has for them. False after CPLError. */
    bool MoveNames(const std::string &folder);
    void RemoveOutput();

    std::string m_projwin;
    bool m_isTap = false;
    Source m_source;     /* opened before an older output is deleted */
    std::string m_asked; /* for what */
};

/* Those that write rasters. */
class RasterCommand : public Command
{
  protected:
    RasterCommand(const char *name, const char *description);
    bool Write(GDALDataset &source, GDALProgressFunc progress, void *progressData) override;
    const char *ManyDriver() const override { return "FISHNET"; }
    GDALDataset *WriteMany(GDALDataset &source, const CPLStringList &options, GDALProgressFunc progress,
                           void *progressData) override;
    void AddRasterOptions();
    /* --grid and what else says how tiles are written. */
    void AddTileOptions();
    /* --open-option, as options of that input. */
    void AddOpenOptions(const std::string &input, CPLStringList &options) const;
    const std::vector<std::string> &OpenOptions() const { return m_openOptions; }

  private:
    bool CheckOutput() override;
    bool CheckFormat() const;
    bool RelateVRT();

    std::vector<std::string> m_openOptions;
};

/* Declares `gdal fishnet NAME`. */
void DeclareCommand(const char *name, std::unique_ptr<GDALAlgorithm> (*make)());
template <class Made> std::unique_ptr<GDALAlgorithm> MakeCommand()
{
    return std::make_unique<Made>();
}

} // namespace fishnet::commands
#endif

#endif
