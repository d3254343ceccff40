/* What a source is made of, as far as it decides how it must be read: VRT files, pipelines of the gdal command, and what they read. */
#ifndef FN_FISHNET_PIPELINE_H
#define FN_FISHNET_PIPELINE_H

#include <cstdint>
#include <memory>
#include <string>

#include <gdal.h>

namespace fishnet
{

struct Pipeline {
    /* Rows are computed from the rows around them (slope and the like), or are stored as a whole: tiles of full width. */
    bool rows = false;
    bool computesRows = false;
    int blockHeight = 1; /* of what is stored: so many rows are decoded together */
    int halo = 0;        /* rows above and below that a row is computed from */
    bool warped = false; /* blocks are computed as a whole, in all bands at once */
    bool allBands = false;
    /* GDAL before 3.12.3 clears more than a derived band's part of a buffer: what lies below another VRT is right in windows of one row. */
    bool oneRow = false;
    /* GDAL before 3.11 reads the sources of a derived band in the type that is asked for: a wide one clips nothing. */
    bool wide = false;
    int levels = 0; /* of VRT files, each of which keeps a dataset of GDAL's pool in use while it is read */
};

/* Opens no more than a few files that the source names. Silent; what cannot be found out is left out. */
Pipeline LookInto(GDALDatasetH dataset, const std::string &path);

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

/* A pipeline with a step that needs all pixels before it gives the first one is split behind the last such step. */
struct Split {
    std::string step; /* its name; empty: there is none */
    std::string head; /* the pipeline up to that step */
    std::string tail; /* what follows, a pipeline that reads kResult; empty: nothing */
};
Split SplitPipeline(const std::string &path);

/* Runs the head and returns what is to be opened instead of the pipeline. NULL after CPLError; *path is what to open. */
std::shared_ptr<NamelessFile> RunHead(const Split &split, std::string *path);

} // namespace fishnet

#endif
