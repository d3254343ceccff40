/* Steps of pipelines that need all pixels before they give the first one. Each worker that opens such a pipeline
 * would run them: they are run once, and all who open the pipeline read the result. */
#ifndef FN_FISHNET_MATERIALIZED_H
#define FN_FISHNET_MATERIALIZED_H

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace fishnet
{

/* A file that has no name: nobody else finds it, and nothing is left of it when this process has ended. */
class NamelessFile
{
  public:
    static std::shared_ptr<NamelessFile> Create(); /* NULL after CPLError */
    ~NamelessFile();
    NamelessFile(const NamelessFile &) = delete;
    NamelessFile &operator=(const NamelessFile &) = delete;
    const std::string &Path() const { return m_path; } /* for all processes of this user */
    int64_t Size() const;

  private:
    explicit NamelessFile(int fd);
    int m_fd;
    std::string m_path;
};

/* The results that a dataset reads, as long as it lives. */
using Results = std::vector<std::shared_ptr<NamelessFile>>;

/* Standard input (/vsistdin/) is copied, once.
 * Runs such steps of a pipeline, or of the pipelines that a VRT reads, and makes *path what is to be opened instead;
 * it stays as it is where there are none. What another dataset of this process still holds is not run again, unless
 * a file that was read has changed. Warns of each step that is run. input: for messages. False after CPLError.
 * Threads: any. */
bool Materialize(const std::string &input, std::string *path, Results *results);

/* A file that a server gives only whole: loaded once, for all who open it, into a file of this machine. Its name;
 * empty: it cannot be had so, GDAL has said why. loads: false only looks whether the process that this one helps has
 * it. */
std::string Download(const std::string &url, bool loads, Results *results);

/* What this process holds, for a helper process, which takes it over for its life. */
std::vector<std::string> ListMaterialized();
void TakeOverMaterialized(const std::vector<std::string> &list);

} // namespace fishnet

#endif
