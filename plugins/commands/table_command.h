/* The commands that write tables. */
#ifndef FN_TABLE_COMMAND_H
#define FN_TABLE_COMMAND_H

#include "commands.h"
#include "table_kind.h"

#ifdef FN_HAS_COMMANDS

namespace fishnet::commands
{

class TableCommand : public Command
{
  protected:
    /* rows: the argument for the dataset whose features have the rows. --input is there at once, as the first one; a
     * command whose input is something else adds that argument itself. It adds what it reads beside, and then the rest
     * by AddTableArguments(). */
    TableCommand(const char *name, const char *description, const TableKind &kind, const char *rows = "input");
    void AddTableArguments();
    /* A dataset as that option, of which the driver takes several apart at semicolons. */
    static std::string NameOption(const char *option, const std::string &name);
    /* The datasets of an argument, each as that option. False after CPLError. */
    bool AddNames(const char *argument, std::vector<GDALArgDatasetValue> &values, const char *option,
                  CPLStringList &options) const;

    GDALArgDatasetValue m_input; /* the dataset of the argument `rows` */

  private:
    /* Adds the options for what it reads beside the input, and for arguments that are no option of the driver. False
     * after CPLError. */
    virtual bool AddInputs(CPLStringList & /*options*/) { return true; }

    std::string Help(const fn_option &option) const override;
    Source Open() override;
    /* One file that the workers write, where it is the same that GDAL would write; options: for the driver. */
    bool WorkersWrite(GDALDataset &source, CPLStringList &options) const;
    bool Write(GDALDataset &source, GDALProgressFunc progress, void *progressData) override;
    const char *ManyDriver() const override { return m_kind.driver; }
    GDALDataset *WriteMany(GDALDataset &source, const CPLStringList &options, GDALProgressFunc progress,
                           void *progressData) override;

    const TableKind &m_kind;
    const std::string m_rows;
    std::vector<std::string> m_layerCreationOptions;
    std::string m_outputLayer;
    bool m_update = false, m_overwriteLayer = false, m_append = false;
};

} // namespace fishnet::commands
#endif

#endif
