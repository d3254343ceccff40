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
    /* With the first argument, the input. A command adds what it reads beside that, and then the rest by
     * AddTableArguments(). */
    TableCommand(const char *name, const char *description, const TableKind &kind);
    void AddTableArguments();

  private:
    /* Adds the options for what it reads beside the input. False after CPLError. */
    virtual bool AddInputs(CPLStringList & /*options*/) { return true; }

    Source Open() override;
    bool Write(GDALDataset &source, GDALProgressFunc progress, void *progressData) override;
    const char *ManyDriver() const override { return m_kind.driver; }

    const TableKind &m_kind;
    GDALArgDatasetValue m_input;
    std::vector<std::string> m_layerCreationOptions;
    std::string m_outputLayer;
    bool m_update = false, m_overwriteLayer = false, m_append = false;
};

} // namespace fishnet::commands
#endif

#endif
