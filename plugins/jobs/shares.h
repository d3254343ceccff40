/* Runs that each make a share of an output's parts (PARTITION), on machines that know nothing of each other, and the
 * one that puts the whole together (ASSEMBLE). For tiles of a raster and parts of a table. */
#ifndef FN_JOBS_SHARES_H
#define FN_JOBS_SHARES_H

#include "fishnet/options.h"
#include "open_options.h"
#include "output_folder.h"

namespace fishnet
{

/* What a run does in a folder: of the options RESUME, PARTITION and ASSEMBLE. */
struct RunOptions {
    output::Writer writer = output::Writer::Alone;
    int share = 0, shares = 0; /* PARTITION */
};

/* False after CPLError. */
bool ReadRunOptions(const OptionTable &table, CSLConstList options, RunOptions &run);

/* All parts of a job, as a grid, and what work each is: nothing where all are alike. */
struct PartGrid {
    int64_t columns = 1, rows = 1;
    std::vector<uint32_t> weights;

    int64_t Count() const { return columns * rows; }
    std::vector<int32_t> Shares(int shares) const; /* see fn_shares_of_grid() */
};

/* The parts that the run is to see done: those of its share, or all. what: "tiles". False after CPLError: there are
 * fewer parts than shares. */
bool FindWanted(const char *driver, const char *what, const RunOptions &run, const PartGrid &grid,
                std::vector<int64_t> &wanted);

/* How large a job is. */
struct JobSize {
    std::string domain; /* in words */
    const char *what = "tiles";
    std::string cut;        /* how it is cut into them, in words */
    int64_t parts = 0;      /* 0: as many as there are shares */
    double bytes = 0;       /* of the output; 0: not known */
    double work = 0;        /* pixels, or features */
    double workOfShare = 1; /* which takes some seconds */
    bool canShare = true;
    std::string share; /* what is in the one that the options ask for, in words */
};

/* "3,7,9-12 of 64": the shares that these parts are of. */
std::string NameShares(const PartGrid &grid, int shares, const std::vector<int64_t> &parts);

/* PARTITION=AUTO, or AUTO/n: the share that a launcher of array jobs (Slurm, AWS Batch, Grid Engine, PBS) has told this
 * process to do, as i/n; any other text stays as it is. False, and `why`: there is no launcher, or n is not known. */
bool ResolveShare(std::string &text, std::string &why);

} // namespace fishnet

#endif
