/* The options of a driver, as GDAL lists them and as they are read: names that it does not have are errors. */
#ifndef FN_OPEN_OPTIONS_H
#define FN_OPEN_OPTIONS_H

#include <cpl_string.h>
#include <gdal.h>

#include <string>
#include <vector>

#include "fishnet/options.h"

namespace fishnet
{

/* Rows of tables of the core, as one. Made once, for as long as the module is there. */
class OptionTable
{
  public:
    explicit OptionTable(const char *driver) : m_driver(driver) {}
    OptionTable &Add(fn_option_table table);
    OptionTable &Add(const fn_option &row) { return Add({&row, 1}); }

    const char *Driver() const { return m_driver; }
    const std::vector<fn_option> &Rows() const { return m_rows; }
    /* NULL: there is none of that name, in any case. */
    const fn_option *Find(const std::string &name) const;
    /* All names, each letter that '?' stands for. */
    std::vector<std::string> Names() const;
    /* For GDAL_DMD_OPENOPTIONLIST, where what few need comes last, and GDAL_DMD_CREATIONOPTIONLIST.
     * root: "OpenOptionList". */
    std::string List(const char *root) const;
    /* What `options` have for it, else its preset, else zeros. False after CPLError. */
    bool Read(CSLConstList options, const char *name, fn_option_value &value) const;

  private:
    const char *m_driver;
    std::vector<fn_option> m_rows;
};

/* fn_option_read(). False after CPLError, which begins with the driver. */
bool ReadOption(const char *driver, const fn_option &option, const char *text, fn_option_value &value);

/* The known name that a mistyped one is nearest to, in any case; empty: none is near. "retries" for "retires" */
std::string NearestName(const std::string &name, const std::vector<std::string> &known);

/* Whether that open option is none of ours and does not matter: programs give it to every driver. */
bool IsForOtherDrivers(const char *name);

/* The error for an open option that the driver does not have, with the one that may be meant. Always false. */
bool FailUnknownOption(const char *driver, const char *name);
/* Whether a driver of ours has all these options. GDAL only warns of one that it does not have, and goes on without.
 * list: GDAL_DMD_OPENOPTIONLIST or GDAL_DMD_CREATIONOPTIONLIST. other: NULL, or a driver whose options will do too.
 * False after CPLError. */
bool CheckOptionNames(const char *driver, const char *list, CSLConstList options, const char *other = nullptr);

/* To be called before threads write by that driver: some of GDAL before 3.11.1, such as JPEG, make lists of their
 * options when they are first asked for, without a lock. */
void MakeOptionLists(GDALDriverH driver);

/* Appends NAME=VALUE, or several of them with semicolons outside of quotes between them. False: it is something
 * else. */
bool SplitSettings(const char *text, CPLStringList &settings);

} // namespace fishnet

#endif
